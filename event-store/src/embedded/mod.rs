//! A durable log in a folder, owned by one process.
//!
//! ```text
//! folder/
//!   lock              held while a process has the log open
//!   store             format version and id of the log
//!   0000000000.log    a segment: blocks from the front, zeros behind them
//!   0000000000.idx    the index of a sealed segment; can be deleted
//!   0000000001.log    the segment that is written
//!   0000000002.log    the next one
//! ```
//!
//! Appends are judged where they are made and put into the block in the making ([`intake`], [`making`]); one
//! whose place is [`taken`] is answered before. One thread writes ([`writer`]): everything that came since
//! the last time is one block ([`block`]) of frames ([`frame`]), one write and one sync; then it is shown to
//! readers ([`log`], [`tail`]) and acknowledged. A second thread ([`keeper`])
//! makes segments ([`segment`]) before they are needed and writes the indexes ([`index_file`]) of sealed
//! ones. Opening is always [`recovery`].
//!
//! Memory holds the index of the segment that is written ([`growing`]), the newest blocks, and for each
//! older segment ([`sealed`]) a filter ([`bloom`]), the same once more beside those of others
//! ([`sliced`]), and a sparse table: it grows by about 5 bytes per stream and segment, not with the events.

mod backup;
mod block;
mod bloom;
mod bytes;
mod check;
mod disk;
mod draft;
mod error;
mod folder;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod growing;
mod index;
mod index_file;
mod index_write;
mod intake;
mod keeper;
mod log;
mod making;
mod options;
mod read;
mod recovery;
mod scan;
mod sealed;
mod segment;
mod site;
mod sliced;
mod tail;
mod taken;
mod visit;
mod walk;
mod writer;

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use smallvec::smallvec;
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

pub use backup::backup;
pub use check::{IndexReport, Report, SegmentReport, truncate};
pub use disk::{Disk, LogFile, RealDisk};
pub use error::OpenError;
pub use options::Options;
pub use visit::{Stroll, Visitor};

use crate::follow::follow;
use crate::{
    Append, AppendError, Appended, Batch, Direction, EventStore, ExpectedRevision, Filter, Health, NewEvent,
    Position, ReadError, RecordedEvent, StreamName, Subscription, limits,
};
use draft::Draft;
use intake::{Answer, Intake, Request, Turns};
use log::Log;
use scan::Limits;

pub(crate) type Opened<T> = Result<T, OpenError>;

/// What one batch of a subscription holds at most.
const BATCH: Limits = Limits { events: 1000, bytes: 4 * 1024 * 1024 };
/// So many short reads from the disk are made where they are asked for; more go to a thread that may
/// block. Handing over costs more than a few reads that the page cache answers.
const INLINE_READS: usize = 32;

/// How many appends of one caller are queued at once.
const UNDER_WAY: usize = 256;

/// Keeps events durably in a folder. Clones share one log; dropping the last one waits for what is
/// being written, ends the threads and lets go of the folder (milliseconds; it blocks).
///
/// Knows no deleted streams: a deletion over [`protocol`](mod@crate::protocol) is an event like any
/// other here, and an append behind it is not refused. To refuse it, the last event of a stream
/// would have to be read for every append, for the sake of streams that no program of ours deletes.
/// Whoever must be refused appends through the protocol.
///
/// Must be used within a tokio runtime.
///
/// ```
/// # use event_store::{Decoded, EmbeddedStore, EventStore, ExpectedRevision, NewEvent, StreamName};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// let store = EmbeddedStore::open(folder)?;
/// let event = NewEvent {
///     id: uuid::Uuid::now_v7(),
///     event_type: "Opened".into(),
///     data: "{}".into(),
///     metadata: "{}".into(),
///     decoded: Decoded::default(),
/// };
/// store.append(&StreamName::new("account-1")?, ExpectedRevision::NoStream, vec![event]).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EmbeddedStore {
    log: Arc<Log>,
    /// Kept alive by the writer only, so that subscriptions end when it does.
    head: watch::Receiver<Option<Position>>,
    /// Dropped with the last handle.
    owner: Arc<Owner>,
}

struct Owner {
    intake: Arc<Intake>,
    writer: Mutex<Option<JoinHandle<()>>>,
    _lock: File,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.intake.close();
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if writer.is_some_and(|writer| writer.join().is_err()) {
            tracing::error!("the writer of the event store panicked");
        }
    }
}

