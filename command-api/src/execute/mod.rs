//! One decision: load, fold, decide, append; on a conflict read what is new and decide again.
//!
//! Decisions on one stream wait in line, each begins with what the last one left behind, and only what
//! others wrote meanwhile is read. A stale memory costs a conflict and nothing else: a decision that
//! would append nothing, or refuse, is taken only on what the log holds at that moment.

mod cache;
mod error;
mod hopeful;
mod loaded;
mod new_event;
mod snapshot;

use std::any::Any;
use std::cell::RefCell;
use std::fmt::{Display, Write};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cache::Cache;
use domain::kernel::{Aggregate, DecodeError, Event, FIRST_VERSION, Metadata, stream};
pub use error::{ExecuteError, Trouble};
use event_store::{
    AppendError, Appended, Direction, EventStore, ExpectedRevision, NewEvent, RecordedEvent, StreamName,
};
pub use hopeful::Both;
pub use loaded::{Last, Loaded};
use new_event::new_event;
use snapshot::Kept;
use uuid::Uuid;

/// How often a decision is taken anew because somebody else was faster.
const ATTEMPTS: usize = 16;

/// How many events are read at once.
const PAGE: usize = 1000;

/// Takes decisions of aggregates and keeps what they decide. The only way in which this process
/// writes business events.
#[derive(Clone)]
pub struct Executor {
    store: Arc<dyn EventStore>,
    clock: Clock,
    cache: Arc<Cache>,
}

/// What is remembered of an aggregate.
struct Remembered<A> {
    loaded: Loaded<A>,
    snapshot: Kept,
    /// Whether it is all that the log held when it was last asked, not a guess.
    current: bool,
}

impl<A: Aggregate> Remembered<A> {
    /// Of a stream that nobody looked at yet.
    fn nothing() -> Self {
        Self { loaded: Loaded::nothing(), snapshot: Kept::default(), current: false }
    }
}

/// What a decision begins with. Whatever it is, one that does not fit the log is taken anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basis {
    /// What is remembered.
    Memory,
    /// What the log holds at this moment.
    Log,
}

/// Tells the time in milliseconds since the Unix epoch.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The clock on the wall.
pub fn wall_clock() -> Clock {
    Arc::new(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64)
}

/// Where a command comes from. Every event that it leads to says so.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The request that all belongs to.
    pub correlation: Uuid,
    /// The event or HTTP request that the command follows from.
    pub cause: Uuid,
    /// Who wants it.
    pub actor: Arc<str>,
}

impl Origin {
    /// The same wish, one event further.
    #[must_use]
    pub fn after(&self, event: Option<Uuid>) -> Self {
        Self { cause: event.unwrap_or(self.cause), ..self.clone() }
    }
}

impl Executor {
    /// An executor on this store.
    pub fn new(store: Arc<dyn EventStore>, clock: Clock) -> Self {
        Self { store, clock, cache: Arc::default() }
    }

    /// The aggregate as it stands.
    ///
    /// # Errors
    /// When the log cannot be read or holds what cannot be understood.
    pub async fn load<A: Aggregate>(&self, key: &(impl Display + Sync)) -> Result<Loaded<A>, Trouble> {
        let stream = stream_name::<A>(key);
        let place = self.cache.place(&stream);
        let mut place = place.lock().await;
        let mut known = self.remembered(&stream, place.take()).await?;
        self.refresh(&stream, &mut known).await?;
        let loaded = known.loaded.clone();
        *place = Some(Box::new(known));
        Ok(loaded)
    }

