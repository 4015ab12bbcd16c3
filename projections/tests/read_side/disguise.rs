//! A store that behaves in ways a good one rarely does.

use async_trait::async_trait;
use event_store::{
    AppendError, Appended, Batch, Direction, EventStore, ExpectedRevision, Filter, Health, MemoryStore,
    NewEvent, Position, ReadError, RecordedEvent, StreamName, Subscription,
};
use futures::stream;
use uuid::Uuid;

/// A log in memory, in disguise.
pub(crate) struct Disguise {
    pub(crate) log: MemoryStore,
    /// The identity it claims.
    pub(crate) id: Uuid,
    /// It delivers every event twice.
    pub(crate) twice: bool,
    /// It breaks every subscription after its first piece.
    pub(crate) breaks: bool,
}

impl Disguise {
    /// No disguise yet.
    pub(crate) fn of(log: &MemoryStore) -> Self {
        Self { log: log.clone(), id: log.id(), twice: false, breaks: false }
    }
}

#[async_trait]
impl EventStore for Disguise {
    async fn append(
        &self,
        stream: &StreamName,
        expected: ExpectedRevision,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        self.log.append(stream, expected, events).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.log.read_stream(stream, from, direction, max).await
    }

    async fn read_all(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, ReadError> {
        self.log.read_all(after, direction, filter, max).await
    }

    async fn subscribe(&self, after: Option<Position>, filter: Filter) -> Result<Subscription, ReadError> {
        let subscription = self.log.subscribe(after, filter).await?;
        let (twice, breaks) = (self.twice, self.breaks);
        let pieces = stream::unfold((subscription, 0), move |(mut subscription, piece)| async move {
            if breaks && piece == 1 {
                let broken = ReadError::Unavailable("the connection broke".to_owned());
                return Some((Err(broken), (subscription, 2)));
            }
            let mut batch = subscription.next().await;
            if let (true, Ok(batch)) = (twice, &mut batch) {
                batch.events.extend_from_within(..);
            }
            Some((batch, (subscription, piece + 1)))
        });
        Ok(Subscription::new(pieces))
    }

    async fn head(&self) -> Result<Option<Position>, ReadError> {
        self.log.head().await
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn health(&self) -> Health {
        self.log.health()
    }
}
