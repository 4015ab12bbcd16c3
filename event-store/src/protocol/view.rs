//! What the protocol adds to a log: metadata that hides events of a stream, and deleted streams.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock, watch};

use super::linked::Links;
use crate::{Direction, EventStore, ReadError, RecordedEvent, StreamName};

/// The `$tb` of a stream that was deleted and may come back.
pub(crate) const DELETED: u64 = i64::MAX as u64;
/// The type of the last event of a stream that never comes back.
pub(crate) const TOMBSTONE: &str = "$streamDeleted";
/// The type of the events in a metadata stream.
pub(crate) const METADATA: &str = "$metadata";

/// So many locks stand for all streams. Appends share them; whatever changes what is seen of a stream
/// (a deletion, its metadata) has one for itself.
const STRIPES: usize = 1024;

pub(crate) struct View {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) links: Links,
    pub(crate) stopping: watch::Receiver<bool>,
    stripes: Vec<Arc<RwLock<()>>>,
    hasher: RandomState,
}

/// Keeps what is seen of a stream as it is.
pub(crate) enum Lock {
    /// Others append to it, too.
    Shared {
        _lock: OwnedRwLockReadGuard<()>,
    },
    Alone {
        _lock: OwnedRwLockWriteGuard<()>,
    },
}

/// A stream as the protocol sees it.
#[derive(Default)]
pub(crate) struct StreamState {
    /// Revision of the last event, hidden or not.
    pub(crate) last: Option<u64>,
    pub(crate) tombstoned: bool,
    pub(crate) metadata: Metadata,
}

/// What `$$stream` says about a stream.
#[derive(Debug, Default)]
pub(crate) struct Metadata {
    pub(crate) all: Map<String, Value>,
    /// Of the metadata's own last event.
    pub(crate) revision: Option<u64>,
}

impl Metadata {
    fn number(&self, key: &str) -> Option<u64> {
        self.all.get(key).and_then(Value::as_u64)
    }

    pub(crate) fn truncated_before(&self) -> u64 {
        self.number("$tb").unwrap_or(0)
    }

    /// The earliest time, in microseconds, that an event may be of and still be seen.
    pub(crate) fn oldest(&self) -> u64 {
        let Some(seconds) = self.number("$maxAge") else { return 0 };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
        now.saturating_sub(seconds.saturating_mul(1_000_000))
    }
}

impl StreamState {
    /// The first revision that may be seen.
    pub(crate) fn first(&self) -> u64 {
        let counted = self.metadata.number("$maxCount").and_then(|count| (self.last? + 1).checked_sub(count));
        self.metadata.truncated_before().max(counted.unwrap_or(0))
    }

    /// Nothing was ever written, or all of it was deleted.
    pub(crate) fn is_gone(&self) -> bool {
        self.last.is_none_or(|last| self.metadata.truncated_before() > last)
    }

    /// It was written and then deleted.
    pub(crate) fn is_deleted(&self) -> bool {
        self.last.is_some() && self.is_gone()
    }

    /// The revision that a client is told.
    pub(crate) fn seen(&self) -> Option<u64> {
        self.last.filter(|_| !self.is_gone())
    }
}

/// The name of the stream that this one says something about.
pub(crate) fn described(stream: &StreamName) -> Option<&str> {
    stream.as_str().strip_prefix("$$").filter(|name| !name.is_empty())
}

impl View {
    pub(crate) fn new(store: Arc<dyn EventStore>, stopping: watch::Receiver<bool>) -> Self {
        let stripes = (0..STRIPES).map(|_| Arc::default()).collect();
        Self { store, links: Links::default(), stopping, stripes, hasher: RandomState::new() }
    }

    fn stripe(&self, stream: &StreamName) -> Arc<RwLock<()>> {
        let name = described(stream).unwrap_or(stream.as_str());
        Arc::clone(&self.stripes[self.hasher.hash_one(name) as usize % STRIPES])
    }

    /// For an append. One to a stream's metadata is alone, so that nobody judges by what it is about to
    /// change.
    pub(crate) async fn lock(&self, stream: &StreamName) -> Lock {
        match described(stream) {
            Some(_) => self.lock_alone(stream).await,
            None => Lock::Shared { _lock: self.stripe(stream).read_owned().await },
        }
    }

    /// For a deletion, and for what ends one.
    pub(crate) async fn lock_alone(&self, stream: &StreamName) -> Lock {
        Lock::Alone { _lock: self.stripe(stream).write_owned().await }
    }

    async fn last(&self, stream: &StreamName) -> Result<Option<RecordedEvent>, ReadError> {
        Ok(self.store.read_stream(stream, u64::MAX, Direction::Backwards, 1).await?.pop())
    }

    /// What is known about a stream; two short reads.
    pub(crate) async fn state(&self, stream: &StreamName) -> Result<StreamState, ReadError> {
        let last = self.last(stream).await?;
        let tombstoned = match described(stream) {
            Some(name) => {
                let last = self.last(&StreamName::stored(name)).await?;
                last.is_some_and(|last| &*last.event_type == TOMBSTONE)
            }
            None => last.as_ref().is_some_and(|last| &*last.event_type == TOMBSTONE),
        };
        let metadata = self.metadata(stream).await?;
        Ok(StreamState { last: last.map(|last| last.revision), tombstoned, metadata })
    }

    async fn metadata(&self, stream: &StreamName) -> Result<Metadata, ReadError> {
        if described(stream).is_some() {
            return Ok(Metadata::default());
        }
        let Ok(of) = StreamName::new(format!("$${stream}")) else { return Ok(Metadata::default()) };
        let Some(last) = self.last(&of).await? else { return Ok(Metadata::default()) };
        // Metadata that is not an object hides nothing.
        let all = serde_json::from_slice(&last.data).unwrap_or_default();
        Ok(Metadata { all, revision: Some(last.revision) })
    }
}
