//! A store that takes its time and dies when it is told to.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use event_store::{
    AppendError, Appended, Batch, Direction, EventStore, ExpectedRevision, Filter, Health, MemoryStore,
    NewEvent, Position, ReadError, RecordedEvent, StreamName, Subscription,
};
use futures::stream;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::random::hash;
use crate::script::Crash;

/// One life of the process on a log that outlives it.
pub(crate) struct MortalStore {
    pub(crate) log: MemoryStore,
    pub(crate) seed: u64,
    /// How many of a hundred appends take about a second.
    pub(crate) stalls: u64,
    pub(crate) appends: AtomicU64,
    pub(crate) crash: Option<Crash>,
    /// Fires when the process dies.
    pub(crate) dies: CancellationToken,
    /// Rung in this order when something was appended; tokio's own news come in a random one.
    bells: Mutex<Vec<Arc<Notify>>>,
}

impl MortalStore {
    pub(crate) fn new(log: MemoryStore, seed: u64, stalls: u64, crash: Option<Crash>) -> Arc<Self> {
        Arc::new(Self {
            log,
            seed,
            stalls,
            appends: AtomicU64::new(0),
            crash,
            dies: CancellationToken::new(),
            bells: Mutex::default(),
        })
    }
}

#[async_trait]
impl EventStore for MortalStore {
    async fn append(
        &self,
        stream: &StreamName,
        expected: ExpectedRevision,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        // A disk takes up to three milliseconds, one that stalls up to 1500, and keeps no order among those who wait.
        let number = self.appends.fetch_add(1, Ordering::Relaxed) + 1;
        let stalls = hash(&[self.seed, 11, number]) % 100 < self.stalls;
        let micros = hash(&[self.seed, number]) % 3_000 * if stalls { 500 } else { 1 };
        tokio::time::sleep(Duration::from_micros(micros)).await;
        match self.crash {
            Some(crash) if number >= crash.at_append => {
                if crash.durable && number == crash.at_append {
                    // The answer is never heard.
                    let _ = self.log.append(stream, expected, events).await;
                }
                self.dies.cancel();
                std::future::pending().await
            }
            _ => {
                let appended = self.log.append(stream, expected, events).await;
                self.bells.lock().unwrap().iter().for_each(|bell| bell.notify_one());
                appended
            }
        }
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
        let (log, bell) = (self.log.clone(), Arc::new(Notify::new()));
        self.bells.lock().unwrap().push(Arc::clone(&bell));
        Ok(Subscription::new(stream::unfold((after, true), move |(after, first)| {
            let (log, bell, filter) = (log.clone(), Arc::clone(&bell), filter.clone());
            async move {
                loop {
                    match log.read_all(after, Direction::Forwards, &filter, 1000).await {
                        Ok(batch) if !first && batch.through == after => bell.notified().await,
                        Ok(batch) => {
                            let after = batch.through;
                            return Some((Ok(batch), (after, false)));
                        }
                        Err(error) => return Some((Err(error), (after, false))),
                    }
                }
            }
        })))
    }

    async fn head(&self) -> Result<Option<Position>, ReadError> {
        self.log.head().await
    }

    fn id(&self) -> Uuid {
        self.log.id()
    }

    fn health(&self) -> Health {
        Health::Ready
    }
}
