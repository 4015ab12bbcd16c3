//! Logs of every released format open for ever.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use event_store::{
    Decoded, Direction, EmbeddedStore, EventStore, ExpectedRevision, Filter, NewEvent, Options, StreamName,
    Visitor,
};
use uuid::Uuid;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format-1")
}

/// What the log of the fixture holds.
fn appends() -> impl Iterator<Item = (StreamName, Vec<NewEvent>)> {
    (0..30u128).map(|number| {
        let events = (0..number % 3 + 1).map(|event| NewEvent {
            id: Uuid::from_u128(number * 10 + event),
            event_type: ["Opened", "Geschlossen", "기록"][number as usize % 3].into(),
            data: Bytes::from(format!("{{\"number\":{number}}}{}", "x".repeat(number as usize * 5))),
            metadata: Bytes::from_static(b"{\"$correlationId\":\"c\"}"),
            decoded: Decoded::default(),
        });
        (StreamName::new(format!("fixture.stream-{}", number % 4)).unwrap(), events.collect())
    })
}

/// Wrote the fixture, once. It is never written again: a new format gets a new one.
#[tokio::test]
#[ignore = "for the day of a new format"]
async fn write_the_fixture() {
    let store = Options::new().segment_bytes(4096).open(fixture()).unwrap();
    for (stream, events) in appends() {
        store.append(&stream, ExpectedRevision::Any, events).await.unwrap();
    }
}

async fn holds_what_was_written(store: &EmbeddedStore) {
    let all = store.read_all(None, Direction::Forwards, &Filter::all(), usize::MAX).await.unwrap().events;
    let expected: Vec<_> =
        appends().flat_map(|(stream, new)| new.into_iter().map(move |e| (stream.clone(), e))).collect();
    assert_eq!(all.len(), expected.len());
    for ((position, event), (stream, new)) in (0..).zip(&all).zip(&expected) {
        assert_eq!((event.position.0, &event.stream), (position, stream));
        assert_eq!((event.id, &*event.event_type), (new.id, &*new.event_type));
        assert_eq!((&event.data, &event.metadata), (&new.data, &new.metadata));
    }
    for (stream, _) in appends().take(4) {
        let read = store.read_stream(&stream, 0, Direction::Forwards, usize::MAX).await.unwrap();
        assert!(read.iter().eq(all.iter().filter(|event| event.stream == stream)));
    }
}

#[tokio::test]
async fn a_log_of_format_1_opens_with_its_indexes_and_without() {
    let id = Visitor::open(fixture()).unwrap().id();
    for with_indexes in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        for file in fs::read_dir(fixture()).unwrap() {
            let path = file.unwrap().path();
            if with_indexes || path.extension().is_none_or(|extension| extension != "idx") {
                fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
            }
        }
        let report = Visitor::open(folder.path()).unwrap().check().unwrap();
        assert!(report.is_whole(), "{report:?}");
        let store = EmbeddedStore::open(folder.path()).unwrap();
        assert_eq!(store.id(), id);
        holds_what_was_written(&store).await;
    }
}
