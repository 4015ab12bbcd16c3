//! The embedded store keeps the contract, with ordinary segments and with tiny ones that make it
//! roll, seal and read indexes all the time.

use std::sync::Arc;

use bytes::Bytes;
use event_store::{
    AppendError, Direction, EmbeddedStore, EventStore, ExpectedRevision, NewEvent, Options, StreamName,
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

/// Every stream has a part in three places of a log of some hundred segments, whose filters are put side by
/// side while it grows and again when it is opened.
#[tokio::test]
async fn streams_are_known_in_every_one_of_many_segments() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Options::new().segment_bytes(4096).recent_bytes(0).open(folder.path()).unwrap();
    let name = |number: u64| StreamName::new(format!("many-{number}")).unwrap();
    let event = || {
        let data = Bytes::from(vec![b'x'; 600]);
        NewEvent { id: Uuid::new_v4(), event_type: "Noted".into(), data, metadata: Bytes::new() }
    };
    let store = open();
    for revision in 0..3u64 {
        let expected = revision.checked_sub(1).map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
        for number in 0..200 {
            store.append(&name(number), expected, vec![event()]).await.unwrap();
        }
    }
    drop(store);
    let store = open();
    for number in 0..200 {
        let again = store.append(&name(number), ExpectedRevision::NoStream, vec![event()]).await;
        assert!(matches!(again, Err(AppendError::WrongRevision { actual: Some(2) })), "{again:?}");
        let read = store.read_stream(&name(number), 0, Direction::Forwards, 10).await.unwrap();
        assert_eq!(read.iter().map(|event| event.revision).collect::<Vec<_>>(), [0, 1, 2], "{number}");
        let new = store.append(&name(number + 1000), ExpectedRevision::NoStream, vec![event()]).await;
        assert_eq!(new.unwrap().revision, 0);
    }
}
