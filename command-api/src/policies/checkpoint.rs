//! Up to where a policy has reacted, kept in the event store itself.

use event_store::{AppendError, EventStore, Position, ReadError};
use serde::{Deserialize, Serialize};

use super::note::Note;

/// The checkpoint of one policy.
pub(super) struct Checkpoint(Note<CheckpointReached>);

#[derive(Serialize, Deserialize)]
struct CheckpointReached {
    position: Position,
}

impl Checkpoint {
    /// Reads the checkpoint of a policy.
    pub(super) async fn load(store: &dyn EventStore, system: &str, policy: &str) -> Result<Self, ReadError> {
        Note::load(store, [system, "checkpoint", policy], "CheckpointReached").await.map(Self)
    }

    /// What is on the log.
    pub(super) fn saved(&self) -> Option<Position> {
        self.0.latest.as_ref().map(|reached| reached.position)
    }

    /// Puts it on the log. Whoever lost the policy to another process is refused.
    pub(super) async fn save(
        &mut self,
        store: &dyn EventStore,
        position: Position,
    ) -> Result<(), AppendError> {
        self.0.put(store, CheckpointReached { position }).await
    }
}
