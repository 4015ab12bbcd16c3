use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use event_store::{
    AppendError, Appended, Decoded, Direction, EmbeddedStore, EventStore, ExpectedRevision, Filter, NewEvent,
    OpenError, Options, ReadError, RecordedEvent, StreamName,
};
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) fn stream(name: &str) -> StreamName {
    StreamName::new(name).unwrap()
}

pub(crate) fn event(bytes: usize) -> NewEvent {
    NewEvent {
        id: Uuid::new_v4(),
        event_type: "Happened".into(),
        data: Bytes::from(vec![b'd'; bytes]),
        metadata: Bytes::from_static(b"{}"),
        decoded: Decoded::default(),
    }
}

/// Short segments, so that nothing here waits for zeros to be written.
pub(crate) fn options() -> Options {
    Options::new().segment_bytes(64 << 10)
}

pub(crate) fn open(folder: &Path) -> Result<EmbeddedStore, OpenError> {
    options().open(folder)
}

pub(crate) async fn append(
    store: &EmbeddedStore,
    name: &str,
    events: usize,
) -> Result<Appended, AppendError> {
    let events = (0..events).map(|_| event(20)).collect();
    store.append(&stream(name), ExpectedRevision::Any, events).await
}

pub(crate) async fn everything(store: &EmbeddedStore) -> Result<Vec<RecordedEvent>, ReadError> {
    Ok(store.read_all(None, Direction::Forwards, &Filter::all(), usize::MAX).await?.events)
}

pub(crate) fn segment(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:010}.log"))
}

/// Where the blocks of a segment begin and end, as their headers say.
pub(crate) fn blocks(segment: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut at, mut blocks) = (64, Vec::new());
    while segment.get(at..at + 4) == Some(b"GBLK") {
        let length = u32::from_le_bytes(segment[at + 8..at + 12].try_into().unwrap()) as usize;
        blocks.push(at..at + length);
        at += length;
    }
    blocks
}

/// A closed log whose first segment can be spoiled and opened again and again.
pub(crate) struct Specimen {
    folder: TempDir,
    pub(crate) bytes: Vec<u8>,
    pub(crate) events: Vec<RecordedEvent>,
    pub(crate) blocks: Vec<std::ops::Range<usize>>,
}

impl Specimen {
    /// One block for each append, with 1, 2, 3, 1, 2, 3 … events.
    pub(crate) async fn new(appends: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        for number in 0..appends {
            append(&store, &format!("a-{}", number % 2), number % 3 + 1).await.unwrap();
        }
        let events = everything(&store).await.unwrap();
        drop(store);
        let bytes = fs::read(segment(folder.path(), 0)).unwrap();
        let blocks = blocks(&bytes);
        assert_eq!(blocks.len(), appends);
        Self { folder, bytes, events, blocks }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The events of so many blocks.
    pub(crate) fn events_of(&self, blocks: usize) -> &[RecordedEvent] {
        &self.events[..(0..blocks).map(|number| number % 3 + 1).sum()]
    }

    /// Takes away what an earlier try wrote behind the first segment.
    pub(crate) fn forget_later_segments(&self) {
        for number in 1..4 {
            let _ = fs::remove_file(segment(self.path(), number));
        }
    }

    /// Opens the log with another first segment.
    pub(crate) fn open_with(&self, bytes: &[u8]) -> Result<EmbeddedStore, OpenError> {
        fs::write(segment(self.path(), 0), bytes).unwrap();
        open(self.path())
    }

    /// Opens the log with another first segment; it must hold the events of so many blocks, take
    /// another one, and hold that after one more start.
    pub(crate) async fn goes_on_with(&self, bytes: &[u8], blocks: usize, what: &str) {
        let store = self.open_with(bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(everything(&store).await.unwrap(), self.events_of(blocks), "{what}");
        append(&store, "b-1", 1).await.unwrap();
        let grown = everything(&store).await.unwrap();
        assert_eq!(grown.len(), self.events_of(blocks).len() + 1, "{what}");
        drop(store);
        let again = open(self.path()).unwrap_or_else(|error| panic!("{what}, again: {error}"));
        assert_eq!(everything(&again).await.unwrap(), grown, "{what}");
    }
}

/// Numbers that look random and are the same in every run.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
