//! Something of which only the last word counts, kept as a stream of the event store.

use event_store::{
    AppendError, Decoded, Direction, EventStore, ExpectedRevision, NewEvent, ReadError, StreamName,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// The last word in a stream. A new one is put only behind the one that was read: whoever was
/// overtaken finds out, and has changed nothing.
pub(super) struct Note<T> {
    stream: StreamName,
    event_type: &'static str,
    revision: Option<u64>,
    /// The last word; `None` before the first.
    pub(super) latest: Option<T>,
}

impl<T: Serialize + DeserializeOwned> Note<T> {
    /// Reads the note `<system>.<kind>-<policy>`.
    pub(super) async fn load(
        store: &dyn EventStore,
        [system, kind, policy]: [&str; 3],
        event_type: &'static str,
    ) -> Result<Self, ReadError> {
        let stream = StreamName::new(format!("{system}.{kind}-{policy}"));
        let stream = stream.expect("systems and policies have short printable names");
        let mut note = Self { stream, event_type, revision: None, latest: None };
        note.reload(store).await?;
        Ok(note)
    }

    /// Reads it again.
    pub(super) async fn reload(&mut self, store: &dyn EventStore) -> Result<(), ReadError> {
        let last = store.read_stream(&self.stream, u64::MAX, Direction::Backwards, 1).await?;
        let Some(last) = last.first() else { return Ok(()) };
        let damaged = |error| ReadError::Damaged(format!("{}: {error}", self.stream));
        self.latest = Some(serde_json::from_slice(&last.data).map_err(damaged)?);
        self.revision = Some(last.revision);
        Ok(())
    }

    /// Puts a new word behind the last one.
    pub(super) async fn put(&mut self, store: &dyn EventStore, word: T) -> Result<(), AppendError> {
        let event = NewEvent {
            id: Uuid::now_v7(),
            event_type: self.event_type.into(),
            data: serde_json::to_vec(&word).expect("a plain struct is JSON").into(),
            metadata: "{}".into(),
            decoded: Decoded::default(),
        };
        let expected = self.revision.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
        let appended = store.append(&self.stream, expected, vec![event]).await?;
        (self.revision, self.latest) = (Some(appended.revision), Some(word));
        Ok(())
    }
}
