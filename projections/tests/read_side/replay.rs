//! Rows made anew beside the live ones (DESIGN 7, G10).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::StatusCode;
use domain::elearning::Application;
use domain::kernel::Shared;
use event_store::{EventStore, Position};
use projections::elearning::my_page::MyPage;
use projections::{Plan, Purpose, Replay, ReplayError, Screen, elearning, rollback};
use tokio_util::sync::CancellationToken;

use crate::stories::*;
use crate::support::World;

fn replay(world: &World, purpose: Purpose) -> Replay {
    let store: Arc<dyn EventStore> = world.store.clone();
    Replay::new(store, world.database.clone(), MyPage.projection(), purpose).in_batches_of(5)
}

async fn run(world: &World, purpose: Purpose, accept: bool) -> projections::Outcome {
    let stop = CancellationToken::new();
    replay(world, purpose).run(accept, &stop, |_| {}).await.unwrap()
}

/// A read side with this many students served.
async fn with_students(count: u64) -> (World, Position) {
    let world = World::running().await;
    let mut last = Position(0);
    for n in 0..count {
        last = world.happened(happy(&wanted_by("student1", n))).await;
    }
    for projection in ["my_page", "resources"] {
        assert_eq!(world.considered(projection, last).await, None);
    }
    (world, last)
}

/// G10: while readers read and events come, the rows are made anew, found to be the same, and take
/// the place of the old ones; no answer fails or is empty, and the worker goes on in the new rows.
#[tokio::test]
async fn equal_rows_take_the_place_of_the_live_ones_and_no_reader_notices() {
    let (world, _) = with_students(9).await;
    let over = AtomicBool::new(false);
    let reading = async {
        let mut answers = 0;
        while !over.load(Ordering::SeqCst) || answers == 0 {
            let answer = world.get("/myPages?studentId=student1").await;
            assert_eq!(answer.status, StatusCode::OK);
            assert!(answer.items("myPages").len() >= 9);
            answers += 1;
        }
    };
    let replaying = async {
        let outcome = run(&world, Purpose::Next, false).await;
        over.store(true, Ordering::SeqCst);
        outcome
    };
    let writing = world.happened(happy(&wanted_by("student1", 10)));
    let (outcome, (), last) = tokio::join!(replaying, reading, writing);
    let comparison = outcome.comparison.unwrap();
    assert!(outcome.switched && comparison.is_equal(), "{comparison:?}");
    assert_eq!(comparison.live, comparison.rebuilt);

    let last = last.max(world.happened(happy(&wanted_by("student1", 11))).await);
    assert_eq!(world.considered("my_page", last).await, None);
    assert_eq!(world.rows().await["my_page"].len(), 11);
    assert_eq!(world.rows().await["my_page"], world.rebuilt().await["my_page"]);
}

/// DESIGN 7: rows that differ are named and keep the replay from switching until that is accepted;
/// the way back is kept.
#[tokio::test]
async fn rows_that_differ_are_shown_and_switch_only_when_accepted_and_can_be_taken_back() {
    let (world, last) = with_students(3).await;
    world.tamper("UPDATE my_page SET amount = '1' WHERE position = 3").await;
    world.tamper("DELETE FROM my_page WHERE position = 7").await;

    let outcome = run(&world, Purpose::Next, false).await;
    let found = outcome.comparison.unwrap();
    assert!(!outcome.switched);
    assert_eq!((found.live, found.rebuilt, found.missing, found.added, found.changed), (2, 3, 0, 1, 1));
    let changed = found.samples.iter().find(|sample| !sample.live.is_null()).unwrap();
    assert_eq!(changed.key["id"], wanted_by("student1", 0).id.to_string());
    assert_eq!(changed.live, serde_json::json!({"amount": "1"}), "only what differs");
    assert_eq!(changed.rebuilt, serde_json::json!({"amount": "1000"}));
    let added = found.samples.iter().find(|sample| sample.live.is_null()).unwrap();
    assert_eq!(added.rebuilt["id"], wanted_by("student1", 1).id.to_string());

    assert!(run(&world, Purpose::Next, true).await.switched);
    assert_eq!(world.rows().await["my_page"], world.rebuilt().await["my_page"]);

    let store: Arc<dyn EventStore> = world.store.clone();
    let back = rollback(store, &world.database, MyPage.projection()).await.unwrap();
    assert_eq!((back.version, back.position), (1, Some(last)));
    assert_eq!(world.rows().await["my_page"].len(), 2, "as they were");
    let next = world.happened([apply_cancelled(&wanted_by("student1", 2), cancel_reason())]).await;
    let row = world.my_page(wanted_by("student1", 2).id, next).await;
    assert_eq!(row["applyStatus"], "cancelled", "and they are followed");
}

fn cancel_reason() -> domain::elearning::CancelReason {
    domain::elearning::CancelReason::StudentCancelled
}

/// DESIGN 7: without a switch there is nothing to take back.
#[tokio::test]
async fn a_rollback_without_a_switch_says_so() {
    let (world, _) = with_students(1).await;
    let store: Arc<dyn EventStore> = world.store.clone();
    let missing = rollback(store, &world.database, MyPage.projection()).await.unwrap_err();
    assert!(missing.to_string().contains("no earlier rows of my_page are kept"), "{missing}");
}

