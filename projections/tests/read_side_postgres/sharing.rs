//! Several processes share one database (G3).

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_store::{EmbeddedStore, EventStore, ExpectedRevision, NewEvent, Position, StreamName};
use projections::elearning::my_page::MyPage;
use projections::{Database, Purpose, Replay, Screen};
use sqlx::{AnyConnection, Connection};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::place::Place;
use crate::stories::*;
use crate::support::parts;

/// G3: three workers, one killed and one paused beyond its lease while events come: what they did is
/// taken over within seconds, the paused one changes nothing when it wakes, and in the end the rows
/// are what the log says.
#[tokio::test]
async fn three_workers_lose_one_and_pause_one_and_nothing_is_lost_or_doubled() {
    sqlx::any::install_default_drivers();
    let (folder, place) = (tempfile::tempdir().unwrap(), Place::new().await);
    let events = folder.path().join("events");
    let store: Arc<dyn EventStore> = Arc::new(EmbeddedStore::open(&events).unwrap());
    let worker = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_projections"));
        command
            .args(["run", "--lease", "600"])
            .env("GIROK_STORE", &events)
            .env("GIROK_READ_MODEL", place.url());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let mut last = served(&*store, 0..20).await;
    let mut workers = Workers((0..3).map(|_| worker()).collect());
    reached(&place, last).await;

    // Whoever holds a lease is paused; another has to take over.
    let paused = holder(&place).await;
    signal("STOP", paused);
    last = served(&*store, 20..40).await;
    reached(&place, last).await;
    let killed = holder(&place).await;
    assert_ne!(killed, paused);
    signal("KILL", killed);
    last = served(&*store, 40..60).await;
    signal("CONT", paused);
    reached(&place, last).await;
    last = served(&*store, 60..80).await;
    reached(&place, last).await;
    assert!(workers.0.iter_mut().all(|worker| worker.id() == killed || worker.try_wait().unwrap().is_none()));

    let database = Database::open(&place.url()).await.unwrap();
    let replay = Replay::new(Arc::clone(&store), database, MyPage.projection(), Purpose::Verify);
    let outcome = replay.run(false, &CancellationToken::new(), |_| {}).await.unwrap();
    let found = outcome.comparison.unwrap();
    assert!(found.is_equal() && found.live == 80, "{found:?}");
}

struct Workers(Vec<Child>);

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &mut self.0 {
            let _gone = worker.kill();
            let _waited = worker.wait();
        }
    }
}

fn signal(name: &str, process: u32) {
    assert!(
        Command::new("kill").args([&format!("-{name}"), &process.to_string()]).status().unwrap().success()
    );
}

/// The process that follows the log for MyPage.
async fn holder(place: &Place) -> u32 {
    let mut connection = AnyConnection::connect(&place.url()).await.unwrap();
    let holder = "SELECT holder FROM leases WHERE slot = 'my_page'";
    let holder: String = sqlx::query_scalar(holder).fetch_one(&mut connection).await.unwrap();
    holder.split('-').next().unwrap().parse().unwrap()
}

/// Waits until both projections have come to a position.
async fn reached(place: &Place, position: Position) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut connection = AnyConnection::connect(&place.url()).await.unwrap();
    loop {
        let behind = "SELECT COUNT(*) FROM checkpoints WHERE position >= $1";
        let there = sqlx::query_scalar::<_, i64>(behind).bind(position.0 as i64);
        if there.fetch_one(&mut connection).await.is_ok_and(|there| there == 2) {
            return;
        }
        assert!(Instant::now() < deadline, "nobody took over");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn served(store: &dyn EventStore, students: std::ops::Range<u64>) -> Position {
    let mut last = Position(0);
    for n in students {
        for fact in happy(&wanted_by("student1", n)) {
            let (stream, name, data) = parts(&fact);
            let event = NewEvent {
                id: Uuid::new_v4(),
                event_type: name.into(),
                data: data.into(),
                metadata: Vec::new().into(),
            };
            let stream = StreamName::new(stream).unwrap();
            last = store.append(&stream, ExpectedRevision::Any, vec![event]).await.unwrap().position;
        }
    }
    last
}
