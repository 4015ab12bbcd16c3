//! Several processes share one database (G3).

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_store::{Decoded, EmbeddedStore, EventStore, ExpectedRevision, NewEvent, Position, StreamName};
use projections::{Database, Purpose, Replay, elearning};
use sqlx::{AnyConnection, Connection};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::place::Place;
use crate::stories::*;
use crate::support::parts;

/// G3: three workers share each projection by its partitions, one is paused beyond its leases and one
/// killed while events never stop coming: what they did is taken over, the paused one changes nothing when
/// it wakes and then takes part again, the rows are what the log says, and each event was counted exactly
/// once.
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
    let load = Load::begin(&store);
    let mut workers = Workers((0..3).map(|_| worker()).collect());
    let [paused, killed, third] = [0, 1, 2].map(|index: usize| workers.0[index].id());
    shared_by(&place, &[paused, killed, third]).await;
    reached(&place, load.later().await).await;

    signal("STOP", paused);
    shared_by(&place, &[killed, third]).await;
    reached(&place, load.later().await).await;
    signal("KILL", killed);
    let during = load.later().await;
    signal("CONT", paused);
    shared_by(&place, &[paused, third]).await;
    reached(&place, during).await;
    reached(&place, load.later().await).await;
    let served = load.end().await;
    reached(&place, Position(served * 4 - 1)).await;
    assert!(workers.0.iter_mut().all(|worker| worker.id() == killed || worker.try_wait().unwrap().is_none()));

    let mut connection = AnyConnection::connect(&place.url()).await.unwrap();
    let applied = "SELECT CAST(SUM(applied) AS BIGINT) FROM checkpoints GROUP BY projection";
    let applied: Vec<i64> = sqlx::query_scalar(applied).fetch_all(&mut connection).await.unwrap();
    assert_eq!(applied, [served as i64 * 4; 2], "each event once, in my_page and in resources");
    let database = Database::open(&place.url()).await.unwrap();
    for projection in elearning::system().projections() {
        let replay = Replay::new(Arc::clone(&store), database.clone(), projection, Purpose::Verify);
        let outcome = replay.run(false, &CancellationToken::new(), |_| {}).await.unwrap();
        let found = outcome.comparison.unwrap();
        assert!(found.is_equal() && found.live >= served, "{found:?}");
    }
}

/// Students who never stop coming, until they are told to.
struct Load {
    store: Arc<dyn EventStore>,
    stop: CancellationToken,
    task: JoinHandle<u64>,
}

impl Load {
    fn begin(store: &Arc<dyn EventStore>) -> Self {
        let (to, stop) = (Arc::clone(store), CancellationToken::new());
        let told = stop.clone();
        let task = tokio::spawn(async move {
            let mut number = 0;
            while !told.is_cancelled() {
                served(&*to, number).await;
                number += 1;
            }
            number
        });
        Self { store: Arc::clone(store), stop, task }
    }

    /// A position that some more events were appended for.
    async fn later(&self) -> Position {
        let head = async || self.store.head().await.unwrap().map_or(0, |head| head.0);
        let (before, deadline) = (head().await, Instant::now() + Duration::from_secs(30));
        loop {
            let now = head().await;
            if now >= before + 40 {
                return Position(now);
            }
            assert!(Instant::now() < deadline, "nobody applies");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How many students were served in all.
    async fn end(self) -> u64 {
        self.stop.cancel();
        self.task.await.unwrap()
    }
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

/// Waits until each projection is shared by all these processes and by no other.
async fn shared_by(place: &Place, processes: &[u32]) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut connection = AnyConnection::connect(&place.url()).await.unwrap();
    let holders = "SELECT DISTINCT projection || ' ' || holder FROM leases";
    let wanted: BTreeSet<String> =
        processes.iter().flat_map(|id| ["my_page", "resources"].map(|name| format!("{name} {id}"))).collect();
    loop {
        let holders = sqlx::query_scalar::<_, String>(holders).fetch_all(&mut connection).await;
        let found: BTreeSet<String> = holders
            .unwrap_or_default()
            .iter()
            .map(|holder| holder.split('-').next().unwrap().to_owned())
            .collect();
        if found == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{found:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits until all partitions of both projections have come to a position.
async fn reached(place: &Place, position: Position) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut connection = AnyConnection::connect(&place.url()).await.unwrap();
    loop {
        let there = "SELECT COUNT(*) FROM checkpoints WHERE position >= $1";
        let there = sqlx::query_scalar::<_, i64>(there).bind(position.0 as i64);
        if there.fetch_one(&mut connection).await.is_ok_and(|there| there == 2 * 8) {
            return;
        }
        assert!(Instant::now() < deadline, "nobody took over");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn served(store: &dyn EventStore, number: u64) {
    for fact in happy(&wanted_by("student1", number)) {
        let (stream, name, data) = parts(&fact);
        let event = NewEvent {
            id: Uuid::new_v4(),
            event_type: name.into(),
            data: data.into(),
            metadata: Vec::new().into(),
            decoded: Decoded::default(),
        };
        let stream = StreamName::new(stream).unwrap();
        store.append(&stream, ExpectedRevision::Any, vec![event]).await.unwrap();
    }
}
