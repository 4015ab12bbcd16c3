//! Reactions that failed for good and wait for an operator, kept in the event store itself.

use std::collections::HashSet;
use std::sync::Arc;

use event_store::{
    AppendError, Direction, EventStore, ExpectedRevision, NewEvent, Position, ReadError, RecordedEvent,
    StreamName,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A reaction that failed for good.
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
}

impl Trigger {
    pub(super) fn of(event: &RecordedEvent) -> Self {
        Self { position: event.position, event: event.id, event_type: Arc::clone(&event.event_type) }
    }
}

/// All parked reactions of one policy.
pub(super) struct Parked {
    stream: StreamName,
    pub(super) reactions: Vec<ParkedReaction>,
    keys: HashSet<String>,
}

impl Parked {
    /// Reads what is parked.
    pub(super) async fn load(store: &dyn EventStore, system: &str, policy: &str) -> Result<Self, ReadError> {
        let stream = StreamName::new(format!("{system}.parked-{policy}"));
        let stream = stream.expect("systems and policies have short printable names");
        let mut parked = Self { stream, reactions: Vec::new(), keys: HashSet::new() };
        for event in store.read_stream(&parked.stream, 0, Direction::Forwards, usize::MAX).await? {
            let reaction = serde_json::from_slice(&event.data);
            let damaged = |error| ReadError::Damaged(format!("{}: {error}", parked.stream));
            let reaction = reaction.map_err(damaged)?;
            parked.add(reaction);
        }
        Ok(parked)
    }

    /// Whether later events of this key have to wait.
    pub(super) fn blocks(&self, key: &str) -> bool {
        self.keys.contains(key)
    }

    /// Parks the reaction to an event. Parking it again, after a crash, changes nothing.
    pub(super) async fn park(
        &mut self,
        store: &dyn EventStore,
        key: &str,
        trigger: Trigger,
        error: String,
    ) -> Result<(), AppendError> {
        if self.reactions.iter().any(|parked| parked.trigger.event == trigger.event) {
            return Ok(());
        }
        let reaction = ParkedReaction { key: key.to_owned(), trigger, error };
        let parked = NewEvent {
            id: Uuid::now_v7(),
            event_type: "ReactionParked".into(),
            data: serde_json::to_vec(&reaction).expect("a plain struct is JSON").into(),
            metadata: "{}".into(),
        };
        store.append(&self.stream, ExpectedRevision::Any, vec![parked]).await?;
        self.add(reaction);
        Ok(())
    }

    fn add(&mut self, reaction: ParkedReaction) {
        self.keys.insert(reaction.key.clone());
        self.reactions.push(reaction);
    }
}
