//! Where the parked reactions of a policy are kept, and where operators order what to do about them.
//! Any process may take an order: it goes through the log to whichever runs the policy.

use std::sync::Arc;

use event_store::{
    AppendError, Decoded, Direction, EventStore, ExpectedRevision, NewEvent, ReadError, RecordedEvent,
    StreamName,
};
use serde::Serialize;
use uuid::Uuid;

use super::landmark;
use super::parked::{Parked, ParkedEvent, ParkedReaction, ReactionSkipped, RetryOrdered, Signed};
use crate::execute::Clock;

/// The stream of the parked reactions of one policy.
#[derive(Clone)]
pub struct Parking {
    store: Arc<dyn EventStore>,
    stream: StreamName,
    clock: Clock,
}

/// What an operator wants done about the parked reactions of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// Carry them out again, in order.
    Retry,
    /// Never carry out the first, and the others again, in order.
    Skip,
}

/// Why an order was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    /// Nothing of the key is parked.
    #[error("nothing is parked under this key")]
    NotParked,
    /// What shall be skipped is being carried out again, as was ordered before.
    #[error("it is being carried out again, as was ordered before")]
    UnderWay,
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl Parking {
    pub(super) fn new(store: Arc<dyn EventStore>, clock: Clock, system: &str, policy: &str) -> Self {
        let stream = StreamName::new(format!("{system}.parked-{policy}"));
        Self { store, stream: stream.expect("systems and policies have short printable names"), clock }
    }

    /// What is parked, in the order of the log.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn list(&self) -> Result<Vec<ParkedReaction>, ReadError> {
        Ok(self.load().await?.0.all())
    }

    /// Takes an order, and answers what it is about: what will be carried out again, or what was
    /// skipped. Ordering again what is under way changes nothing.
    ///
    /// # Errors
    /// [`OrderError`].
    pub async fn order(&self, key: &str, order: Order, by: &str) -> Result<Vec<ParkedReaction>, OrderError> {
        loop {
            let (parked, revision) = self.load().await?;
            let mut of_key: Vec<_> = parked.of(key).cloned().collect();
            let first = of_key.first().ok_or(OrderError::NotParked)?.clone();
            let signed = Signed { by: by.to_owned(), time: (self.clock)() };
            let event = match (order, parked.blocks(key)) {
                (Order::Retry, false) => return Ok(of_key),
                (Order::Skip, false) => return Err(OrderError::UnderWay),
                (Order::Retry, true) => {
                    ParkedEvent::RetryOrdered(RetryOrdered { key: key.to_owned(), signed })
                }
                (Order::Skip, true) => {
                    of_key.truncate(1);
                    ParkedEvent::ReactionSkipped(ReactionSkipped { skipped: first, signed })
                }
            };
            let expected = revision.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
            match self.append(expected, &event).await {
                // Something was parked or ordered meanwhile: look again.
                Err(AppendError::WrongRevision { .. }) => {}
                appended => {
                    appended?;
                    tracing::warn!(stream = %self.stream, key, ?order, by, "an operator's order");
                    return Ok(of_key);
                }
            }
        }
    }

    /// What is parked, and the revision up to which that is so.
    pub(super) async fn load(&self) -> Result<(Parked, Option<u64>), ReadError> {
        let events = self.store.read_stream(&self.stream, 0, Direction::Forwards, usize::MAX).await?;
        let mut parked = Parked::default();
        for event in &events {
            let mut event = self.decode(event)?;
            if let ParkedEvent::ReactionParked(reaction) = &mut event {
                self.find(reaction).await?;
            }
            parked.apply(event);
        }
        Ok((parked, events.last().map(|last| last.revision)))
    }

    /// Finds the place of a reaction in the log that is open, if it was parked in the one that this is a
    /// copy of. One whose event is gone stays where it was: whoever carries it out is told so.
    async fn find(&self, reaction: &mut ParkedReaction) -> Result<(), ReadError> {
        if reaction.store.is_some_and(|store| store != self.store.id())
            && let Some(event) = landmark::find(&*self.store, &reaction.trigger).await?
        {
            (reaction.trigger.position, reaction.store) = (event.position, Some(self.store.id()));
        }
        Ok(())
    }

    /// Whether an event is of this stream.
    pub(super) fn has(&self, event: &RecordedEvent) -> bool {
        event.stream == self.stream
    }

    pub(super) fn decode(&self, event: &RecordedEvent) -> Result<ParkedEvent, ReadError> {
        let damaged = |error| ReadError::Damaged(format!("{} at {}: {error}", self.stream, event.revision));
        ParkedEvent::decode(&event.event_type, &event.data).map_err(damaged)
    }

    pub(super) async fn append(&self, at: ExpectedRevision, event: &ParkedEvent) -> Result<(), AppendError> {
        let event = NewEvent {
            id: Uuid::now_v7(),
            event_type: event.name().into(),
            data: event.encode().into(),
            metadata: "{}".into(),
            decoded: Decoded::default(),
        };
        self.store.append(&self.stream, at, vec![event]).await.map(drop)
    }
}
