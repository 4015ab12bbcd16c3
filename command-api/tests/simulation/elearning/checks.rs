//! What must be true of every history (SPEC 1.3, A).

use std::collections::BTreeMap;

use domain::elearning::{Apply, Delivery, Fact, Payment};
use domain::kernel::{Aggregate, Metadata, RequestId};

use super::What;
use crate::deed::request_of;
use crate::script::Script;
use crate::world::Ending;

/// The facts of one request, in the order of the log.
type Story = Vec<(String, Fact)>;

/// The first thing that is wrong.
pub(crate) fn wrong(script: &Script<What>, ending: &Ending<What>) -> Option<String> {
    let stories = match stories(ending) {
        Ok(stories) => stories,
        Err(reason) => return Some(reason),
    };
    let broken = stories.iter().find_map(|(id, story)| {
        let reason = once(story).or_else(|| in_order(story)).or_else(|| at_rest(*id, story, ending));
        reason.map(|reason| format!("{reason} ({id})"))
    });
    broken.or_else(|| acknowledged(script, ending, &stories))
}

/// Every event belongs to its request and can be read.
fn stories(ending: &Ending<What>) -> Result<BTreeMap<RequestId, Story>, String> {
    let mut stories = BTreeMap::<_, Story>::new();
    for event in &ending.log {
        let stream = event.stream.as_str();
        let metadata = Metadata::decode(&event.metadata).map_err(|error| error.to_string())?;
        let fact = Fact::decode(stream, &event.event_type, metadata.schema_version, &event.data);
        let Some(fact) = fact.map_err(|error| error.to_string())? else {
            return Err(format!("{stream} is of nobody"));
        };
        let id = stream.split_once('-').and_then(|(_, id)| id.parse::<RequestId>().ok());
        match id {
            Some(id) if id.0 == metadata.correlation_id => {
                stories.entry(id).or_default().push((event.event_type.to_string(), fact));
            }
            _ => return Err(format!("{stream} does not say what it belongs to")),
        }
    }
    Ok(stories)
}

/// I2: nothing happens twice.
fn once(story: &Story) -> Option<String> {
    let twice = |name: &String| story.iter().filter(|(other, _)| other == name).count() > 1;
    let name = story.iter().map(|(name, _)| name).find(|name| twice(name))?;
    Some(format!("{name} happened twice"))
}

/// I1 and I3: the delivery is cancelled before the money goes back, and starts only after it came.
fn in_order(story: &Story) -> Option<String> {
    let place = |name: &str| story.iter().position(|(other, _)| other == name);
    let undone_too_early = place("PayRequested").is_some()
        && place("PayCancelled")
            .is_some_and(|money| place("DeliveryCancelled").is_none_or(|goods| goods > money));
    if undone_too_early {
        return Some("the money went back before the delivery was cancelled".to_owned());
    }
    let started = place("DeliveryStarted")?;
    let paid = place("PayCompleted");
    if paid.is_none_or(|paid| paid > started) {
        return Some("delivered before it was paid for".to_owned());
    }
    let undone = ["PayCancelRequested", "PayGivenUp"].map(place);
    let cancelling_first = undone.iter().flatten().any(|undone| paid > Some(*undone));
    cancelling_first.then(|| "delivered for money that came too late".to_owned())
}

/// Delivered and paid for, or nothing of it is left.
fn at_rest(id: RequestId, story: &Story, ending: &Ending<What>) -> Option<String> {
    let (mut apply, mut payment, mut delivery) = (Apply::default(), Payment::default(), Delivery::default());
    for (_, fact) in story {
        match fact {
            Fact::Apply(event) => apply = apply.evolve(event),
            Fact::Payment(event) => payment = payment.evolve(event),
            Fact::Delivery(event) => delivery = delivery.evolve(event),
        }
    }
    let account = ending.outside.account(id);
    let right = match &apply {
        Apply::Nothing => false,
        Apply::Completed(_) => {
            matches!((&payment, &delivery), (Payment::Completed(..), Delivery::Started(_)))
                && (account.kept || ending.outside.is_foretold())
        }
        Apply::Cancelled(..) => {
            let undone = matches!(payment, Payment::Cancelled(_) | Payment::Failed(..));
            undone && !matches!(delivery, Delivery::Started(_)) && !account.kept
        }
    };
    let state = || format!("at rest {apply:?}, {payment:?}, {delivery:?}, at the provider {account:?}");
    (!right || account.charges > 1).then(state)
}

/// What a student was told is true.
fn acknowledged(
    script: &Script<What>,
    ending: &Ending<What>,
    stories: &BTreeMap<RequestId, Story>,
) -> Option<String> {
    script.acts.iter().zip(&ending.answers).find_map(|(act, answer)| {
        let story = stories.get(&request_of(act.who));
        let has = |name: &str| story.is_some_and(|story| story.iter().any(|(other, _)| other == name));
        let code = answer.status.map(|status| status.as_u16());
        let right = match (act.deed, code) {
            (What::Apply, Some(201)) => has("Applied"),
            (What::Cancel, Some(200)) => has("ApplyCancelled"),
            (What::CancelPayment, Some(200)) => has("PayCancelled") || has("PayFailed"),
            (What::Cancel | What::CancelPayment, Some(404)) => true,
            _ => false,
        };
        (!right).then(|| format!("{act:?} was answered with {code:?}"))
    })
}
