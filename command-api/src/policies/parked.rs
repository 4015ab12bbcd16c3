//! Reactions that failed for good and wait for an operator, kept in the event store itself: a stream of
//! what was parked, what was ordered and what came of it. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use event_store::{Position, RecordedEvent};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a reaction is parked that did not fail itself.
pub(super) const WAITS: &str = "waits behind an earlier event of the same key";

/// A reaction that failed for good, or waits behind one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedReaction {
    /// Later events of this key wait behind it.
    pub key: String,
    /// What it is a reaction to.
    #[serde(flatten)]
    pub trigger: Trigger,
    /// What went wrong.
    pub error: String,
    /// Whether an operator has ordered that it be carried out again.
    #[serde(default)]
    pub ordered: bool,
    /// The store that counts the position so, as the log may be copied to another; not known of earlier
    /// releases.
    #[serde(default)]
    pub store: Option<Uuid>,
}

/// The event that something is a reaction to; not the event itself, whose bytes would be kept in
/// memory for as long as the reaction waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trigger {
    /// Its position.
    pub position: Position,
    /// Its id.
    pub event: Uuid,
    /// Its type.
    pub event_type: Arc<str>,
    /// Its stream.
    pub stream: Arc<str>,
    /// Its revision there.
    pub revision: u64,
}

impl Trigger {
    pub(super) fn of(event: &RecordedEvent) -> Self {
        Self {
            position: event.position,
            event: event.id,
            event_type: Arc::clone(&event.event_type),
            stream: event.stream.clone().into(),
            revision: event.revision,
        }
    }
}

/// What can have happened to parked reactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum ParkedEvent {
    /// A reaction failed for good, or again, or waits behind one.
    ReactionParked(ParkedReaction),
    /// An operator wants all of a key carried out again, in order.
    RetryOrdered(RetryOrdered),
    /// An operator wants the first of a key never carried out; and the others again, in order.
    ReactionSkipped(ReactionSkipped),
    /// A reaction was carried out that had been parked.
    ReactionRetried(ReactionRetried),
}

/// Payload of [`ParkedEvent::RetryOrdered`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RetryOrdered {
    pub(super) key: String,
    #[serde(flatten)]
    pub(super) signed: Signed,
}

/// Payload of [`ParkedEvent::ReactionSkipped`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReactionSkipped {
    pub(super) skipped: ParkedReaction,
    #[serde(flatten)]
    pub(super) signed: Signed,
}

/// Payload of [`ParkedEvent::ReactionRetried`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReactionRetried {
    pub(super) key: String,
    pub(super) event: Uuid,
}

/// Who ordered something, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Signed {
    pub(super) by: String,
    /// Milliseconds since the Unix epoch.
    pub(super) time: u64,
}

impl ParkedEvent {
    pub(super) const RETRY_ORDERED: &str = "RetryOrdered";
    pub(super) const REACTION_SKIPPED: &str = "ReactionSkipped";

    /// Its name on the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::ReactionParked(_) => "ReactionParked",
            Self::RetryOrdered(_) => Self::RETRY_ORDERED,
            Self::ReactionSkipped(_) => Self::REACTION_SKIPPED,
            Self::ReactionRetried(_) => "ReactionRetried",
        }
    }

    /// Its JSON on the log.
    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a plain struct is JSON")
    }

    /// Reads it back.
    pub(super) fn decode(name: &str, json: &[u8]) -> Result<Self, String> {
        let event = match name {
            "ReactionParked" => serde_json::from_slice(json).map(Self::ReactionParked),
            Self::RETRY_ORDERED => serde_json::from_slice(json).map(Self::RetryOrdered),
            Self::REACTION_SKIPPED => serde_json::from_slice(json).map(Self::ReactionSkipped),
            "ReactionRetried" => serde_json::from_slice(json).map(Self::ReactionRetried),
            unknown => return Err(format!("unknown event {unknown}")),
        };
        event.map_err(|error| error.to_string())
    }
}

/// All parked reactions of one policy: the fold of their stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parked {
    keys: HashMap<String, BTreeMap<Position, ParkedReaction>>,
    skipped: HashSet<Uuid>,
}

impl Parked {
    /// The same, after this has happened.
    pub(super) fn apply(&mut self, event: ParkedEvent) {
        match event {
            ParkedEvent::ReactionParked(mut reaction) => {
                let of_key = self.keys.entry(reaction.key.clone()).or_default();
                let known = of_key.contains_key(&reaction.trigger.position);
                // What was parked while an order was on its way is meant by it; what fails again has
                // obeyed it, and everything behind it waits for the next one.
                reaction.ordered = !known && of_key.values().next().is_some_and(|first| first.ordered);
                if known {
                    of_key.values_mut().for_each(|reaction| reaction.ordered = false);
                }
                of_key.insert(reaction.trigger.position, reaction);
            }
            ParkedEvent::RetryOrdered(RetryOrdered { key, signed: _ }) => self.order(&key),
            ParkedEvent::ReactionSkipped(ReactionSkipped { skipped, signed: _ }) => {
                self.remove(&skipped.key, skipped.trigger.event);
                self.skipped.insert(skipped.trigger.event);
                self.order(&skipped.key);
            }
            ParkedEvent::ReactionRetried(ReactionRetried { key, event }) => self.remove(&key, event),
        }
    }

