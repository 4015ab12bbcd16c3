//! Several processes share a projection (G3), here each a runtime of its own.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use event_store::Position;
use projections::{Database, Purpose, Replay, Sharing, elearning, overview, share};
use sqlx::{AnyConnection, Connection};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::stories::*;
use crate::support::World;
use crate::tally::Tally;

/// Another process on the same log and the same rows.
struct Process {
    runtime: Option<Runtime>,
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Process {
    fn start(world: &World, name: &str) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (stop, url, store) = (CancellationToken::new(), world.url(), world.store.clone());
        let (system, told) = (world.system.clone(), stop.clone());
        let sharing = Sharing { holder: name.to_owned(), lease: Duration::from_millis(600) };
        let task = runtime.spawn(async move {
            let database = Database::open(&url).await.unwrap();
            share(store, database, &system, sharing, told).await;
        });
        Self { runtime: Some(runtime), task, stop }
    }

    /// Without a word to anybody.
    fn dies(mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }

    async fn stops(mut self) {
        self.stop.cancel();
        (&mut self.task).await.unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Waits until a question has this answer.
async fn until<T>(world: &World, question: &'static str, answer: T)
where
    T: PartialEq + std::fmt::Debug + Send + Unpin,
    for<'r> T: sqlx::Decode<'r, sqlx::Any> + sqlx::Type<sqlx::Any>,
{
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut connection = AnyConnection::connect(&world.url()).await.unwrap();
    loop {
        let found = sqlx::query_scalar::<_, T>(question).fetch_one(&mut connection).await;
        if found.as_ref().is_ok_and(|found| *found == answer) {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?} is not {answer:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits until every live partition has considered everything up to a position.
async fn all_there(world: &World, position: Position) {
    let least = "SELECT MIN(position) FROM checkpoints WHERE projection NOT LIKE '%~%'";
    until(world, least, position.0 as i64).await;
}

const SHARERS: &str = "SELECT COUNT(DISTINCT holder) FROM leases WHERE expires > 0";

/// G3: three processes each work on a part of one projection; one dies, one leaves, one comes, and every
/// event counts once, whoever it fell to.
#[tokio::test]
async fn processes_that_come_and_go_count_every_event_once() {
    let tally = Tally::default();
    let world = World::asleep(tally.system()).await;
    let happens = async |numbers: std::ops::Range<u64>| {
        let mut last = Position(0);
        for n in numbers {
            last = world.happened(happy(&wanted_by("student1", n))).await;
        }
        last
    };
    happens(0..40).await;
    let [first, second, third] = ["first", "second", "third"].map(|name| Process::start(&world, name));
    until(&world, SHARERS, 3).await;
    all_there(&world, happens(40..80).await).await;
    let seen = overview(&*world.store, &world.database, &world.system).await.unwrap();
    let parts = seen[0].partitions.iter().map(|part| (part.partition, part.position));
    assert!(parts.eq((0..8).map(|partition| (partition, Some(Position(319))))), "{seen:?}");
    let holders: BTreeSet<_> = seen[0].partitions.iter().map(|part| part.holder.as_deref()).collect();
    assert_eq!(holders, BTreeSet::from(["first", "second", "third"].map(Some)));

    first.dies();
    all_there(&world, happens(80..120).await).await;
    until(&world, SHARERS, 2).await;
    let fourth = Process::start(&world, "fourth");
    until(&world, SHARERS, 3).await;
    second.stops().await;
    all_there(&world, happens(120..160).await).await;
    third.stops().await;
    all_there(&world, happens(160..200).await).await;
    fourth.stops().await;

    assert_eq!(Tally::counted(&world.rows().await), 800);
    until(&world, "SELECT CAST(SUM(applied) AS BIGINT) FROM checkpoints", 800).await;
}

/// G3, G10: rows that are shared are compared, each partition where it is, and their rebuild takes their
/// place while they are followed.
#[tokio::test]
async fn rows_that_are_shared_are_replaced_by_their_equals() {
    let world = World::asleep(elearning::system()).await;
    let processes = ["first", "second"].map(|name| Process::start(&world, name));
    until(&world, SHARERS, 2).await;
    for n in 0..30 {
        let last = world.happened(happy(&wanted_by("student1", n))).await;
        if n % 10 == 9 {
            all_there(&world, last).await;
            let projection = world.system.projection("my_page").unwrap();
            let replay = Replay::new(world.store.clone(), world.database.clone(), projection, Purpose::Next);
            let outcome = replay.run(false, &CancellationToken::new(), |_| {}).await.unwrap();
            assert!(outcome.switched, "{outcome:?}");
        }
    }
    let last = world.happened(happy(&wanted_by("student1", 30))).await;
    all_there(&world, last).await;
    for process in processes {
        process.stops().await;
    }
    assert_eq!(world.rows().await["my_page"], world.rebuilt().await["my_page"]);
}

/// G10: partitions that are at different places are each brought to their own place, compared there, and
/// followed from there.
#[tokio::test]
async fn a_replay_meets_every_partition_where_it_is() {
    let mut world = World::running().await;
    for n in 0..20 {
        world.happened(happy(&wanted_by("student1", n))).await;
    }
    let last = Position(79);
    world.considered("my_page", last).await;
    world.considered("resources", last).await;
    world.stop().await;
    // As if whoever worked on one partition had been gone since the beginning.
    let keys: Vec<String> = (0..20).map(|n| wanted_by("student1", n).id.to_string()).collect();
    let partition = partition_of(&keys[0]);
    let mut connection = AnyConnection::connect(&world.url()).await.unwrap();
    let back = "UPDATE checkpoints SET position = -1 WHERE projection = 'my_page' AND partition = $1";
    sqlx::query(back).bind(partition).execute(&mut connection).await.unwrap();
    let behind: Vec<_> = keys.iter().filter(|key| partition_of(key) == partition).collect();
    for key in &behind {
        let row = sqlx::query("DELETE FROM my_page WHERE id = $1").bind(key.as_str());
        row.execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();

    for purpose in [Purpose::Verify, Purpose::Next] {
        let projection = world.system.projection("my_page").unwrap();
        let replay = Replay::new(world.store.clone(), world.database.clone(), projection, purpose);
        let outcome = replay.run(false, &CancellationToken::new(), |_| {}).await.unwrap();
        let found = outcome.comparison.unwrap();
        assert!(found.is_equal() && found.rebuilt == (20 - behind.len()) as u64, "{found:?}");
        assert_eq!(outcome.position, None, "where its last partition is");
    }
    world.start().await.unwrap();
    assert_eq!(world.considered("my_page", last).await, None);
    assert_eq!(world.rows().await, world.rebuilt().await);
    until(&world, "SELECT CAST(SUM(applied) AS BIGINT) FROM checkpoints WHERE projection = 'my_page'", 80)
        .await;
}

/// FNV-1a, as it is published; its bits 8 to 10.
fn partition_of(key: &str) -> i64 {
    let hash = key.bytes().fold(14_695_981_039_346_656_037, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
    });
    (hash >> 8) as i64 & 7
}

/// DESIGN 7: the rows of a program that knew no partitions are followed from where they are.
#[tokio::test]
async fn rows_from_before_there_were_partitions_are_followed_from_where_they_are() {
    let mut world = World::running().await;
    let last = world.happened(happy(&wanted_by("student1", 1))).await;
    for name in ["my_page", "resources"] {
        assert_eq!(world.considered(name, last).await, None);
    }
    world.stop().await;
    for statement in [
        "CREATE TABLE old (projection TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, store TEXT NOT NULL, \
            position BIGINT NOT NULL, applied BIGINT NOT NULL DEFAULT 0)",
        "INSERT INTO old SELECT projection, MAX(version), MAX(store), MIN(position), SUM(applied) \
            FROM checkpoints GROUP BY projection",
        "DROP TABLE checkpoints",
        "ALTER TABLE old RENAME TO checkpoints",
        "DROP TABLE leases",
        "CREATE TABLE leases (slot TEXT NOT NULL PRIMARY KEY)",
        "DROP TABLE members",
        "DROP TABLE healed",
        "DELETE FROM _sqlx_migrations WHERE version > 5",
    ] {
        world.tamper(statement).await;
    }
    world.start().await.unwrap_err();
    world.database = Database::open(&world.url()).await.unwrap();
    world.start().await.unwrap();
    let last = world.happened(happy(&wanted_by("student1", 2))).await;
    for name in ["my_page", "resources"] {
        assert_eq!(world.considered(name, last).await, None);
    }
    assert_eq!(world.rows().await, world.rebuilt().await);
    until(&world, "SELECT CAST(SUM(applied) AS BIGINT) FROM checkpoints", 16).await;
    until(&world, "SELECT COUNT(*) FROM checkpoints", 16).await;
}
