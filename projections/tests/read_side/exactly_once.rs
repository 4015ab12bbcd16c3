//! Rows and checkpoint are one write: every event counts exactly once, whatever fails and whenever.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use event_store::{EventStore, Position};
use futures::poll;
use projections::{Database, ReadSide, Refused, StepError, Worker, elearning, rows};
use tokio_util::sync::CancellationToken;

use crate::disguise::Disguise;
use crate::stories::*;
use crate::support::World;
use crate::tally::Tally;

/// A worker that counts, where its checkpoint says.
async fn counting(world: &World, tally: &Tally) -> Worker {
    Worker::open(world.store.clone(), world.database.clone(), Arc::new(tally.clone())).await.unwrap()
}

/// G1: the crash between the rows and the checkpoint cannot be: both are there or neither.
#[tokio::test]
async fn a_write_that_fails_leaves_neither_rows_nor_checkpoint() {
    let tally = Tally::default();
    let world = World::asleep(tally.system()).await;
    world.happened(happy(&wanted_by("student1", 1))).await;
    tally.broken.store(true, Ordering::SeqCst);

    let mut worker = counting(&world, &tally).await;
    for _ in 0..3 {
        assert!(matches!(worker.step().await, Err(StepError::Database(_))));
        assert_eq!((Tally::counted(&world.rows().await), worker.progress().borrow().considered), (0, None));
    }
    tally.broken.store(false, Ordering::SeqCst);
    worker.step().await.unwrap();
    assert_eq!(Tally::counted(&world.rows().await), 4, "the same batch, once");
    let next = counting(&world, &tally).await;
    assert_eq!(next.progress().borrow().considered, Some(Position(3)));
}

