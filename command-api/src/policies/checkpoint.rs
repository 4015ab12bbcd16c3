//! Up to where a policy has reacted, kept in the event store itself.

use event_store::{
    AppendError, Direction, EventStore, ExpectedRevision, NewEvent, Position, ReadError, StreamName,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The checkpoint of one policy.
pub(super) struct Checkpoint {
    stream: StreamName,
    /// What is on the log.
    pub(super) saved: Option<Position>,
}

#[derive(Serialize, Deserialize)]
struct CheckpointReached {
    position: Position,
}

impl Checkpoint {
    /// Reads the checkpoint of a policy.
    pub(super) async fn load(store: &dyn EventStore, system: &str, policy: &str) -> Result<Self, ReadError> {
        let stream = StreamName::new(format!("{system}.checkpoint-{policy}"));
        let stream = stream.expect("systems and policies have short printable names");
        let last = store.read_stream(&stream, u64::MAX, Direction::Backwards, 1).await?;
        let saved = last.first().map(|last| serde_json::from_slice::<CheckpointReached>(&last.data));
        let saved = saved.transpose().map_err(|error| ReadError::Damaged(format!("{stream}: {error}")))?;
        Ok(Self { stream, saved: saved.map(|reached| reached.position) })
    }

    /// Puts it on the log.
    pub(super) async fn save(
        &mut self,
        store: &dyn EventStore,
        position: Position,
    ) -> Result<(), AppendError> {
        let reached = CheckpointReached { position };
        let event = NewEvent {
            id: Uuid::now_v7(),
            event_type: "CheckpointReached".into(),
            data: serde_json::to_vec(&reached).expect("a number is JSON").into(),
            metadata: "{}".into(),
        };
        store.append(&self.stream, ExpectedRevision::Any, vec![event]).await?;
        self.saved = Some(position);
        Ok(())
    }
}
