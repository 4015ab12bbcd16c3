//! What meets while somebody waits for a checkpoint, which only a server lets it do.

use std::time::{Duration, Instant};

use event_store::Position;
use projections::{Purpose, Replay, ReplayError};
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use tokio_util::sync::CancellationToken;

use crate::stories::*;
use crate::support::World;

/// What a switch does, behind a checkpoint that it holds.
const SWITCH: &str = "
    CREATE TABLE my_page__next (LIKE my_page INCLUDING ALL);
    INSERT INTO my_page__next SELECT * FROM my_page;
    UPDATE checkpoints SET projection = 'my_page~previous' WHERE projection = 'my_page';
    INSERT INTO checkpoints (projection, partition, version, store, position)
        SELECT 'my_page', partition, version, store, position FROM checkpoints WHERE projection = 'my_page~previous';
    ALTER TABLE my_page RENAME TO my_page__previous;
    ALTER TABLE my_page__next RENAME TO my_page;
    COMMIT";

/// G10: a worker that waited while new rows took the place of its own, at the same position, goes on
/// in the new ones.
#[tokio::test]
async fn a_worker_that_waited_for_a_switch_goes_on_in_the_new_rows() {
    let world = World::running().await;
    let last = world.happened(happy(&wanted_by("student1", 1))).await;
    assert_eq!(world.considered("my_page", last).await, None);
    let mut switching = AnyConnection::connect(&world.url()).await.unwrap();
    switching.execute("BEGIN").await.unwrap();
    let hold = "UPDATE checkpoints SET position = position WHERE projection = 'my_page'";
    switching.execute(hold).await.unwrap();
    let last: Position = world.happened(happy(&wanted_by("student1", 2))).await;
    somebody_waits(&world).await;

    switching.execute(sqlx::raw_sql(SWITCH)).await.unwrap();
    assert_eq!(world.considered("my_page", last).await, None);
    assert_eq!(world.rows().await["my_page"], world.rebuilt().await["my_page"]);
}

/// G10: a server that ends a replay while it fills its table has kept neither rows nor checkpoint of that piece;
/// the next replay does the rest, each row once.
#[tokio::test]
async fn a_replay_that_the_server_ends_goes_on_where_it_was() {
    let world = World::running().await;
    for n in 0..5 {
        world.happened(happy(&wanted_by("student1", n))).await;
    }
    let last = world.happened(happy(&wanted_by("student1", 5))).await;
    assert_eq!(world.considered("my_page", last).await, None);
    let replay = || {
        let projection = world.system.projection("my_page").unwrap();
        Replay::new(world.store.clone(), world.database.clone(), projection, Purpose::Next).in_batches_of(8)
    };
    let stop = CancellationToken::new();
    let begun = replay();
    begun.run(false, &stop, |_| stop.cancel()).await.unwrap_err();
    let from = replay().plan().await.unwrap().from;
    assert_eq!(from, Some(Position(7)));

    let mut other = AnyConnection::connect(&world.url()).await.unwrap();
    other.execute("BEGIN").await.unwrap();
    other.execute("LOCK TABLE my_page__next IN SHARE MODE").await.unwrap();
    let ended = async {
        somebody_waits(&world).await;
        let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
            WHERE datname = current_database() AND wait_event_type = 'Lock'";
        other.execute(end).await.unwrap();
    };
    let never = CancellationToken::new();
    let begun = replay();
    let (outcome, ()) = tokio::join!(begun.run(false, &never, |_| {}), ended);
    assert!(matches!(outcome, Err(ReplayError::Database(_))), "{outcome:?}");
    other.execute("ROLLBACK").await.unwrap();
    assert_eq!(replay().plan().await.unwrap().from, from);
    assert_eq!(world.rows_of("my_page__next").await, 2);

    let outcome = replay().run(false, &never, |_| {}).await.unwrap();
    assert!(outcome.switched && outcome.comparison.unwrap().is_equal());
}

/// A deadlock, of which Postgres ends one side, is nothing but a reason to try again: for a worker and for
/// a replay alike.
#[tokio::test]
async fn whoever_loses_a_deadlock_tries_again() {
    let world = World::running().await;
    let last = world.happened(happy(&wanted_by("student1", 1))).await;
    assert_eq!(world.considered("my_page", last).await, None);
    let mut other = AnyConnection::connect(&world.url()).await.unwrap();
    // So that the other side of the deadlock is ended, not this one.
    let patient = "SET deadlock_timeout = '20s'";
    let hold = |partition: u8| {
        AssertSqlSafe(format!(
            "SELECT position FROM checkpoints WHERE projection = 'my_page' AND partition = {partition} FOR UPDATE"
        ))
    };
    for replays in [false, true] {
        other.execute(patient).await.unwrap();
        other.execute("BEGIN").await.unwrap();
        other.execute(hold(7)).await.unwrap();
        let next = async {
            if replays {
                let projection = world.system.projection("my_page").unwrap();
                let database = world.database.clone();
                let replay = Replay::new(world.store.clone(), database, projection, Purpose::Next);
                let outcome = replay.run(false, &CancellationToken::new(), |_| {}).await.unwrap();
                assert!(outcome.switched, "{outcome:?}");
            } else {
                let last = world.happened(happy(&wanted_by("student1", 2))).await;
                assert_eq!(world.considered("my_page", last).await, None);
            }
        };
        let cross = async {
            somebody_waits(&world).await;
            other.execute(hold(0)).await.unwrap();
            other.execute("ROLLBACK").await.unwrap();
        };
        tokio::join!(next, cross);
    }
    assert_eq!(world.rows().await["my_page"], world.rebuilt().await["my_page"]);
}

async fn somebody_waits(world: &World) {
    let mut connection = AnyConnection::connect(&world.url()).await.unwrap();
    let waiting = "SELECT COUNT(*) FROM pg_stat_activity \
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let deadline = Instant::now() + Duration::from_secs(30);
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut connection).await.unwrap() == 0 {
        assert!(Instant::now() < deadline, "the worker never waited");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
