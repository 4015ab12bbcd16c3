//! Up to where a policy has reacted, kept in the event store itself.

use event_store::{AppendError, EventStore, Position, ReadError};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::landmark;
use super::note::Note;
use super::parked::Trigger;

/// The checkpoint of one policy.
pub(super) struct Checkpoint {
    note: Note<CheckpointReached>,
    position: Option<Position>,
}

#[derive(Serialize, Deserialize)]
struct CheckpointReached {
    position: Position,
    /// The store that counts so, as the log may be copied to another; not known of earlier releases.
    #[serde(default)]
    store: Option<Uuid>,
    /// The newest event of the system up to there; `None` before the first.
    #[serde(default)]
    landmark: Option<Trigger>,
}

/// Why a policy has no place to go on from.
#[derive(Debug, thiserror::Error)]
pub(super) enum Astray {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(
        "its checkpoint is of the event store {of}, and the event that it had reached there, {} at revision {}, \
         is not in this one: copy that store again with `event-store copy`, to an empty one, and start with the \
         copy", .landmark.stream, .landmark.revision
    )]
    Missing { of: Uuid, landmark: Trigger },
}

impl Checkpoint {
    /// Reads the checkpoint of a policy. That of a log which was copied to this store since is looked up.
    pub(super) async fn load(store: &dyn EventStore, system: &str, policy: &str) -> Result<Self, Astray> {
        let of = [system, "checkpoint", policy];
        let note = Note::<CheckpointReached>::load(store, of, "CheckpointReached").await?;
        let position = match &note.latest {
            None => None,
            Some(reached) => reached.here(store, policy).await?,
        };
        Ok(Self { note, position })
    }

    /// Where it is in this log.
    pub(super) fn saved(&self) -> Option<Position> {
        self.position
    }

    /// Puts it on the log. Whoever lost the policy to another process is refused.
    pub(super) async fn save(
        &mut self,
        store: &dyn EventStore,
        position: Position,
        landmark: Option<Trigger>,
    ) -> Result<(), AppendError> {
        let reached = CheckpointReached { position, store: Some(store.id()), landmark };
        self.note.put(store, reached).await?;
        self.position = Some(position);
        Ok(())
    }
}

impl CheckpointReached {
    /// The place in this store that has the same events of the system before and behind it.
    async fn here(&self, store: &dyn EventStore, policy: &str) -> Result<Option<Position>, Astray> {
        let position = Some(self.position);
        match (self.store, &self.landmark) {
            (None, _) => {
                tracing::warn!(policy, %self.position, "the checkpoint does not say of which store it is: taken as of this one");
                Ok(position)
            }
            (Some(of), _) if of == store.id() => Ok(position),
            (Some(_), None) => Ok(None),
            (Some(of), Some(landmark)) => match landmark::find(store, landmark).await? {
                None => Err(Astray::Missing { of, landmark: landmark.clone() }),
                Some(event) => {
                    tracing::info!(policy, %of, was = %self.position, is = %event.position, "the log has moved");
                    Ok(Some(event.position))
                }
            },
        }
    }
}
