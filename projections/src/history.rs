//! Why a row is as it is: the events of its streams, who wanted them and what they followed from.

use std::collections::HashMap;

use domain::kernel::Metadata;
use event_store::{Direction, EventStore, Position, ReadError, RecordedEvent, StreamName};
use futures::future::try_join_all;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

/// The most events of one stream that are told.
const MOST: usize = 10_000;

/// One event in the history of a row.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Its place in the log.
    pub position: Position,
    /// When it was decided, RFC 3339.
    pub time: Option<String>,
    /// What happened.
    pub event: String,
    /// To which stream, and the number there.
    pub stream: String,
    /// Its number in the stream.
    pub revision: u64,
    /// Who wanted it: `student:…`, `policy:…`.
    pub actor: Option<String>,
    /// The policy that reacted, when it was one.
    pub policy: Option<String>,
    /// The position of the event that it followed from, when that is in this history.
    pub because_of: Option<Position>,
    /// The command that it followed from, when it was no event of this history.
    pub command: Option<Uuid>,
    /// The same as a sentence.
    pub sentence: String,
    /// The JSON of the event.
    pub data: Option<Box<RawValue>>,
}

/// Everything that happened to one id in these categories, in order; empty when nothing has.
///
/// # Errors
/// When the log cannot be read.
pub async fn history(
    store: &dyn EventStore,
    categories: impl IntoIterator<Item = &str>,
    id: &str,
) -> Result<Vec<Step>, ReadError> {
    // An id that makes no stream name has no stream.
    let streams =
        categories.into_iter().filter_map(|category| StreamName::new(format!("{category}-{id}")).ok());
    let streams: Vec<StreamName> = streams.collect();
    let read = streams.iter().map(|stream| store.read_stream(stream, 0, Direction::Forwards, MOST));
    let mut events: Vec<RecordedEvent> = try_join_all(read).await?.into_iter().flatten().collect();
    events.sort_by_key(|event| event.position);
    let known: HashMap<Uuid, &RecordedEvent> = events.iter().map(|event| (event.id, event)).collect();
    Ok(events.iter().map(|event| step(event, &known)).collect())
}

fn step(event: &RecordedEvent, known: &HashMap<Uuid, &RecordedEvent>) -> Step {
    // An event that somebody wrote by hand need not have any.
    let metadata = Metadata::decode(&event.metadata).ok();
    let milliseconds = metadata.as_ref().map_or(event.recorded_at / 1000, |metadata| metadata.time);
    let time = i64::try_from(milliseconds).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    let time = time.map(|time| time.to_string());
    let actor = metadata.as_ref().map(|metadata| metadata.actor.to_string());
    let policy = actor.as_deref().and_then(|actor| actor.strip_prefix("policy:")).map(str::to_owned);
    let cause = metadata.as_ref().and_then(|metadata| known.get(&metadata.causation_id));
    let command = metadata.as_ref().map(|metadata| metadata.causation_id).filter(|_| cause.is_none());
    let name = event.event_type.to_string();
    let mut sentence = format!("{} {name}", time.as_deref().unwrap_or("at an unknown time"));
    match (&policy, &actor) {
        (Some(policy), _) => sentence.push_str(&format!(", by the policy {policy}")),
        (None, Some(actor)) => sentence.push_str(&format!(", by {actor}")),
        (None, None) => sentence.push_str(", by nobody known"),
    }
    match (cause, command) {
        (Some(cause), _) => {
            sentence.push_str(&format!(", because of {} at {}", cause.event_type, cause.position))
        }
        (None, Some(command)) => sentence.push_str(&format!(", commanded by request {command}")),
        (None, None) => {}
    }
    sentence.push_str(&format!(
        " (position {}, revision {} of {})",
        event.position, event.revision, event.stream
    ));
    Step {
        position: event.position,
        time,
        event: name,
        stream: event.stream.to_string(),
        revision: event.revision,
        actor,
        policy,
        because_of: cause.map(|cause| cause.position),
        command,
        sentence,
        data: serde_json::from_slice(&event.data).ok(),
    }
}
