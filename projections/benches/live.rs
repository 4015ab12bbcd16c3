//! How much processor time the projections of e-learning take for each event that they follow live, in
//! SQLite and in a private Postgres (whose own processes are not counted).
//!
//! `cargo bench -p projections --bench live -- [events per second]` (default 20,000). Students go on
//! applying for a while without anybody who follows, then as long again with the read side; the
//! difference is what it costs.

#[allow(dead_code, reason = "nobody fills a log here")]
mod generator;

#[allow(dead_code, clippy::unwrap_used, reason = "a benchmark needs less of it than the tests")]
#[path = "../tests/read_side_postgres/cluster.rs"]
mod cluster;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use event_store::{EventStore, MemoryStore};
use projections::{Database, ReadSide, elearning};
use tokio_util::sync::CancellationToken;

use cluster::Cluster;
use generator::steady::apply_steadily;

/// For how long each is looked at.
const LOOK: Duration = Duration::from_secs(8);

#[tokio::main]
async fn main() {
    // `cargo test --benches` runs this too, and a test is never timed.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let per_second = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(20_000);
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = format!("sqlite:{}", folder.path().join("read.db").display());
    measure("SQLite", &sqlite, per_second).await;
    let cluster = Cluster::durable();
    measure("Postgres", &cluster.database(), per_second).await;
}

async fn measure(kind: &str, url: &str, per_second: usize) {
    let database = Database::open(url).await.expect("an empty database");
    let (events, alone) = applied(Arc::new(MemoryStore::default()), per_second).await;
    let (store, stop) = (Arc::new(MemoryStore::default()), CancellationToken::new());
    let side = ReadSide::start(store.clone(), database, &elearning::system(), stop.clone()).await;
    let side = side.expect("an empty database");
    let (followed, together) = applied(store.clone(), per_second).await;
    let lag = side.status().await.iter().map(|status| status.lag).max().unwrap_or_default();
    stop.cancel();
    side.stopped().await;
    let us = |spent: Duration, events: usize| spent.as_secs_f64() * 1e6 / events as f64;
    println!(
        "{kind}: {:.1} us of processor time for each of {followed} events, {lag} behind at the end",
        us(together, followed) - us(alone, events)
    );
}

/// How many events students made, and how much processor time this process spent meanwhile.
async fn applied(store: Arc<MemoryStore>, per_second: usize) -> (usize, Duration) {
    let (appended, stop, before) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new(), spent());
    let store: Arc<dyn EventStore> = store;
    let students = tokio::spawn(apply_steadily(store, per_second, 0, Arc::clone(&appended), stop.clone()));
    tokio::time::sleep(LOOK).await;
    stop.cancel();
    students.await.expect("no student panics");
    (appended.load(Ordering::Relaxed), spent() - before)
}

/// The processor time of this process so far, in hundredths of a second as Linux counts it.
fn spent() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let (_, fields) = stat.rsplit_once(") ").expect("Linux");
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}