/// DESIGN 7: what an interrupted replay has done is kept; the next one does the rest.
#[tokio::test]
async fn an_interrupted_replay_goes_on_where_it_was() {
    let (world, last) = with_students(9).await;
    let stop = CancellationToken::new();
    let interrupted = replay(&world, Purpose::Next);
    let outcome = interrupted.run(false, &stop, |progress| {
        if progress.done >= 10 {
            stop.cancel();
        }
    });
    assert!(matches!(outcome.await, Err(ReplayError::Interrupted)));

    let Plan { from, to, events, .. } = replay(&world, Purpose::Next).plan().await.unwrap();
    assert_eq!(to, Some(last));
    assert!(from >= Some(Position(9)) && events < 27, "{from:?} {events}");
    let outcome = run(&world, Purpose::Next, false).await;
    assert!(outcome.switched && outcome.comparison.unwrap().is_equal());
}

/// DESIGN 7: whatever people write, rows that are made anew have it as the live ones do.
#[tokio::test]
async fn new_rows_have_the_same_texts_as_the_live_ones() {
    let world = World::running().await;
    let texts = ["", "\\N", "\\.", "\\", "\t\n\r\u{8}\u{c}\u{1}", "\"q\", (가) {x}", "a\0b", "null", "[1,2]"];
    let mut last = Position(0);
    for (n, text) in (0..).zip(texts) {
        let (name, address) = (Some(text.to_owned()), Some(format!("{text}\n{text}")));
        let sale = Application { student_name: name, address, ..(*wanted_by("student1", n)).clone() };
        last = world.happened(happy(&Shared::new(sale))).await;
    }
    for projection in ["my_page", "resources"] {
        assert_eq!(world.considered(projection, last).await, None);
    }
    let live = world.rows().await;
    let outcome = run(&world, Purpose::Next, false).await;
    assert!(outcome.switched && outcome.comparison.unwrap().is_equal());
    assert_eq!(world.rows().await, live);
    for (n, text) in (0..).zip(texts) {
        let seen = world.my_page(wanted_by("student1", n).id, last).await;
        assert_eq!(seen["studentName"], text.replace('\0', "\u{fffd}"), "{seen}");
    }
}

/// DESIGN 7: `verify` tells whether the live rows are what the log says, and changes nothing.
#[tokio::test]
async fn a_verification_finds_what_differs_and_leaves_everything_as_it_is() {
    let (world, _) = with_students(4).await;
    let outcome = run(&world, Purpose::Verify, true).await;
    assert!(outcome.comparison.unwrap().is_equal() && !outcome.switched);
    world.tamper("UPDATE my_page SET pay_status = 'pending' WHERE position = 3").await;
    let before = world.rows().await;
    let found = run(&world, Purpose::Verify, true).await.comparison.unwrap();
    assert_eq!((found.changed, found.samples[0].live["pay_status"].as_str()), (1, Some("pending")));
    assert_eq!(world.rows().await, before);
    let plan = replay(&world, Purpose::Verify).plan().await.unwrap();
    assert_eq!(plan.from, None, "nothing is left to go on with");
}

/// DESIGN 7: a copy of the past stands under a name of its own, and the live rows are not touched.
#[tokio::test]
async fn a_copy_of_the_past_shows_the_past() {
    let (world, _) = with_students(3).await;
    let outcome = run(&world, Purpose::AsOf(Position(5)), false).await;
    assert_eq!((outcome.switched, outcome.position), (false, Some(Position(5))));
    world.tamper("ALTER TABLE my_page RENAME TO away").await;
    world.tamper("ALTER TABLE my_page__as_of_5 RENAME TO my_page").await;
    let rows = &world.rows().await["my_page"];
    let seen: Vec<_> = rows.iter().map(|row| row["pay_status"].as_str().unwrap()).collect();
    assert_eq!(seen, ["completed", "pending"]);
}

/// G11: an event that cannot be read parks its key in the new rows too, and comes along.
#[tokio::test]
async fn a_replay_parks_what_it_cannot_read() {
    let (world, _) = with_students(2).await;
    let stream = format!("elearning.apply-{}", wanted_by("student1", 1).id);
    let poison = world.appended(&stream, "ApplyCancelled", b"{}".to_vec(), Some(1)).await;
    assert_eq!(world.considered("my_page", poison).await, None);
    let outcome = run(&world, Purpose::Next, false).await;
    assert_eq!((outcome.parked, outcome.switched), (1, true));
    let row = world.my_page(wanted_by("student1", 1).id, poison).await;
    assert_eq!(row["degraded"]["since"], poison.0);
}

/// DESIGN 7: rows that were never made can be made by a replay.
#[tokio::test]
async fn a_replay_into_an_empty_database_makes_the_rows() {
    let world = World::asleep(elearning::system()).await;
    world.happened(happy(&wanted_by("student1", 1))).await;
    let outcome = run(&world, Purpose::Next, false).await;
    assert_eq!((outcome.comparison, outcome.switched), (None, true));
    assert_eq!(world.rows_of("my_page").await, 1);
}
