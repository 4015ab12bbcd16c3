//! The folder around the log.

use std::fs;
use std::path::Path;

use event_store::{
    Direction, EmbeddedStore, EventStore, ExpectedRevision, OpenError, Options, RecordedEvent,
};

use crate::support::{append, event, everything, open, segment, stream};

/// Many sealed segments and streams that go across them.
async fn fill(store: &EmbeddedStore) -> Vec<RecordedEvent> {
    for number in 0..200 {
        let name = stream(&format!("a-{}", number % 7));
        store.append(&name, ExpectedRevision::Any, vec![event(1500), event(1500)]).await.unwrap();
    }
    everything(store).await.unwrap()
}

fn indexes(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut indexes: Vec<_> = files.filter(|path| path.extension().is_some_and(|e| e == "idx")).collect();
    indexes.sort();
    indexes
}

async fn holds(store: &EmbeddedStore, events: &[RecordedEvent], what: &str) {
    assert!(everything(store).await.unwrap() == events, "{what}");
    for number in 0..7 {
        let name = stream(&format!("a-{number}"));
        let expected: Vec<_> = events.iter().filter(|event| event.stream == name).cloned().collect();
        for from in [0, 1, 17, expected.len() as u64 - 1] {
            let read = store.read_stream(&name, from, Direction::Forwards, usize::MAX).await.unwrap();
            assert!(read == expected[from as usize..], "{what}: {name} from {from}");
        }
        let newest = store.read_stream(&name, u64::MAX, Direction::Backwards, 3).await.unwrap();
        assert!(newest.iter().eq(expected.iter().rev().take(3)), "{what}: {name} backwards");
    }
}

#[tokio::test]
async fn a_closed_log_is_the_same_when_it_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let (id, events) = (store.id(), fill(&store).await);
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(store.id(), id);
    assert!(indexes(folder.path()).len() > 5);
    holds(&store, &events, "opened again").await;
}

#[tokio::test]
async fn indexes_that_are_missing_damaged_or_of_another_segment_are_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let events = fill(&store).await;
    drop(store);
    let all = indexes(folder.path());
    let good: Vec<_> = all.iter().map(|path| fs::read(path).unwrap()).collect();
    type Spoil<'a> = &'a dyn Fn(usize, &mut Vec<u8>);
    let spoil: [(&str, Spoil<'_>); 5] = [
        ("missing", &|_, _| ()),
        ("empty", &|_, bytes| bytes.clear()),
        ("cut", &|_, bytes| bytes.truncate(bytes.len() - 1)),
        ("flipped", &|number, bytes| bytes[number * 13 % 100] ^= 1),
        ("exchanged", &|number, bytes| bytes.clone_from(&good[(number + 1) % good.len()])),
    ];
    for (what, spoil) in spoil {
        for (number, path) in all.iter().enumerate() {
            let mut bytes = good[number].clone();
            spoil(number, &mut bytes);
            fs::write(path, bytes).unwrap();
            if what == "missing" {
                fs::remove_file(path).unwrap();
            }
        }
        let store = open(folder.path()).unwrap();
        holds(&store, &events, what).await;
        drop(store);
        for (path, good) in all.iter().zip(&good) {
            assert!(fs::read(path).unwrap() == *good, "{what}: {} is as it was", path.display());
        }
    }
}

#[tokio::test]
async fn a_missing_segment_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    fill(&store).await;
    drop(store);
    for number in [0, 2] {
        let (path, aside) = (segment(folder.path(), number), folder.path().join("aside"));
        fs::rename(&path, &aside).unwrap();
        let refused = open(folder.path()).err();
        assert!(
            matches!(&refused, Some(OpenError::Damaged { path: named, .. }) if *named == path),
            "{refused:?}"
        );
        fs::rename(&aside, &path).unwrap();
    }
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn a_folder_that_is_open_is_refused_until_it_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let clone = store.clone();
    drop(store);
    let refused = open(folder.path()).err().unwrap();
    assert!(matches!(refused, OpenError::Locked(_)));
    assert!(refused.to_string().contains(folder.path().to_str().unwrap()), "{refused}");
    append(&clone, "a-1", 1).await.unwrap();
    drop(clone);
    open(folder.path()).unwrap();
}

#[tokio::test]
async fn another_format_and_a_spoilt_identity_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    let path = folder.path().join("store");
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut flipped = good.clone();
        flipped[at] ^= 2;
        fs::write(&path, &flipped).unwrap();
        match open(folder.path()).err() {
            Some(OpenError::Format { found, known, .. }) => assert!(found != known && (8..12).contains(&at)),
            Some(OpenError::Damaged { .. }) => assert!(!(8..12).contains(&at)),
            other => panic!("byte {at}: {other:?}"),
        }
    }
    fs::remove_file(&path).unwrap();
    assert!(matches!(open(folder.path()).err(), Some(OpenError::Damaged { .. })));
}

#[tokio::test]
async fn what_was_not_finished_when_the_process_died_is_swept_away() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    append(&store, "a-1", 1).await.unwrap();
    drop(store);
    for unfinished in ["0000000001.new", "0000000000.idx-new"] {
        fs::write(folder.path().join(unfinished), "half").unwrap();
    }
    let store = open(folder.path()).unwrap();
    assert!(!folder.path().join("0000000000.idx-new").exists());
    assert_eq!(fill(&store).await.len(), 401);
}

#[tokio::test]
async fn a_long_stream_is_read_at_any_revision_from_its_indexes() {
    let folder = tempfile::tempdir().unwrap();
    let name = stream("long-1");
    let opened = || Options::new().segment_bytes(128 << 10).recent_bytes(0).open(folder.path()).unwrap();
    let store = opened();
    let revision = 6000u64;
    // In waves: all at once may become one block, and one long segment for it.
    for wave in 0..30 {
        let appends = (0..100).map(|number| {
            let events = (0..(wave * 100 + number) % 3 + 1).map(|_| event(20)).collect();
            store.append(&name, ExpectedRevision::Any, events)
        });
        for appended in futures::future::join_all(appends).await {
            appended.unwrap();
        }
    }
    drop(store);
    let store = opened();
    assert!(indexes(folder.path()).len() > 2);
    for from in (0..revision).step_by(7).chain([revision - 1]) {
        for (direction, max) in
            [(Direction::Forwards, 1), (Direction::Forwards, 40), (Direction::Backwards, 40)]
        {
            let read = store.read_stream(&name, from, direction, max).await.unwrap();
            let expected: Vec<u64> = match direction {
                Direction::Forwards => (from..revision).take(max).collect(),
                Direction::Backwards => (0..=from).rev().take(max).collect(),
            };
            assert!(read.iter().map(|event| event.revision).eq(expected), "{direction:?} from {from}");
        }
    }
}
