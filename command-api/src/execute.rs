//! One decision: load, fold, decide, append; on a conflict again from the start.

use std::fmt::Display;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use domain::kernel::{Aggregate, DecodeError, Event, Metadata, stream};
use event_store::{
    AppendError, Direction, EventStore, ExpectedRevision, NewEvent, Position, ReadError, RecordedEvent,
    StreamName,
};
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

/// An aggregate as it stands on the log.
#[derive(Debug, Clone)]
pub struct Loaded<A> {
    /// The fold of its events.
    pub state: A,
    /// Its last event; `None` when there is none.
    pub last: Option<Last>,
}

/// The last event of a stream.
#[derive(Debug, Clone, Copy)]
pub struct Last {
    /// Its id.
    pub id: Uuid,
    /// Its revision.
    pub revision: u64,
    /// Its position.
    pub position: Position,
}

/// Why a command was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<R> {
    /// The business says no.
    #[error("{0}")]
    Refused(R),
    /// The stream is not at the revision that the caller asked for; it is at this one.
    #[error("the revision is not the expected one")]
    Precondition(Option<u64>),
    /// It is not the business that says no.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// Why nobody could decide, or why the decision could not be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Somebody else was faster, again and again.
    #[error("too many others decide on the same stream")]
    Contended,
    /// The log could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The log could not be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// An event on the log is not what was promised.
    #[error(transparent)]
    Decode(#[from] DecodeError),
}

impl Trouble {
    /// Whether the same command may work later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Contended => true,
            Self::Read(ReadError::Unavailable(_)) => true,
            Self::Read(ReadError::BeyondHead { .. } | ReadError::Damaged(_)) => false,
            Self::Append(AppendError::Invalid(_)) => false,
            Self::Append(_) => true,
            Self::Decode(_) => false,
        }
    }
}

impl Executor {
    /// An executor on this store.
    pub fn new(store: Arc<dyn EventStore>, clock: Clock) -> Self {
        Self { store, clock }
    }

    /// The aggregate as it stands.
    ///
    /// # Errors
    /// When the log cannot be read or holds what cannot be understood.
    pub async fn load<A: Aggregate>(&self, key: &(impl Display + Sync)) -> Result<Loaded<A>, Trouble> {
        self.load_stream(&stream_name::<A>(key)).await
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
        self.decide(&stream, command, origin, revision, None).await
    }

    /// Decides on an aggregate that is most likely new: saves reading a stream that is not there.
    /// Not for what is followed by a side effect: a repeat is answered as the first time was, even if
    /// more has happened since.
    ///
    /// # Errors
    /// Every [`ExecuteError`] but [`ExecuteError::Precondition`].
    pub async fn execute_new<A: Aggregate>(
        &self,
        key: &(impl Display + Sync),
        command: &A::Command,
        origin: &Origin,
    ) -> Result<Loaded<A>, ExecuteError<A::Refusal>> {
        let nothing = Loaded { state: A::default(), last: None };
        self.decide(&stream_name::<A>(key), command, origin, None, Some(nothing)).await
    }

    async fn decide<A: Aggregate>(
        &self,
        stream: &StreamName,
        command: &A::Command,
        origin: &Origin,
        revision: Option<u64>,
        mut guess: Option<Loaded<A>>,
    ) -> Result<Loaded<A>, ExecuteError<A::Refusal>> {
        for _ in 0..ATTEMPTS {
            let loaded = match guess.take() {
                Some(guess) => guess,
                None => self.load_stream(stream).await?,
            };
            let actual = loaded.last.map(|last| last.revision);
            if revision.is_some() && revision != actual {
                return Err(ExecuteError::Precondition(actual));
            }
            let events = loaded.state.decide(command).map_err(ExecuteError::Refused)?;
            if events.is_empty() {
                return Ok(loaded);
            }
            match self.append(stream, &loaded, &events, origin).await {
                Ok(last) => {
                    let state = events.iter().fold(loaded.state, A::evolve);
                    return Ok(Loaded { state, last: Some(last) });
                }
                Err(AppendError::WrongRevision { .. }) => {}
                Err(error) => return Err(Trouble::from(error).into()),
            }
        }
        Err(Trouble::Contended.into())
    }

    async fn load_stream<A: Aggregate>(&self, stream: &StreamName) -> Result<Loaded<A>, Trouble> {
        let mut loaded = Loaded { state: A::default(), last: None };
        loop {
            let from = loaded.last.map_or(0, |last: Last| last.revision + 1);
            let page = self.store.read_stream(stream, from, Direction::Forwards, PAGE).await?;
            for recorded in &page {
                loaded.state = loaded.state.evolve(&decode(recorded)?);
                let (id, revision, position) = (recorded.id, recorded.revision, recorded.position);
                loaded.last = Some(Last { id, revision, position });
            }
            if page.len() < PAGE {
                return Ok(loaded);
            }
        }
    }

    async fn append<A: Aggregate>(
        &self,
        stream: &StreamName,
        loaded: &Loaded<A>,
        events: &[A::Event],
        origin: &Origin,
    ) -> Result<Last, AppendError> {
        let (expected, first) = match loaded.last {
            None => (ExpectedRevision::NoStream, 0),
            Some(last) => (ExpectedRevision::Exact(last.revision), last.revision + 1),
        };
        let time = (self.clock)();
        let new_event = |(revision, event): (u64, &A::Event)| {
            let data = event.encode();
            NewEvent {
                id: event_id(origin.cause, stream, revision, &data),
                event_type: event.name().into(),
                data: data.into(),
                metadata: metadata(origin, time, event.version()),
            }
        };
        let events: Vec<_> = (first..).zip(events).map(new_event).collect();
        let id = events.last().map_or(origin.cause, |event| event.id);
        let appended = self.store.append(stream, expected, events).await?;
        Ok(Last { id, revision: appended.revision, position: appended.position })
    }
}

/// Event ids follow from the cause, the place and what happened, so that whatever is repeated after a
/// crash or an unknown outcome is recognised by the store, and nothing else is.
fn event_id(cause: Uuid, stream: &StreamName, revision: u64, data: &[u8]) -> Uuid {
    Uuid::new_v5(&cause, &[format!("{stream}@{revision} ").as_bytes(), data].concat())
}

fn metadata(origin: &Origin, time: u64, schema_version: u16) -> Bytes {
    let metadata = Metadata {
        correlation_id: origin.correlation,
        causation_id: origin.cause,
        actor: (&*origin.actor).into(),
        time,
        schema_version,
    };
    metadata.encode().into()
}

fn stream_name<A: Aggregate>(key: &impl Display) -> StreamName {
    StreamName::new(stream::<A>(key)).expect("systems, aggregates and keys are short and printable")
}

fn decode<E: Event>(recorded: &RecordedEvent) -> Result<E, DecodeError> {
    E::decode(&recorded.event_type, schema_version(recorded), &recorded.data)
}

/// The version in which an event was written; 1 where nobody said.
pub(crate) fn schema_version(recorded: &RecordedEvent) -> u16 {
    Metadata::decode(&recorded.metadata).map_or(1, |metadata| metadata.schema_version)
}
