use std::pin::Pin;

use async_trait::async_trait;
use futures::{Stream, StreamExt};
use uuid::Uuid;

use crate::{AppendError, Filter, NewEvent, Position, ReadError, RecordedEvent, StreamName};

/// Keeps events in streams, and all streams in one order.
///
/// Acknowledged means durable: when [`append`](Self::append) returns `Ok`, the events survive a
/// crash. Readers and subscribers never see an event that could still be lost.
#[async_trait]
pub trait EventStore: Send + Sync + 'static {
    /// Appends events to one stream, all or none.
    ///
    /// Appending the same event ids again at the same expected revision answers as the first time
    /// and writes nothing.
    ///
    /// # Errors
    /// Every [`AppendError`].
    async fn append(
        &self,
        stream: &StreamName,
        expected: ExpectedRevision,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError>;

    /// Makes appends of which each follows from those before it: in this order, each only if all before it
    /// are in the log. A crash leaves all of them, none, or the first few; a store that can makes them
    /// durable at once.
    ///
    /// Answers those that were tried. Only the last answer can be an error: nothing behind it was tried.
    async fn append_in_turn(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        let mut answers = Vec::with_capacity(appends.len());
        for Append { stream, expected, events } in appends {
            answers.push(self.append(&stream, expected, events).await);
            if answers.last().is_some_and(Result::is_err) {
                break;
            }
        }
        answers
    }

    /// Makes many appends, in this order of the log, without waiting for one before the next is
    /// under way. For moving logs, not for decisions.
    ///
    /// # Errors
    /// The first one. Appends behind it may have happened.
    async fn append_all(&self, appends: Vec<Append>) -> Result<Vec<Appended>, AppendError> {
        let mut answers = Vec::with_capacity(appends.len());
        for Append { stream, expected, events } in appends {
            answers.push(self.append(&stream, expected, events).await?);
        }
        Ok(answers)
    }

    /// Reads up to `max` events of one stream from a revision on (that one included); backwards,
    /// `u64::MAX` is its end. A stream nobody wrote to is empty.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] and [`ReadError::Unavailable`].
    async fn read_stream(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError>;

    /// Reads the whole log from a position on (that one excluded; `None` is the end that the
    /// direction starts from), up to `max` wanted events.
    ///
    /// # Errors
    /// Every [`ReadError`].
    async fn read_all(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, ReadError>;

    /// Follows the log from a position on (that one excluded; `None` is the beginning): first what
    /// is there, then what comes, with no gap and no duplicate.
    ///
    /// # Errors
    /// [`ReadError::BeyondHead`] at once; the others may also come later, as the last item.
    async fn subscribe(&self, after: Option<Position>, filter: Filter) -> Result<Subscription, ReadError>;

    /// The position of the last event; `None` when the log is empty.
    ///
    /// # Errors
    /// [`ReadError::Unavailable`].
    async fn head(&self) -> Result<Option<Position>, ReadError>;

    /// Tells this log from every other one. A checkpoint is worth nothing without it.
    fn id(&self) -> Uuid;

    /// Whether writes are taken.
    fn health(&self) -> Health;
}

/// Where the writer thinks the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedRevision {
    /// It has no event yet.
    NoStream,
    /// Its last event has this revision.
    Exact(u64),
    /// Anywhere: only for the runner's own streams, never for a decision.
    Any,
}

/// An append as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// To which stream.
    pub stream: StreamName,
    /// Where it should be.
    pub expected: ExpectedRevision,
    /// What to append.
    pub events: Vec<NewEvent>,
}

/// Where the last event of an append landed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its revision.
    pub revision: u64,
    /// Its position.
    pub position: Position,
}

/// Which way to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Oldest first.
    Forwards,
    /// Newest first.
    Backwards,
}

/// A piece of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The wanted events, in the order asked for. May be empty.
    pub events: Vec<RecordedEvent>,
    /// The last position that was looked at, wanted or not: the place to go on from, and what a
    /// checkpoint may say once the events are handled.
    pub through: Option<Position>,
    /// Nothing lay behind `through` when this was read; in a subscription, the mark that it has
    /// caught up.
    pub at_end: bool,
}

/// Whether a store takes writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// Reads and writes work.
    Ready,
    /// Reads work, writes do not, and why.
    ReadOnly(String),
    /// Neither works, and why.
    Down(String),
}

/// The log as it grows, from [`EventStore::subscribe`].
pub struct Subscription(Pin<Box<dyn Stream<Item = Result<Batch, ReadError>> + Send>>);

impl Subscription {
    /// Wraps what a store produces.
    pub fn new(batches: impl Stream<Item = Result<Batch, ReadError>> + Send + 'static) -> Self {
        Self(Box::pin(batches))
    }

    /// The next piece; waits for one when there is none. Dropping the future loses nothing.
    ///
    /// # Errors
    /// Any [`ReadError`]; nothing follows it. A store that closed answers
    /// [`ReadError::Unavailable`].
    pub async fn next(&mut self) -> Result<Batch, ReadError> {
        let closed = || Err(ReadError::Unavailable("the store was closed".to_owned()));
        self.0.next().await.unwrap_or_else(closed)
    }
}
