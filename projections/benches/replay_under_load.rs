//! What a replay costs those who work meanwhile: students go on applying and looking at their pages
//! while another process, the `projections` program, makes MyPage anew and switches.
//!
//! `cargo bench -p projections --bench replay_under_load -- [events] [appended/s] [pages/s]` (default
//! 1,000,000, 500 and 200), for SQLite and for a private Postgres that syncs.

mod generator;

#[allow(dead_code, clippy::unwrap_used, reason = "a benchmark needs less of it than the tests")]
#[path = "../tests/read_side_postgres/cluster.rs"]
mod cluster;
#[path = "watch/mod.rs"]
mod watch;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use event_store::{EmbeddedStore, EventStore};
use projections::{Database, ReadSide, elearning};
use tokio_util::sync::CancellationToken;

use cluster::Cluster;
use watch::{Replayed, Watch, replayed};

/// How long is looked at before and after the replay.
const QUIET: Duration = Duration::from_secs(10);

/// How much goes on.
#[derive(Clone, Copy)]
struct Load {
    events: usize,
    appended: usize,
    pages: usize,
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let numbers: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let number = |index: usize, default| numbers.get(index).copied().unwrap_or(default);
    let load = Load { events: number(0, 1_000_000), appended: number(1, 500), pages: number(2, 200) };
    println!("{} events, then {} more and {} pages a second", load.events, load.appended, load.pages);

    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("events");
    let store: Arc<dyn EventStore> = Arc::new(EmbeddedStore::open(&log).expect("a new log"));
    let made = generator::fill(&*store, load.events).await;
    let load = Load { events: made, ..load };
    let sqlite = format!("sqlite:{}", folder.path().join("read.db").display());
    measure("SQLite", &store, &log, &sqlite, load).await;
    let cluster = Cluster::durable();
    measure("Postgres", &store, &log, &cluster.database(), load).await;
}

async fn measure(kind: &str, store: &Arc<dyn EventStore>, log: &Path, url: &str, load: Load) {
    let database = Database::open(url).await.expect("an empty database");
    let (stop, system) = (CancellationToken::new(), elearning::system());
    let side = ReadSide::start(Arc::clone(store), database, &system, stop.clone()).await;
    let side = side.expect("an empty database");
    let head = store.head().await.expect("the log answers");
    for name in ["resources", "my_page"] {
        let mut progress = side.progress(name).expect("it runs");
        let there = progress.wait_for(|progress| progress.considered >= head || progress.stopped.is_some());
        assert_eq!(there.await.expect("it runs").stopped, None);
    }

    let watch = Watch::begin(store, &side, load, &stop);
    tokio::time::sleep(QUIET).await;
    let before = watch.so_far();
    let Replayed { position, per_second, seconds, held_ms, memory } = replayed(log, url).await;
    let during = watch.so_far();
    tokio::time::sleep(QUIET).await;
    let after = watch.so_far();
    let stopped = side.progress("my_page").expect("it runs").borrow().stopped.clone();
    assert_eq!(stopped, None, "the live rows are followed after the switch");
    stop.cancel();
    side.stopped().await;

    println!(
        "\n{kind}: {position} positions at {per_second:.0}/s; {seconds:.1} s with everything, live rows"
    );
    println!("held {held_ms} ms; the process that replayed took {} MB at its most\n", memory / 1024);
    println!("| {kind} | appended/s | pages/s | p50 ms | p99 ms | worst ms | failed or empty | worst lag |");
    println!("|---|---|---|---|---|---|---|---|");
    for (name, seen) in [("before", before), ("during", during), ("after", after)] {
        println!("| {name} | {seen} |");
    }
}
