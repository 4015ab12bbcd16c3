//! Snapshots of aggregates whose streams are long, kept in the event store itself. They only save time:
//! one that is missing, of another version or unreadable costs reading the whole stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use domain::kernel::Aggregate;
use event_store::{
    AppendError, Decoded, Direction, EventStore, ExpectedRevision, MAX_APPEND_BYTES, NewEvent, Position,
    ReadError, StreamName,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Last, Loaded};

/// A snapshot is worth its while after this many events at the earliest.
const STRETCH: u64 = 500;

/// About how many bytes an event has on the log. A large state is kept so rarely that all its snapshots
/// together are no larger than its events.
const EVENT_BYTES: usize = 512;

/// What is known of the last snapshot of an aggregate.
#[derive(Debug, Clone, Default)]
pub(super) struct Kept {
    /// How many events it stands for.
    events: u64,
    /// How large its state is, told by whoever keeps it.
    bytes: Arc<AtomicUsize>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SnapshotTaken {
    version: u16,
    id: Uuid,
    revision: u64,
    position: Position,
    state: Box<RawValue>,
}

impl Kept {
    /// Whether it is time for the next one, after the event of this revision.
    pub(super) fn is_old<A: Aggregate>(&self, revision: u64) -> bool {
        let behind = (revision + 1).saturating_sub(self.events);
        let bytes = self.bytes.load(Ordering::Relaxed);
        A::SNAPSHOT.is_some() && behind >= STRETCH.max((bytes / EVENT_BYTES) as u64)
    }

    /// The next one is about to be kept, after the event of this revision; answers where to say how
    /// large it is.
    pub(super) fn next(&mut self, revision: u64) -> Arc<AtomicUsize> {
        self.events = revision + 1;
        Arc::clone(&self.bytes)
    }
}

/// The stream of the snapshots of a stream: `rentcar.car-1` has `rentcar.snapshot-car-1`.
fn stream_of<A: Aggregate>(stream: &StreamName) -> StreamName {
    let (_, aggregate) = stream.as_str().split_once('.').expect("an aggregate lives in its system");
    let name = StreamName::new(format!("{}.snapshot-{aggregate}", A::SYSTEM));
    name.expect("a key of a stream leaves room for a word")
}

/// The last snapshot of a stream, if there is one that can be used.
pub(super) async fn last<A: Aggregate>(
    store: &dyn EventStore,
    stream: &StreamName,
) -> Result<Option<(Loaded<A>, Kept)>, ReadError> {
    let Some(version) = A::SNAPSHOT else { return Ok(None) };
    let kept = store.read_stream(&stream_of::<A>(stream), u64::MAX, Direction::Backwards, 1).await?;
    let taken = kept.first().and_then(|event| serde_json::from_slice::<SnapshotTaken>(&event.data).ok());
    let Some(taken) = taken.filter(|taken| taken.version == version) else { return Ok(None) };
    let Some(state) = A::thaw(taken.state.get().as_bytes()) else { return Ok(None) };
    let SnapshotTaken { id, revision, position, .. } = taken;
    let kept = Kept { events: revision + 1, bytes: Arc::new(taken.state.get().len().into()) };
    Ok(Some((Loaded { state, last: Some(Last { id, revision, position }) }, kept)))
}

/// Keeps a snapshot, and says how large it is.
pub(super) async fn keep<A: Aggregate>(
    store: &dyn EventStore,
    stream: &StreamName,
    state: &A,
    last: Last,
    size: &AtomicUsize,
) -> Result<(), AppendError> {
    let frozen = state.freeze().and_then(|state| RawValue::from_string(String::from_utf8(state).ok()?).ok());
    let (Some(state), Some(version)) = (frozen, A::SNAPSHOT) else { return Ok(()) };
    size.store(state.get().len(), Ordering::Relaxed);
    let Last { id, revision, position } = last;
    let taken = SnapshotTaken { version, id, revision, position, state };
    let data = serde_json::to_vec(&taken).expect("a plain struct is JSON");
    // Beyond what one append may hold, the events are read instead.
    if data.len() + 1024 <= MAX_APPEND_BYTES {
        let (event_type, metadata) = ("SnapshotTaken".into(), "{}".into());
        let event = NewEvent {
            id: Uuid::now_v7(),
            event_type,
            data: data.into(),
            metadata,
            decoded: Decoded::default(),
        };
        store.append(&stream_of::<A>(stream), ExpectedRevision::Any, vec![event]).await?;
    }
    Ok(())
}
