//! The embedded store keeps the contract, with ordinary segments and with tiny ones that make it
//! roll, seal and read indexes all the time.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use event_store::{
    Append, AppendError, Decoded, Direction, Disk, EmbeddedStore, EventStore, ExpectedRevision, Filter,
    LogFile, NewEvent, Options, RealDisk, StreamName,
};
use uuid::Uuid;

mod with_the_defaults {
    use super::*;

    event_store::contract!(async {
        let folder = tempfile::tempdir().unwrap();
        (Arc::new(EmbeddedStore::open(folder.path()).unwrap()), folder)
    });
}

mod with_tiny_segments_and_nothing_in_memory {
    use super::*;

    event_store::contract!(async {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new().segment_bytes(4096).recent_bytes(0);
        (Arc::new(options.open(folder.path()).unwrap()), folder)
    });
}

/// Has no room for the index of one segment.
struct OneIndexShort;

impl Disk for OneIndexShort {
    fn create(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        if path.ends_with("0000000040.idx-new") {
            return Err(io::ErrorKind::StorageFull.into());
        }
        RealDisk.create(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn LogFile>> {
        RealDisk.open(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_folder(path)
    }
}

/// Every stream has a part in three places of a log of more than a hundred segments, whose filters are put
/// side by side while it grows and when it is opened, but for one that has none.
#[tokio::test]
async fn streams_are_known_in_every_one_of_many_segments() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = || Options::new().segment_bytes(4096).recent_bytes(0);
    let event = || {
        let data = Bytes::from(vec![b'x'; 600]);
        NewEvent {
            id: Uuid::new_v4(),
            event_type: "Noted".into(),
            data,
            metadata: Bytes::new(),
            decoded: Decoded::default(),
        }
    };
    let store = tiny().disk(OneIndexShort).open(folder.path()).unwrap();
    for revision in 0..3u64 {
        let expected = revision.checked_sub(1).map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
        for number in 0..200 {
            store.append(&many(number), expected, vec![event()]).await.unwrap();
        }
    }
    are_known(&store, event()).await;
    drop(store);
    are_known(&tiny().open(folder.path()).unwrap(), event()).await;
}

fn many(number: u64) -> StreamName {
    StreamName::new(format!("many-{number}")).unwrap()
}

async fn are_known(store: &EmbeddedStore, event: NewEvent) {
    for number in 0..200 {
        let again = store.append(&many(number), ExpectedRevision::NoStream, vec![event.clone()]).await;
        assert!(matches!(again, Err(AppendError::WrongRevision { actual: Some(2) })), "{number}: {again:?}");
        let read = store.read_stream(&many(number), 0, Direction::Forwards, 10).await.unwrap();
        assert_eq!(read.iter().map(|event| event.revision).collect::<Vec<_>>(), [0, 1, 2], "{number}");
    }
}

/// What a writer had in hand is handed to a subscriber that keeps up, event by event.
#[tokio::test]
async fn a_subscriber_that_keeps_up_need_not_read_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(folder.path()).unwrap();
    let mut subscription = store.subscribe(None, Filter::all()).await.unwrap();
    let said = |number: u32| NewEvent {
        id: Uuid::new_v4(),
        event_type: "Counted".into(),
        data: Bytes::new(),
        metadata: Bytes::new(),
        decoded: Decoded::new(number),
    };
    let append = |name: &str, events: Vec<NewEvent>| Append {
        stream: StreamName::new(name).unwrap(),
        expected: ExpectedRevision::NoStream,
        events,
    };
    store.append_in_turn(vec![append("a-1", vec![said(0), said(1)]), append("b-1", vec![said(2)])]).await;
    let mut heard = Vec::new();
    while heard.len() < 3 {
        heard.extend(subscription.next().await.unwrap().events);
    }
    let said: Vec<_> = heard.iter().map(|event| event.decoded.get::<u32>().as_deref().copied()).collect();
    assert_eq!(said, [Some(0), Some(1), Some(2)]);
}

/// Zeros go ahead of the blocks in pieces of 256 KiB, also after a start that does not know how far they go.
#[tokio::test]
async fn blocks_that_end_inside_a_piece_of_zeros_and_far_behind_it_are_all_there() {
    let folder = tempfile::tempdir().unwrap();
    let (stream, mut written) = (StreamName::new("notes-1").unwrap(), Vec::new());
    for length in [100, 90_000, 250_000, 40, 262_144, 700_000, 1, 130_000, 1_000_000, 70] {
        let store = Options::new().recent_bytes(0).open(folder.path()).unwrap();
        for fill in [b'a', b'b'] {
            let event = NewEvent {
                id: Uuid::new_v4(),
                event_type: "Noted".into(),
                data: vec![fill; length].into(),
                metadata: Bytes::new(),
                decoded: Decoded::default(),
            };
            written.push((event.id, event.data.clone()));
            store.append(&stream, ExpectedRevision::Any, vec![event]).await.unwrap();
        }
        let read = store.read_stream(&stream, 0, Direction::Forwards, 100).await.unwrap();
        assert!(
            read.iter().map(|event| (event.id, event.data.clone())).eq(written.iter().cloned()),
            "{length}"
        );
    }
}