    /// Whether anything has happened to the aggregate.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn knows<A: Aggregate>(&self, key: &(impl Display + Sync)) -> Result<bool, Trouble> {
        let first = self.store.read_stream(&stream_name::<A>(key), 0, Direction::Forwards, 1).await?;
        Ok(!first.is_empty())
    }

    /// Decides on the aggregate as it stands.
    ///
    /// # Errors
    /// Every [`ExecuteError`] but [`ExecuteError::Precondition`].
    pub async fn execute<A: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        command: &A::Command,
        origin: &Origin,
    ) -> Result<Loaded<A>, ExecuteError<A::Refusal>> {
        self.execute_at(key, command, origin, None).await
    }

    /// Decides on the aggregate if it is at this revision.
    ///
    /// # Errors
    /// Every [`ExecuteError`].
    pub async fn execute_at<A: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        command: &A::Command,
        origin: &Origin,
        revision: Option<u64>,
    ) -> Result<Loaded<A>, ExecuteError<A::Refusal>> {
        let stream = stream_name::<A>(key);
        self.decide(&stream, command, origin, revision, Basis::Memory).await
    }

    /// Decides on what the log holds now, and not on what was remembered: for what is followed by a side
    /// effect.
    ///
    /// # Errors
    /// Every [`ExecuteError`] but [`ExecuteError::Precondition`].
    pub async fn execute_current<A: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        command: &A::Command,
        origin: &Origin,
    ) -> Result<Loaded<A>, ExecuteError<A::Refusal>> {
        self.decide(&stream_name::<A>(key), command, origin, None, Basis::Log).await
    }

    async fn decide<A: Aggregate>(
        &self,
        stream: &StreamName,
        command: &A::Command,
        origin: &Origin,
        revision: Option<u64>,
        basis: Basis,
    ) -> Result<Loaded<A>, ExecuteError<A::Refusal>> {
        let place = self.cache.place(stream);
        let mut place = place.lock().await;
        let mut known: Remembered<A> = self.remembered(stream, place.take()).await?;
        if basis == Basis::Log {
            self.refresh(stream, &mut known).await?;
        }
        for _ in 0..ATTEMPTS {
            let actual = known.loaded.last.map(|last| last.revision);
            let expected = revision.is_none() || revision == actual;
            let decided = known.loaded.state.decide(command);
            match decided {
                Ok(events) if expected && !events.is_empty() => {
                    match self.append(stream, &known.loaded, &events, origin).await {
                        Ok(last) => {
                            known.loaded = known.loaded.after(&events, last);
                            self.keep_snapshot(stream, &mut known);
                            let loaded = known.loaded.clone();
                            *place = Some(Box::new(known));
                            return Ok(loaded);
                        }
                        Err(AppendError::WrongRevision { .. }) => known.current = false,
                        Err(error) => return Err(Trouble::from(error).into()),
                    }
                }
                answer if known.current => {
                    let loaded = known.loaded.clone();
                    *place = Some(Box::new(known));
                    return match answer {
                        _ if !expected => Err(ExecuteError::Precondition(actual)),
                        Ok(_) => Ok(loaded),
                        Err(refusal) => Err(ExecuteError::Refused(refusal)),
                    };
                }
                _ => {}
            }
            self.refresh(stream, &mut known).await?;
        }
        Err(Trouble::Contended.into())
    }

    /// What is remembered; else the last snapshot, else nothing.
    async fn remembered<A: Aggregate>(
        &self,
        stream: &StreamName,
        memory: Option<Box<dyn Any + Send>>,
    ) -> Result<Remembered<A>, Trouble> {
        // Only the aggregate that a stream is named after is ever remembered for it.
        if let Some(Ok(known)) = memory.map(|memory| memory.downcast::<Remembered<A>>()) {
            return Ok(Remembered { current: false, ..*known });
        }
        let mut known = match snapshot::last(&*self.store, stream).await? {
            Some((loaded, snapshot)) => Remembered { loaded, snapshot, current: false },
            None => Remembered::nothing(),
        };
        self.refresh(stream, &mut known).await?;
        Ok(known)
    }

    /// Reads what is new.
    async fn refresh<A: Aggregate>(
        &self,
        stream: &StreamName,
        known: &mut Remembered<A>,
    ) -> Result<(), Trouble> {
        while !known.current {
            let page = self.store.read_stream(stream, known.loaded.next(), Direction::Forwards, PAGE).await?;
            for recorded in &page {
                let event = decode(recorded)?;
                known.loaded.state = std::mem::take(&mut known.loaded.state).evolve(&event);
                let (id, revision, position) = (recorded.id, recorded.revision, recorded.position);
                known.loaded.last = Some(Last { id, revision, position });
            }
            known.current = page.len() < PAGE;
        }
        self.keep_snapshot(stream, known);
        Ok(())
    }

    /// Keeps a snapshot when it is time for one. Nobody waits for it.
    fn keep_snapshot<A: Aggregate>(&self, stream: &StreamName, known: &mut Remembered<A>) {
        let Some(last) = known.loaded.last.filter(|last| known.snapshot.is_old::<A>(last.revision)) else {
            return;
        };
        let size = known.snapshot.next(last.revision);
        let (store, stream, state) = (Arc::clone(&self.store), stream.clone(), known.loaded.state.clone());
        tokio::spawn(async move {
            if let Err(error) = snapshot::keep(&*store, &stream, &state, last, &size).await {
                tracing::warn!(%stream, %error, "no snapshot was kept; the next one will be");
            }
        });
    }

    async fn append<A: Aggregate>(
        &self,
        stream: &StreamName,
        loaded: &Loaded<A>,
        events: &[A::Event],
        origin: &Origin,
    ) -> Result<Last, AppendError> {
        let events = self.draft::<A>(stream, loaded.next(), events, origin);
        let expected =
            loaded.last.map_or(ExpectedRevision::NoStream, |last| ExpectedRevision::Exact(last.revision));
        let id = events.last().map_or(origin.cause, |event| event.id);
        let Appended { revision, position } = self.store.append(stream, expected, events).await?;
        Ok(Last { id, revision, position })
    }

    /// These events as the log takes them when they are the next ones of a stream, from this revision on.
    fn draft<A: Aggregate>(
        &self,
        stream: &StreamName,
        next: u64,
        events: &[A::Event],
        origin: &Origin,
    ) -> Vec<NewEvent> {
        let time = (self.clock)();
        let new = |(revision, event)| new_event::<A>(event, stream, revision, origin, time);
        (next..).zip(events).map(new).collect()
    }
}

fn stream_name<A: Aggregate>(key: &impl Display) -> StreamName {
    thread_local! {
        static NAME: RefCell<String> = const { RefCell::new(String::new()) };
    }
    NAME.with_borrow_mut(|name| {
        name.clear();
        write!(name, "{}", stream::<A>(key)).expect("a text takes any text");
        StreamName::new(name.as_str()).expect("systems, aggregates and keys are short and printable")
    })
}

fn decode<E: Event>(recorded: &RecordedEvent) -> Result<E, DecodeError> {
    E::decode(&recorded.event_type, schema_version(recorded), &recorded.data)
}

/// The version in which an event was written.
fn schema_version(recorded: &RecordedEvent) -> u16 {
    Metadata::decode(&recorded.metadata).map_or(FIRST_VERSION, |metadata| metadata.schema_version)
}