    fn order(&mut self, key: &str) {
        self.keys.get_mut(key).into_iter().flat_map(BTreeMap::values_mut).for_each(|it| it.ordered = true);
    }

    fn remove(&mut self, key: &str, event: Uuid) {
        if let Some(of_key) = self.keys.get_mut(key) {
            of_key.retain(|_, reaction| reaction.trigger.event != event);
            if of_key.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    /// Whether later events of this key have to wait.
    pub(super) fn blocks(&self, key: &str) -> bool {
        self.of(key).any(|reaction| !reaction.ordered)
    }

    /// Whether the reaction to this event is parked.
    pub(super) fn knows(&self, key: &str, event: Uuid) -> bool {
        self.of(key).any(|reaction| reaction.trigger.event == event)
    }

    /// Whether the reaction to this event shall never be carried out.
    pub(super) fn was_skipped(&self, event: Uuid) -> bool {
        self.skipped.contains(&event)
    }

    /// What is parked of a key, in order.
    pub(super) fn of(&self, key: &str) -> impl Iterator<Item = &ParkedReaction> {
        self.keys.get(key).into_iter().flat_map(BTreeMap::values)
    }

    /// Everything that is parked, in the order of the log.
    pub(super) fn all(&self) -> Vec<ParkedReaction> {
        let mut all: Vec<_> = self.keys.values().flat_map(BTreeMap::values).cloned().collect();
        all.sort_by_key(|reaction| reaction.trigger.position);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaction(key: &str, position: u64, error: &str) -> ParkedReaction {
        let trigger = Trigger {
            position: Position(position),
            event: Uuid::from_u128(position.into()),
            event_type: "Applied".into(),
            stream: format!("elearning.apply-{key}").into(),
            revision: 0,
        };
        ParkedReaction { key: key.to_owned(), trigger, error: error.to_owned(), ordered: false, store: None }
    }

    fn parked(key: &str, position: u64) -> ParkedEvent {
        ParkedEvent::ReactionParked(reaction(key, position, "no"))
    }

    fn retry(key: &str) -> ParkedEvent {
        ParkedEvent::RetryOrdered(RetryOrdered { key: key.to_owned(), signed: signed() })
    }

    fn skip(key: &str, position: u64) -> ParkedEvent {
        ParkedEvent::ReactionSkipped(ReactionSkipped {
            skipped: reaction(key, position, "no"),
            signed: signed(),
        })
    }

    fn signed() -> Signed {
        Signed { by: "kim".to_owned(), time: 7 }
    }

    /// After these, what is parked: position, and whether it is ordered.
    fn after(events: impl IntoIterator<Item = ParkedEvent>) -> (Parked, Vec<(u64, bool)>) {
        let mut all = Parked::default();
        for event in events {
            // As the log keeps it.
            all.apply(ParkedEvent::decode(event.name(), &event.encode()).unwrap());
        }
        let listed = all.all().iter().map(|it| (it.trigger.position.0, it.ordered)).collect();
        (all, listed)
    }

    #[test]
    fn what_is_parked_blocks_its_key_until_an_order() {
        let (all, listed) = after([parked("a", 1), parked("b", 2), parked("a", 3)]);
        assert_eq!(
            (all.blocks("a"), all.blocks("c"), listed),
            (true, false, vec![(1, false), (2, false), (3, false)])
        );
        let (all, listed) = after([parked("a", 1), parked("b", 2), parked("a", 3), retry("a")]);
        assert_eq!(
            (all.blocks("a"), all.blocks("b"), listed),
            (false, true, vec![(1, true), (2, false), (3, true)])
        );
    }

    #[test]
    fn what_fails_again_blocks_its_key_again() {
        let (all, listed) = after([parked("a", 1), parked("a", 3), retry("a"), parked("a", 1)]);
        assert_eq!((all.blocks("a"), listed), (true, vec![(1, false), (3, false)]));
    }

    #[test]
    fn what_was_parked_while_the_order_was_on_its_way_is_meant_too() {
        let (all, listed) = after([parked("a", 1), retry("a"), parked("a", 3)]);
        assert_eq!((all.blocks("a"), listed), (false, vec![(1, true), (3, true)]));
    }

    #[test]
    fn what_is_skipped_is_remembered_and_lets_the_rest_go_on() {
        let (all, listed) = after([parked("a", 1), parked("a", 3), skip("a", 1)]);
        assert_eq!((all.blocks("a"), listed), (false, vec![(3, true)]));
        let event = |position: u128| Uuid::from_u128(position);
        assert!(all.was_skipped(event(1)) && !all.was_skipped(event(3)) && all.knows("a", event(3)));
    }

    #[test]
    fn what_was_carried_out_is_no_longer_parked() {
        let done = ReactionRetried { key: "a".to_owned(), event: Uuid::from_u128(1) };
        let (all, _) = after([parked("a", 1), retry("a"), ParkedEvent::ReactionRetried(done)]);
        assert_eq!(all, Parked::default());
    }
}