/// G1: a worker killed at any moment of its step, again and again.
#[tokio::test]
async fn a_worker_that_is_killed_anywhere_counts_every_event_once() {
    let tally = Tally::default();
    let world = World::asleep(tally.system()).await;
    for n in 0..40 {
        world.happened(happy(&wanted_by("student1", n))).await;
        let mut worker = counting(&world, &tally).await;
        let mut step = Box::pin(worker.step());
        for _ in 0..n {
            if poll!(&mut step).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    let mut worker = counting(&world, &tally).await;
    while worker.progress().borrow().considered < Some(Position(159)) {
        worker.step().await.unwrap();
    }
    assert_eq!(Tally::counted(&world.rows().await), 160);
}

/// G3: of two processes on one database one goes on, the other is told.
#[tokio::test]
async fn a_second_process_on_the_same_rows_is_refused() {
    let tally = Tally::default();
    let world = World::asleep(tally.system()).await;
    world.happened(happy(&wanted_by("student1", 1))).await;
    let (mut first, mut second) = (counting(&world, &tally).await, counting(&world, &tally).await);

    first.step().await.unwrap();
    let refused = second.step().await;
    assert!(matches!(refused, Err(StepError::Refused(Refused::Shared { .. }))), "{refused:?}");
    assert_eq!(Tally::counted(&world.rows().await), 4);
}

/// G15: a store that breaks off is asked again, behind what was considered.
#[tokio::test]
async fn a_store_that_breaks_off_is_followed_without_gap_or_duplicate() {
    let tally = Tally::default();
    let world = World::asleep(tally.system()).await;
    let store = Arc::new(Disguise { breaks: true, ..Disguise::of(&world.store) });
    let mut worker = Worker::open(store, world.database.clone(), Arc::new(tally)).await.unwrap();
    for n in 0..5 {
        let head = world.happened(happy(&wanted_by("student1", n))).await;
        while worker.progress().borrow().considered < Some(head) {
            if let Err(error) = worker.step().await {
                assert!(matches!(error, StepError::Store(_)), "{error}");
            }
        }
    }
    assert_eq!(Tally::counted(&world.rows().await), 20);
}

/// G16: while the database fails, everybody can see it; afterwards the rows catch up by themselves.
#[tokio::test]
async fn a_database_that_fails_is_visible_and_tried_again() {
    let tally = Tally::default();
    let mut world = World::asleep(tally.system()).await;
    tally.broken.store(true, Ordering::SeqCst);
    world.start().await.unwrap();
    let head = world.happened(happy(&wanted_by("student1", 1))).await;

    let mut progress = world.side().progress("tally").unwrap();
    let trouble = progress.wait_for(|progress| progress.trouble.is_some()).await.unwrap().trouble.clone();
    assert!(trouble.unwrap().contains("the database"));
    tally.broken.store(false, Ordering::SeqCst);
    assert_eq!(world.considered("tally", head).await, None);
    assert_eq!(Tally::counted(&world.rows().await), 4);
}

/// G1: the rows of e-learning do not even need that: an event delivered twice changes nothing.
#[tokio::test]
async fn events_that_are_delivered_twice_change_nothing() {
    let world = World::asleep(elearning::system()).await;
    for n in 0..5 {
        world.happened(happy(&wanted_by("student1", n))).await;
        world.happened(cancelled(&wanted_by("student1", n))).await;
    }
    let database = Database::open("sqlite::memory:").await.unwrap();
    let store = Arc::new(Disguise { twice: true, ..Disguise::of(&world.store) });
    let twice = projections::rebuild(store, &database, &world.system).await.unwrap();
    assert_eq!(twice, world.rebuilt().await);
}

/// G10, EL 1.5: rows made event by event and rows made at once are the same to the last column.
#[tokio::test]
async fn a_rebuild_gives_identical_rows_in_batches_of_any_size() {
    let mut world = World::running().await;
    let sales: Vec<_> = (0..9).map(|n| wanted_by("student1", n)).collect();
    let mut stories: Vec<_> = sales
        .iter()
        .enumerate()
        .map(|(n, sale)| {
            let end = if n % 2 == 0 { cancelled(sale).to_vec() } else { vec![] };
            happy(sale).into_iter().chain(end).collect::<Vec<_>>().into_iter()
        })
        .collect();
    loop {
        let mut moved = false;
        for fact in stories.iter_mut().filter_map(Iterator::next).collect::<Vec<_>>() {
            moved = true;
            let position = world.happened([fact]).await;
            world.considered("my_page", position).await;
            world.considered("resources", position).await;
        }
        if !moved {
            break;
        }
    }
    let live = world.rows().await;
    assert_eq!((live["my_page"].len(), live["resources"].len()), (9, 27));
    assert_eq!(live, world.rebuilt().await);
    world.stop().await;
}

/// DESIGN 7: what was considered without an event of interest is not looked at again after a restart.
#[tokio::test]
async fn the_last_checkpoint_covers_what_was_of_no_interest() {
    let tally = Tally::default();
    let mut world = World::asleep(tally.system()).await;
    world.start().await.unwrap();
    let position = world.appended("mybnb.room-1", "RoomAdded", b"{}".to_vec(), Some(1)).await;
    assert_eq!(world.considered("tally", position).await, None);
    world.stop().await;
    assert_eq!(counting(&world, &tally).await.progress().borrow().considered, Some(position));
}

/// DESIGN 6: the rows of one database, read by nobody else, are those of its own clones.
#[tokio::test]
async fn a_temporary_database_is_shared_by_its_clones_only() {
    let world = World::asleep(elearning::system()).await;
    world.happened(happy(&wanted_by("student1", 1))).await;
    let (first, second) =
        (Database::open("sqlite::memory:").await.unwrap(), Database::open("sqlite::memory:").await.unwrap());
    let token = CancellationToken::new();
    let side =
        ReadSide::start(world.store.clone(), first.clone(), &world.system, token.clone()).await.unwrap();
    let head = world.store.head().await.unwrap();
    side.progress("my_page").unwrap().wait_for(|progress| progress.considered == head).await.unwrap();
    assert_eq!(rows(&first.clone(), &world.system).await.unwrap()["my_page"].len(), 1);
    assert_eq!(rows(&second, &world.system).await.unwrap()["my_page"].len(), 0);
    token.cancel();
    side.stopped().await;
}
