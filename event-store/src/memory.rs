//! The smallest correct store: the definition that the others are measured against.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use tokio::sync::watch;
use uuid::Uuid;

use crate::follow::follow;
use crate::limits;
use crate::{
    AppendError, Appended, Batch, Direction, EventStore, ExpectedRevision, Filter, Health, NewEvent,
    Position, ReadError, RecordedEvent, StreamName, Subscription,
};

/// How many wanted events one batch of a subscription carries at most.
const BATCH: usize = 1000;

/// Keeps everything in memory and forgets it with the process. Clones share one log.
#[derive(Clone)]
pub struct MemoryStore {
    id: Uuid,
    log: Arc<Mutex<Log>>,
    head: Arc<watch::Sender<Option<Position>>>,
}

#[derive(Default)]
struct Log {
    events: Vec<RecordedEvent>,
    /// For every stream the places of its events in `events`, by revision.
    streams: HashMap<StreamName, Vec<usize>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { id: Uuid::new_v4(), log: Arc::default(), head: Arc::new(watch::channel(None).0) }
    }
}

impl MemoryStore {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no code panics while it holds the log")
    }
}

#[async_trait]
impl EventStore for MemoryStore {
    async fn append(
        &self,
        stream: &StreamName,
        expected: ExpectedRevision,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        limits::check(&events)?;
        let mut log = self.log();
        let length = log.streams.get(stream).map_or(0, Vec::len) as u64;
        let first = match expected {
            ExpectedRevision::NoStream => 0,
            ExpectedRevision::Exact(revision) => revision.saturating_add(1),
            ExpectedRevision::Any => length,
        };
        if first != length {
            return log.appended_before(stream, first, &events);
        }
        let appended = log.append(stream, first, events);
        self.head.send_replace(Some(appended.position));
        Ok(appended)
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let log = self.log();
        let places = log.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let wanted = |place: &usize| log.events[*place].clone();
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        Ok(match direction {
            Direction::Forwards => places.iter().skip(from).take(max).map(wanted).collect(),
            Direction::Backwards => {
                let end = places.len().min(from.saturating_add(1));
                places[..end].iter().rev().take(max).map(wanted).collect()
            }
        })
    }

    async fn read_all(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, ReadError> {
        self.log().read(after, direction, filter, max)
    }

    async fn subscribe(&self, after: Option<Position>, filter: Filter) -> Result<Subscription, ReadError> {
        self.log().check(after)?;
        let log = Arc::clone(&self.log);
        let read = move |after| {
            let log = log.lock().expect("no code panics while it holds the log");
            std::future::ready(log.read(after, Direction::Forwards, &filter, BATCH))
        };
        Ok(follow(after, self.head.subscribe(), read))
    }

    async fn head(&self) -> Result<Option<Position>, ReadError> {
        Ok(self.log().head())
    }

    fn id(&self) -> Uuid {
        self.id
    }

    fn health(&self) -> Health {
        Health::Ready
    }
}

impl Log {
    fn head(&self) -> Option<Position> {
        self.events.last().map(|event| event.position)
    }

    fn check(&self, asked: Option<Position>) -> Result<(), ReadError> {
        match asked {
            Some(asked) if self.head() < Some(asked) => {
                Err(ReadError::BeyondHead { asked, head: self.head() })
            }
            _ => Ok(()),
        }
    }

    fn append(&mut self, stream: &StreamName, first: u64, events: Vec<NewEvent>) -> Appended {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
        let places = self.streams.entry(stream.clone()).or_default();
        let mut appended = Appended { revision: 0, position: Position(0) };
        for (revision, event) in (first..).zip(events) {
            appended = Appended { revision, position: Position(self.events.len() as u64) };
            places.push(self.events.len());
            self.events.push(RecordedEvent {
                position: appended.position,
                stream: stream.clone(),
                revision,
                id: event.id,
                event_type: event.event_type.into(),
                data: event.data,
                metadata: event.metadata,
                decoded: event.decoded,
                recorded_at: now,
            });
        }
        appended
    }

    /// The answer to an append whose place is taken: the first answer when these very events took
    /// it, a conflict otherwise.
    fn appended_before(
        &self,
        stream: &StreamName,
        first: u64,
        events: &[NewEvent],
    ) -> Result<Appended, AppendError> {
        let places = self.streams.get(stream).map_or(&[][..], Vec::as_slice);
        let there = || places.iter().skip(first as usize).map(|place| &self.events[*place]);
        let last = there().nth(events.len() - 1);
        match last {
            Some(last) if there().zip(events).all(|(there, event)| there.id == event.id) => {
                Ok(Appended { revision: last.revision, position: last.position })
            }
            _ => Err(AppendError::WrongRevision { actual: (places.len() as u64).checked_sub(1) }),
        }
    }

    fn read(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, ReadError> {
        self.check(after)?;
        let range = match (direction, after) {
            (_, None) => 0..self.events.len(),
            (Direction::Forwards, Some(after)) => after.0 as usize + 1..self.events.len(),
            (Direction::Backwards, Some(before)) => 0..before.0 as usize,
        };
        let end = match direction {
            Direction::Forwards => range.clone().next_back(),
            Direction::Backwards => range.clone().next(),
        };
        let places: &mut dyn Iterator<Item = usize> = match direction {
            Direction::Forwards => &mut range.clone(),
            Direction::Backwards => &mut range.rev(),
        };
        let (mut events, mut through) = (Vec::new(), None);
        while events.len() < max {
            let Some(place) = places.next() else { break };
            let event = &self.events[place];
            through = Some(event.position);
            if filter.matches(&event.stream, &event.event_type) {
                events.push(event.clone());
            }
        }
        let at_end = end.is_none() || through == end.map(|place| self.events[place].position);
        Ok(Batch { events, through: through.or(after), at_end })
    }
}
