//! A log kept by EventStoreDB, or by anything that speaks its protocol, through the official client.
//!
//! Positions are the server's commit positions minus one, so that a log served by
//! [`protocol`](mod@crate::protocol) has the same positions on both sides; of a cluster they only
//! grow. Filtered reads look at everything that is sent and leave out here, because the client
//! cannot ask for less; filtered subscriptions are filtered by the server.

mod connection;
mod convert;
mod subscribe;

use async_trait::async_trait;
use eventstore::{
    AppendToStreamOptions, BatchAppendOptions, ReadAllOptions, ReadStream, ReadStreamOptions, StreamPosition,
};
use futures::stream::{self, StreamExt, TryStreamExt};
use uuid::Uuid;

use crate::protocol::IDENTITY;
use crate::{
    Append, AppendError, Appended, Batch, Decoded, Direction, EventStore, ExpectedRevision, Filter, Health,
    NewEvent, OpenError, Position, ReadError, RecordedEvent, StreamName, Subscription, limits,
};
use connection::{Connection, Trouble, carry_out};

/// Where a log that does not tell its id by itself keeps one.
pub(crate) const KEPT_IDENTITY: &str = "girok.identity";

/// How many appends of one call are under way at once.
const UNDER_WAY: usize = 512;

/// A log behind a connection string, as in `esdb://user:password@host:2113?tls=true`. Clones share
/// one connection.
///
/// Must be used within a tokio runtime. Nothing in the process may install a default provider of
/// rustls: the client does that itself and stops when it finds one.
#[derive(Clone)]
pub struct EventStoreDb {
    connection: Connection,
    id: Uuid,
}

impl EventStoreDb {
    /// Connects, and asks which log it is.
    ///
    /// A server of this crate tells the log's own id. Any other server gets a stream
    /// `girok.identity` with one event, whose id is the log's from then on.
    ///
    /// # Errors
    /// [`OpenError::Url`] when the connection string is not one, [`OpenError::Unreachable`] when the
    /// server does not answer within some seconds.
    pub async fn connect(url: &str) -> Result<Self, OpenError> {
        let mut store = Self { connection: Connection::new(url)?, id: Uuid::nil() };
        store.id = store.identify().await?;
        Ok(store)
    }

    async fn identify(&self) -> Result<Uuid, OpenError> {
        let unreachable = |error: &dyn std::fmt::Display| OpenError::Unreachable(error.to_string());
        for name in [IDENTITY, KEPT_IDENTITY] {
            let read = self.first(&StreamName::stored(name)).await;
            if let Some(event) = read.map_err(|error| unreachable(&error))? {
                return Ok(event.id);
            }
        }
        let kept = StreamName::stored(KEPT_IDENTITY);
        let event = NewEvent {
            id: Uuid::new_v4(),
            event_type: "LogIdentified".into(),
            data: "{}".into(),
            metadata: "{}".into(),
            decoded: Decoded::default(),
        };
        let id = event.id;
        match self.append(&kept, ExpectedRevision::NoStream, vec![event]).await {
            Ok(_) => Ok(id),
            // Somebody else was faster.
            Err(AppendError::WrongRevision { .. }) => {
                let first = self.first(&kept).await.map_err(|error| unreachable(&error))?;
                first.map(|event| event.id).ok_or_else(|| unreachable(&"the log does not tell its id"))
            }
            Err(error) => Err(unreachable(&error)),
        }
    }

    async fn first(&self, stream: &StreamName) -> Result<Option<RecordedEvent>, ReadError> {
        Ok(self.read_stream(stream, 0, Direction::Forwards, 1).await?.pop())
    }

    async fn read_page(
        &self,
        from: StreamPosition<eventstore::Position>,
        direction: Direction,
        count: usize,
    ) -> Result<ReadStream, Trouble> {
        let options = ReadAllOptions::default().position(from).max_count(count);
        let options = match direction {
            Direction::Forwards => options.forwards(),
            Direction::Backwards => options.backwards(),
        };
        let client = self.connection.client();
        self.connection.in_time(client.read_all(&options)).await
    }

