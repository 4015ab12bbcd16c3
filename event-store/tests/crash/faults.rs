//! Writes and syncs that fail, and disks that are full.

use std::io::ErrorKind;

use event_store::{
    Append, AppendError, Direction, EmbeddedStore, EventStore, ExpectedRevision, Health, NewEvent,
};

use crate::disk::FaultyDisk;
use crate::support::{append, event, everything, open, options, stream};

async fn broken_by(order: impl FnOnce(&FaultyDisk)) -> (tempfile::TempDir, EmbeddedStore) {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let store = options().disk(disk.clone()).open(folder.path()).unwrap();
    append(&store, "a-1", 2).await.unwrap();
    order(&disk);
    let answer = append(&store, "a-1", 1).await;
    assert!(matches!(answer, Err(AppendError::Unknown(_))), "{answer:?}");
    // The disk is well again; that proves nothing about what it lost.
    *disk.orders() = Default::default();
    (folder, store)
}

async fn takes_no_writes_but_reads(store: &EmbeddedStore) {
    let answer = append(store, "a-1", 1).await;
    assert!(matches!(answer, Err(AppendError::Unavailable(_))), "{answer:?}");
    assert!(matches!(store.health(), Health::ReadOnly(_)));
    assert_eq!(everything(store).await.unwrap().len(), 2);
    let read = store.read_stream(&stream("a-1"), 0, Direction::Forwards, 10).await.unwrap();
    assert_eq!(read.len(), 2);
}

#[tokio::test]
async fn a_failed_sync_stops_the_writer_for_good_and_reads_go_on() {
    let (folder, store) = broken_by(|disk| disk.orders().fail_sync = true).await;
    takes_no_writes_but_reads(&store).await;
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(store.health(), Health::Ready);
    assert!(everything(&store).await.unwrap().len() >= 2);
    append(&store, "a-1", 1).await.unwrap();
}

/// A defect of ours and not of the disk must not look like a store that is well.
#[tokio::test]
async fn a_writer_that_panicked_is_seen_and_nobody_waits_for_it() {
    let (_folder, store) = broken_by(|disk| disk.orders().panic_in_sync = true).await;
    // Whoever waited hears of it on the way down.
    while store.health() == Health::Ready {
        tokio::task::yield_now().await;
    }
    takes_no_writes_but_reads(&store).await;
}

#[tokio::test]
async fn a_write_that_failed_half_way_stops_the_writer_and_is_cut_at_the_next_start() {
    for error in [ErrorKind::Other, ErrorKind::StorageFull] {
        let (folder, store) = broken_by(|disk| disk.orders().fail_write = Some((40, error))).await;
        takes_no_writes_but_reads(&store).await;
        drop(store);
        let store = open(folder.path()).unwrap();
        assert_eq!(everything(&store).await.unwrap().len(), 2);
        assert_eq!(append(&store, "a-1", 1).await.unwrap().position.0, 2);
    }
}

/// Whose place is taken hears so without the writer, whatever became of that one.
#[tokio::test]
async fn what_is_certain_is_answered_without_the_writer() {
    let (_folder, store) = broken_by(|disk| disk.orders().fail_sync = true).await;
    let known = everything(&store).await.unwrap();
    let late = store.append(&stream("a-1"), ExpectedRevision::NoStream, vec![event(20)]).await;
    assert_eq!(late, Err(AppendError::WrongRevision { actual: Some(1) }));
    let again = NewEvent { id: known[1].id, ..event(20) };
    let again = store.append(&stream("a-1"), ExpectedRevision::Exact(0), vec![again]).await.unwrap();
    assert_eq!((again.revision, again.position), (1, known[1].position));
    // Whether anything follows depends on what may be on its way.
    for expected in [ExpectedRevision::Exact(1), ExpectedRevision::Exact(2), ExpectedRevision::Any] {
        let next = store.append(&stream("a-1"), expected, vec![event(20)]).await;
        assert!(matches!(next, Err(AppendError::Unavailable(_))), "{next:?}");
    }
}

