//! The log, opened by its address, for a process that only reads it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use event_store::{
    AppendError, Appended, Batch, Direction, EventStore, ExpectedRevision, Filter, Health, NewEvent,
    OpenError, Position, ReadError, RecordedEvent, StreamName, Stroll, Subscription, Visitor,
};
use futures::stream;
use uuid::Uuid;

/// How often a follower looks whether something came.
const POLL: Duration = Duration::from_millis(20);

/// Why there is no log to read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The address is of a kind that this program does not know.
    #[error("`{0}` is not a log: give the folder of an event store (data/events)")]
    Unknown(String),
    /// It is not there or cannot be read.
    #[error(transparent)]
    Unreadable(#[from] OpenError),
}

/// Opens a log to read it: the folder of an embedded store (`<folder>`, `embedded:<folder>`), also while another process writes it.
///
/// # Errors
/// Every [`LogError`].
pub fn open_log(address: &str) -> Result<Arc<dyn EventStore>, LogError> {
    let folder = match address.split_once("://") {
        None => address.strip_prefix("embedded:").unwrap_or(address),
        Some(("file", folder)) => folder,
        Some((scheme, _)) => return Err(LogError::Unknown(format!("{scheme}://…"))),
    };
    let visitor = Visitor::open(folder)?;
    let end = Mutex::new(visitor.walk(u64::MAX)?);
    Ok(Arc::new(Visited { visitor, end: Arc::new(end) }))
}

/// A log that somebody else writes.
struct Visited {
    visitor: Visitor,
    /// A walk that has been to the end and goes on from there.
    end: Arc<Mutex<Stroll>>,
}

impl Visited {
    /// Does what may wait for the disk where that holds nobody up.
    async fn aside<T: Send + 'static>(
        work: impl FnOnce() -> Result<T, OpenError> + Send + 'static,
    ) -> Result<T, ReadError> {
        match tokio::task::spawn_blocking(work).await {
            Ok(done) => done.map_err(unreadable),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
}

fn unreadable(error: OpenError) -> ReadError {
    match error {
        OpenError::Damaged { .. } => ReadError::Damaged(error.to_string()),
        other => ReadError::Unavailable(other.to_string()),
    }
}

#[async_trait]
impl EventStore for Visited {
    async fn append(
        &self,
        _stream: &StreamName,
        _expected: ExpectedRevision,
        _events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        Err(AppendError::Unavailable("this process only reads the log".to_owned()))
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        let (visitor, stream) = (self.visitor.clone(), stream.clone());
        // Without the indexes, which belong to the writer, the whole log is looked through.
        let mut events = Self::aside(move || {
            let (mut stroll, mut found) = (visitor.walk(0)?, Vec::new());
            while let Some(block) = stroll.next_block()? {
                found.extend(compact(block.into_iter().filter(|event| event.stream == stream)));
            }
            Ok(found)
        })
        .await?;
        match direction {
            Direction::Forwards => events.retain(|event| event.revision >= from),
            Direction::Backwards => {
                events.retain(|event| event.revision <= from);
                events.reverse();
            }
        }
        events.truncate(max);
        Ok(events)
    }

    async fn read_all(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, ReadError> {
        if direction == Direction::Backwards {
            return Err(ReadError::Unavailable("a visited log is only read forwards".to_owned()));
        }
        let (visitor, filter) = (self.visitor.clone(), filter.clone());
        Self::aside(move || {
            let mut stroll = visitor.walk(after.map_or(0, |after| after.0 + 1))?;
            let mut batch = Batch { events: Vec::new(), through: after, at_end: true };
            'log: while let Some(block) = stroll.next_block()? {
                for event in compact(block.into_iter().filter(|event| Some(event.position) > after)) {
                    if batch.events.len() == max {
                        batch.at_end = false;
                        break 'log;
                    }
                    batch.through = Some(event.position);
                    if filter.matches(&event.stream, &event.event_type) {
                        batch.events.push(event);
                    }
                }
            }
            Ok(batch)
        })
        .await
    }

    async fn subscribe(&self, after: Option<Position>, filter: Filter) -> Result<Subscription, ReadError> {
        let head = self.head().await?;
        if let Some(asked) = after.filter(|after| Some(*after) > head) {
            return Err(ReadError::BeyondHead { asked, head });
        }
        let visitor = self.visitor.clone();
        let stroll = Self::aside(move || visitor.walk(after.map_or(0, |after| after.0 + 1))).await?;
        let pieces = stream::unfold(Some((stroll, after)), move |state| {
            let filter = filter.clone();
            async move {
                let (stroll, after) = state?;
                match next(stroll, after, filter).await {
                    Ok((stroll, batch)) => {
                        let through = batch.through;
                        Some((Ok(batch), Some((stroll, through))))
                    }
                    Err(error) => Some((Err(error), None)),
                }
            }
        });
        Ok(Subscription::new(pieces))
    }

    async fn head(&self) -> Result<Option<Position>, ReadError> {
        let end = Arc::clone(&self.end);
        Self::aside(move || {
            let mut end = end.lock().expect("no code panics while it walks");
            while end.next_block()?.is_some() {}
            Ok(end.next_position().checked_sub(1).map(Position))
        })
        .await
    }

    fn id(&self) -> Uuid {
        self.visitor.id()
    }

    fn health(&self) -> Health {
        Health::ReadOnly("this process only reads the log".to_owned())
    }
}

/// The same events in memory of their own. As a walk hands them out they are slices of what it read
/// at once, a megabyte for each block however short: held for a while, they would hold all of it.
fn compact(events: impl Iterator<Item = RecordedEvent>) -> Vec<RecordedEvent> {
    let mut events: Vec<RecordedEvent> = events.collect();
    let length = events.iter().map(|event| event.data.len() + event.metadata.len()).sum();
    let mut whole = Vec::with_capacity(length);
    for event in &events {
        whole.extend_from_slice(&event.data);
        whole.extend_from_slice(&event.metadata);
    }
    let mut rest = Bytes::from(whole);
    for event in &mut events {
        event.data = rest.split_to(event.data.len());
        event.metadata = rest.split_to(event.metadata.len());
    }
    events
}

/// How many events a piece of a subscription holds, give or take a block.
const PIECE: usize = 1000;

/// The next piece; waits until there is one.
async fn next(
    mut stroll: Stroll,
    after: Option<Position>,
    filter: Filter,
) -> Result<(Stroll, Batch), ReadError> {
    loop {
        let wanted = filter.clone();
        let (walked, batch) = Visited::aside(move || {
            let mut batch = Batch { events: Vec::new(), through: after, at_end: false };
            while batch.events.len() < PIECE {
                let Some(block) = stroll.next_block()? else {
                    batch.at_end = true;
                    break;
                };
                let behind = block.into_iter().filter(|event| Some(event.position) > after);
                let events = behind.inspect(|event| batch.through = Some(event.position));
                let wanted = events.filter(|event| wanted.matches(&event.stream, &event.event_type));
                batch.events.extend(compact(wanted));
            }
            Ok((stroll, batch))
        })
        .await?;
        if batch.through > after {
            return Ok((walked, batch));
        }
        stroll = walked;
        tokio::time::sleep(POLL).await;
    }
}