impl EmbeddedStore {
    /// Opens the log in a folder, or begins one in a folder that is empty or not there yet.
    ///
    /// # Errors
    /// Every [`OpenError`] but [`OpenError::Missing`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, OpenError> {
        Options::new().open(folder)
    }

    fn plan(
        &self,
        stream: &StreamName,
        from: u64,
        way: Direction,
        max: usize,
    ) -> Result<read::Plan, ReadError> {
        self.log.plan(stream, from, way, max)
    }

    /// Makes appends in turn.
    async fn ask(&self, drafts: Turns<Draft>) -> Turns<Answer> {
        let (answer, answered) = oneshot::channel();
        self.owner.intake.enter(Request { drafts, answer });
        let unknown = |_| smallvec![Err(AppendError::Unknown("the writer ended".to_owned()))];
        answered.await.unwrap_or_else(unknown)
    }
}

#[async_trait]
impl EventStore for EmbeddedStore {
    async fn append(
        &self,
        stream: &StreamName,
        expected: ExpectedRevision,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        limits::check(&events)?;
        let mut draft = Draft::new(self.log.store, stream, expected, &events);
        drop(events);
        if let Some(last) = self.log.look_back(&mut draft) {
            return self.log.answer_taken(&draft, Some(last));
        }
        self.ask(smallvec![draft]).await.pop().expect("one append has one answer")
    }

    /// All of them are in one block.
    async fn append_in_turn(&self, appends: Vec<Append>) -> Vec<Result<Appended, AppendError>> {
        let (mut drafts, mut invalid) = (Turns::new(), None);
        for Append { stream, expected, events } in appends {
            if let Err(error) = limits::check(&events) {
                invalid = Some(error);
                break;
            }
            let mut draft = Draft::new(self.log.store, &stream, expected, &events);
            // One that is taken is answered in its turn.
            self.log.look_back(&mut draft);
            drafts.push(draft);
        }
        let mut answers = if drafts.is_empty() { Turns::new() } else { self.ask(drafts).await };
        if let Some(invalid) = invalid.filter(|_| answers.iter().all(Result::is_ok)) {
            answers.push(Err(invalid));
        }
        answers.into_vec()
    }

    /// Each append is queued when it is first polled, so they are in the log in this order, many in
    /// one block.
    async fn append_all(&self, appends: Vec<Append>) -> Result<Vec<Appended>, AppendError> {
        let appends = appends.into_iter().map(|Append { stream, expected, events }| {
            let store = self.clone();
            // The runtime's budget would turn them round.
            tokio::task::unconstrained(async move { store.append(&stream, expected, events).await })
        });
        let under_way = stream::iter(appends.collect::<Vec<_>>()).buffered(UNDER_WAY);
        under_way.try_collect().await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let plan = self.plan(stream, from, direction, max)?;
        if plan.cold() <= INLINE_READS {
            return plan.run();
        }
        blocking(move || plan.run()).await
    }

    async fn read_all(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, ReadError> {
        let limits = Limits { events: max, bytes: usize::MAX };
        if direction == Direction::Forwards && self.log.is_recent(after) {
            return self.log.scan(after, direction, filter, limits);
        }
        let (log, filter) = (Arc::clone(&self.log), filter.clone());
        blocking(move || log.scan(after, direction, &filter, limits)).await
    }

    async fn subscribe(&self, after: Option<Position>, filter: Filter) -> Result<Subscription, ReadError> {
        self.log.state().check(after)?;
        let (log, filter) = (Arc::clone(&self.log), Arc::new(filter));
        let read = move |after| {
            let (log, filter) = (Arc::clone(&log), Arc::clone(&filter));
            async move {
                if log.is_recent(after) {
                    return log.scan(after, Direction::Forwards, &filter, BATCH);
                }
                blocking(move || log.scan(after, Direction::Forwards, &filter, BATCH)).await
            }
        };
        Ok(follow(after, self.head.clone(), read))
    }

    async fn head(&self) -> Result<Option<Position>, ReadError> {
        Ok(self.log.head())
    }

    fn id(&self) -> Uuid {
        self.log.store
    }

    fn health(&self) -> Health {
        self.log.health()
    }
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let ended = |error: tokio::task::JoinError| Err(ReadError::Unavailable(error.to_string()));
    tokio::task::spawn_blocking(read).await.unwrap_or_else(ended)
}