#[tokio::test]
async fn a_full_disk_refuses_appends_until_there_is_room_again() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    disk.orders().room = Some(150 << 10);
    let store = options().disk(disk.clone()).open(folder.path()).unwrap();
    let mut written = Vec::new();
    let refused = loop {
        let next = event(5000);
        match store.append(&stream("a-1"), ExpectedRevision::Any, vec![next.clone()]).await {
            Ok(_) => written.push(next.id),
            Err(error) => break error,
        }
    };
    assert_eq!(refused, AppendError::Full);
    // Two segments of 64 KiB fit, the third does not.
    assert_eq!(written.len(), 24);
    assert!(matches!(store.health(), Health::ReadOnly(_)));
    let big = store.append(&stream("a-1"), ExpectedRevision::Any, vec![event(5000)]).await;
    assert_eq!(big, Err(AppendError::Full));
    assert_eq!(everything(&store).await.unwrap().len(), written.len());

    disk.orders().room = None;
    let next = event(5000);
    written.push(next.id);
    store.append(&stream("a-1"), ExpectedRevision::Exact(23), vec![next]).await.unwrap();
    assert_eq!(store.health(), Health::Ready);
    drop(store);
    let store = open(folder.path()).unwrap();
    assert!(everything(&store).await.unwrap().iter().map(|event| event.id).eq(written));
}

#[tokio::test]
async fn room_on_a_full_disk_is_noticed_without_another_append() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    disk.orders().room = Some(70 << 10);
    let store = options().disk(disk.clone()).open(folder.path()).unwrap();
    while store.append(&stream("a-1"), ExpectedRevision::Any, vec![event(9000)]).await.is_ok() {}
    assert!(matches!(store.health(), Health::ReadOnly(_)));
    disk.orders().room = None;
    // A server that is not ready gets no requests, so this must end by itself.
    while store.health() != Health::Ready {
        tokio::task::yield_now().await;
    }
    append(&store, "a-1", 1).await.unwrap();
}

#[tokio::test]
async fn a_write_refused_for_lack_of_space_before_its_first_byte_may_be_repeated() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let store = options().disk(disk.clone()).open(folder.path()).unwrap();
    append(&store, "a-1", 1).await.unwrap();
    disk.orders().fail_write = Some((0, ErrorKind::StorageFull));
    assert_eq!(append(&store, "a-1", 1).await, Err(AppendError::Full));
    assert_eq!(append(&store, "a-1", 1).await.unwrap().position.0, 1);
    assert_eq!(store.health(), Health::Ready);
}

/// A copy of a log has no room reserved, so it is the zeros behind a block that find none.
#[tokio::test]
async fn zeros_that_find_no_room_refuse_a_block_of_which_nothing_is_written() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let store = options().disk(disk.clone()).open(folder.path()).unwrap();
    disk.orders().fail_write = Some((4096, ErrorKind::StorageFull));
    assert_eq!(append(&store, "a-1", 1).await, Err(AppendError::Full));
    assert!(matches!(store.health(), Health::ReadOnly(_)));
    assert_eq!(append(&store, "a-1", 1).await.unwrap().position.0, 0);
    assert_eq!(store.health(), Health::Ready);
    drop(store);
    assert_eq!(everything(&open(folder.path()).unwrap()).await.unwrap().len(), 1);
}

/// What a failed sync says about those in turn that are in its block, and what it does not say about the one
/// that was there before.
#[tokio::test]
async fn of_appends_in_turn_only_those_of_a_failed_block_are_in_doubt() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    let store = options().disk(disk.clone()).open(folder.path()).unwrap();
    let known = event(20);
    store.append(&stream("a-1"), ExpectedRevision::NoStream, vec![known.clone()]).await.unwrap();
    disk.orders().fail_sync = true;
    let append = |name: &str, event| Append {
        stream: stream(name),
        expected: ExpectedRevision::NoStream,
        events: vec![event],
    };
    let appends = vec![append("a-1", known), append("b-1", event(20)), append("c-1", event(20))];
    let answers = store.append_in_turn(appends).await;
    assert!(matches!(answers[..], [Ok(_), Err(AppendError::Unknown(_))]), "{answers:?}");
    assert_eq!(everything(&store).await.unwrap().len(), 1);
    let answers = store.append_in_turn(vec![append("d-1", event(20)), append("e-1", event(20))]).await;
    assert!(matches!(answers[..], [Err(AppendError::Unavailable(_))]), "{answers:?}");
}

#[tokio::test]
async fn a_subscription_ends_loudly_when_the_store_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut subscription = store.subscribe(None, event_store::Filter::all()).await.unwrap();
    subscription.next().await.unwrap();
    let waiting = tokio::spawn(async move { subscription.next().await });
    drop(store);
    assert!(matches!(waiting.await.unwrap(), Err(event_store::ReadError::Unavailable(_))));
    // A subscription holds no folder.
    open(folder.path()).unwrap();
}
