//! A part of a log that others use as well, seen as a log of its own: empty at first, its positions
//! counted without gaps. So the whole contract holds of a server that promises neither.

use async_trait::async_trait;
use event_store::{
    AppendError, Appended, Batch, Direction, EventStore, EventStoreDb, ExpectedRevision, Filter, Health,
    NewEvent, Position, ReadError, RecordedEvent, StreamName, Subscription,
};
use futures::stream;
use std::sync::{Arc, Mutex};
use uuid::Uuid;

#[derive(Clone)]
pub(crate) struct Part {
    whole: EventStoreDb,
    /// Begins the name of every stream of this part.
    name: Arc<str>,
    begin: Option<Position>,
    /// Where the events of this part are in the whole.
    places: Arc<Mutex<Vec<Position>>>,
}

impl Part {
    pub(crate) async fn of(whole: EventStoreDb) -> Self {
        let name = format!("{}.", &Uuid::new_v4().simple().to_string()[..8]).into();
        let begin = whole.head().await.unwrap();
        Self { whole, name, begin, places: Arc::default() }
    }

    fn inside(&self, stream: &StreamName) -> StreamName {
        StreamName::new(format!("{}{stream}", self.name)).unwrap()
    }

    fn mine(&self) -> Filter {
        Filter { stream_prefixes: vec![Arc::clone(&self.name)], event_types: Vec::new() }
    }

    /// All places up to now.
    async fn places(&self) -> Result<Vec<Position>, ReadError> {
        // Not locked over a wait: whoever asks may never be polled again.
        let mut places = self.places.lock().unwrap().clone();
        let mut after = places.last().copied().or(self.begin);
        loop {
            let batch = self.whole.read_all(after, Direction::Forwards, &self.mine(), 1000).await?;
            places.extend(batch.events.iter().map(|event| event.position));
            after = batch.through;
            if batch.at_end {
                let mut known = self.places.lock().unwrap();
                if known.len() < places.len() {
                    known.clone_from(&places);
                }
                return Ok(places);
            }
        }
    }

    fn outside(&self, places: &[Position], event: RecordedEvent) -> RecordedEvent {
        let stream = event.stream.as_str().strip_prefix(&*self.name).unwrap();
        let place = places.binary_search(&event.position).unwrap();
        RecordedEvent { position: Position(place as u64), stream: StreamName::new(stream).unwrap(), ..event }
    }

    fn place(&self, places: &[Position], asked: Position) -> Result<Position, ReadError> {
        let head = (places.len() as u64).checked_sub(1).map(Position);
        let place = usize::try_from(asked.0).ok().and_then(|at| places.get(at));
        place.copied().ok_or(ReadError::BeyondHead { asked, head })
    }

    fn filter(&self, filter: &Filter) -> Filter {
        let inside = |prefix: &Arc<str>| format!("{}{prefix}", self.name).into();
        match filter.stream_prefixes.is_empty() {
            true => Filter { event_types: filter.event_types.clone(), ..self.mine() },
            false => Filter {
                stream_prefixes: filter.stream_prefixes.iter().map(inside).collect(),
                event_types: filter.event_types.clone(),
            },
        }
    }
}

#[async_trait]
impl EventStore for Part {
    async fn append(
        &self,
        stream: &StreamName,
        expected: ExpectedRevision,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        let appended = self.whole.append(&self.inside(stream), expected, events).await?;
        let places = self.places().await.unwrap();
        let place = places.binary_search(&appended.position).unwrap();
        Ok(Appended { position: Position(place as u64), ..appended })
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let events = self.whole.read_stream(&self.inside(stream), from, direction, max).await?;
        let places = self.places().await?;
        Ok(events.into_iter().map(|event| self.outside(&places, event)).collect())
    }

    async fn read_all(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, ReadError> {
        let places = self.places().await?;
        let from = match (after, direction) {
            (Some(after), _) => Some(self.place(&places, after)?),
            (None, Direction::Forwards) => self.begin,
            (None, Direction::Backwards) => None,
        };
        let batch = self.whole.read_all(from, direction, &self.filter(filter), max).await?;
        let places = self.places().await?;
        let end = match direction {
            Direction::Forwards => (places.len() as u64).checked_sub(1).map(Position),
            Direction::Backwards => (!places.is_empty()).then_some(Position(0)),
        };
        let events: Vec<_> = batch.events.into_iter().map(|event| self.outside(&places, event)).collect();
        let full = events.len() == max;
        let through = if full { events.last().map(|event| event.position) } else { end }.or(after);
        Ok(Batch { events, through, at_end: through == end })
    }

    async fn subscribe(&self, after: Option<Position>, filter: Filter) -> Result<Subscription, ReadError> {
        let places = self.places().await?;
        let from = match after {
            Some(after) => Some(self.place(&places, after)?),
            None => self.begin,
        };
        let whole = self.whole.subscribe(from, self.mine()).await?;
        let state = (self.clone(), whole, filter, after, false);
        Ok(Subscription::new(stream::unfold(
            state,
            |(part, mut whole, filter, mut through, mut live)| async move {
                loop {
                    let batch = match whole.next().await {
                        Ok(batch) => batch,
                        Err(error) => return Some((Err(error), (part, whole, filter, through, live))),
                    };
                    let places = part.places().await.unwrap();
                    let events = batch.events.into_iter().map(|event| part.outside(&places, event));
                    let events: Vec<_> = events.collect();
                    let last = events.last().map(|event| event.position);
                    let news = last > through || (batch.at_end && !live);
                    (through, live) = (through.max(last), live || batch.at_end);
                    let wanted = |event: &RecordedEvent| filter.matches(&event.stream, &event.event_type);
                    let events = events.into_iter().filter(wanted).collect();
                    if news {
                        let batch = Batch { events, through, at_end: batch.at_end };
                        return Some((Ok(batch), (part, whole, filter, through, live)));
                    }
                }
            },
        )))
    }

    async fn head(&self) -> Result<Option<Position>, ReadError> {
        Ok((self.places().await?.len() as u64).checked_sub(1).map(Position))
    }

    fn id(&self) -> Uuid {
        self.whole.id()
    }

    fn health(&self) -> Health {
        self.whole.health()
    }
}