    /// Reads until enough events are wanted and it is known whether anything lies behind them.
    async fn try_read_all(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, Trouble> {
        let (from, included) = match (direction, after) {
            (Direction::Forwards, None) => (StreamPosition::Start, false),
            (Direction::Backwards, None) => (StreamPosition::End, false),
            (_, Some(after)) => {
                let position = convert::to_wire(after).ok_or(Trouble::Beyond)?;
                (StreamPosition::Position(position), direction == Direction::Forwards)
            }
        };
        let plain = *filter == Filter::all();
        let count = if plain { max.saturating_add(1 + usize::from(included)) } else { usize::MAX };
        let mut page = self.read_page(from, direction, count).await?;
        let mut batch = Batch { events: Vec::new(), through: after, at_end: false };
        let mut first = included;
        while let Some(event) = self.connection.in_time(page.next()).await? {
            let event = convert::recorded(event)?;
            // Reading forwards includes the position itself, which proves that it exists.
            if std::mem::take(&mut first) && Some(event.position) <= after {
                continue;
            }
            if batch.events.len() == max {
                return Ok(batch);
            }
            batch.through = Some(event.position);
            if filter.matches(&event.stream, &event.event_type) {
                batch.events.push(event);
            }
        }
        if first {
            return Err(Trouble::Beyond);
        }
        batch.at_end = true;
        Ok(batch)
    }

    async fn try_read_stream(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, Trouble> {
        let options = ReadStreamOptions::default().max_count(max);
        let options = match (direction, from) {
            (Direction::Forwards, from) => options.forwards().position(StreamPosition::Position(from)),
            (Direction::Backwards, u64::MAX) => options.backwards().position(StreamPosition::End),
            (Direction::Backwards, from) => options.backwards().position(StreamPosition::Position(from)),
        };
        let mut events = Vec::new();
        let read = async {
            let client = self.connection.client();
            let mut page = self.connection.in_time(client.read_stream(stream.as_str(), &options)).await?;
            while let Some(event) = self.connection.in_time(page.next()).await? {
                events.push(convert::recorded(event)?);
            }
            Ok(())
        };
        match read.await {
            // A stream that was deleted is as empty as one nobody wrote to.
            Ok(())
            | Err(Trouble::Client(
                eventstore::Error::ResourceNotFound | eventstore::Error::ResourceDeleted,
            )) => Ok(events),
            Err(trouble) => Err(trouble),
        }
    }

    /// Over one call, which keeps them in order.
    async fn append_in_order(&self, appends: &[Append]) -> Result<Vec<Appended>, AppendError> {
        let unknown = |trouble: Trouble| AppendError::Unknown(trouble.to_string());
        let (client, options) = (self.connection.client(), BatchAppendOptions::default());
        let batch = self.connection.in_time(client.batch_append(&options)).await.map_err(unknown)?;
        let appends = appends.iter().map(|Append { stream, expected, events }| {
            let proposed = events.iter().map(convert::proposed).collect();
            let append = batch.append_to_stream(stream.as_str(), convert::expected(*expected), proposed);
            self.connection.in_time(append)
        });
        let under_way = stream::iter(appends.collect::<Vec<_>>()).buffered(UNDER_WAY);
        let written: Vec<_> = under_way.try_collect().await.map_err(unknown)?;
        let appended = written.iter().map(|written| {
            let (revision, position) = written.current_revision().zip(written.current_position())?;
            Some(Appended { revision, position: convert::from_wire(position) })
        });
        let all: Option<Vec<_>> = appended.collect();
        all.ok_or_else(|| AppendError::Unknown("the server does not say where the events are".to_owned()))
    }

    /// Whether the log has got as far as this position.
    pub(crate) async fn reaches(&self, position: Position) -> Result<(), ReadError> {
        self.read_all(Some(position), Direction::Forwards, &Filter::all(), 0).await.map(|_| ())
    }

    async fn beyond(&self, asked: Option<Position>) -> ReadError {
        match self.head().await {
            Ok(head) => ReadError::BeyondHead { asked: asked.unwrap_or(Position(0)), head },
            Err(error) => error,
        }
    }
}

#[async_trait]
impl EventStore for EventStoreDb {
    async fn append(
        &self,
        stream: &StreamName,
        expected: ExpectedRevision,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        limits::check(&events)?;
        let options = AppendToStreamOptions::default().expected_revision(convert::expected(expected));
        let mut attempts = self.connection.attempts();
        loop {
            let proposed: Vec<_> = events.iter().map(convert::proposed).collect();
            let (connection, stream, options) = (self.connection.clone(), stream.clone(), options.clone());
            let call = async move {
                let client = connection.client();
                connection.in_time(client.append_to_stream(stream.as_str(), &options, proposed)).await
            };
            let trouble = match carry_out(call).await {
                Ok(written) => {
                    self.connection.works();
                    return Ok(Appended {
                        revision: written.next_expected_version,
                        position: convert::from_wire(written.position),
                    });
                }
                Err(trouble) => match convert::append_error(trouble) {
                    Ok(answer) => return Err(answer),
                    Err(trouble) => trouble,
                },
            };
            // The ids tell a repeat apart, except where any revision is welcome.
            let again = expected != ExpectedRevision::Any && attempts.next(&trouble).await;
            if !again {
                self.connection.fails(&trouble);
                return Err(AppendError::Unknown(trouble.to_string()));
            }
        }
    }

    async fn append_all(&self, appends: Vec<Append>) -> Result<Vec<Appended>, AppendError> {
        let store = self.clone();
        carry_out(async move { store.append_in_order(&appends).await }).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        if max == 0 || (direction == Direction::Forwards && from == u64::MAX) {
            return Ok(Vec::new());
        }
        let mut attempts = self.connection.attempts();
        loop {
            let (store, stream) = (self.clone(), stream.clone());
            let call = async move { store.try_read_stream(&stream, from, direction, max).await };
            match carry_out(call).await {
                Ok(events) => {
                    self.connection.works();
                    return Ok(events);
                }
                Err(trouble) if attempts.next(&trouble).await => {}
                Err(trouble) => return Err(self.connection.fails(&trouble)),
            }
        }
    }

    async fn read_all(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, ReadError> {
        let mut attempts = self.connection.attempts();
        loop {
            let (store, filter) = (self.clone(), filter.clone());
            let call = async move { store.try_read_all(after, direction, &filter, max).await };
            match carry_out(call).await {
                Ok(batch) => {
                    self.connection.works();
                    return Ok(batch);
                }
                Err(Trouble::Beyond) => return Err(self.beyond(after).await),
                Err(trouble) if attempts.next(&trouble).await => {}
                Err(trouble) => return Err(self.connection.fails(&trouble)),
            }
        }
    }

    async fn subscribe(&self, after: Option<Position>, filter: Filter) -> Result<Subscription, ReadError> {
        if let Some(after) = after {
            self.reaches(after).await?;
        }
        Ok(subscribe::follow(self.clone(), after, filter))
    }

    async fn head(&self) -> Result<Option<Position>, ReadError> {
        let newest = self.read_all(None, Direction::Backwards, &Filter::all(), 1).await?;
        Ok(newest.events.first().map(|event| event.position))
    }

    fn id(&self) -> Uuid {
        self.id
    }

    /// What the last call saw.
    fn health(&self) -> Health {
        self.connection.health()
    }
}
