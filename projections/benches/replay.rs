//! How fast a read model is rebuilt beside the live one, and how much memory that takes.
//!
//! `cargo bench -p projections --bench replay -- [events]` (default 1,000,000) makes a log on disk,
//! the live rows in SQLite and in a private Postgres that syncs, and replays MyPage in both.
//! `… -- --generate <folder> [events]` only makes the log.

mod generator;

#[allow(dead_code, clippy::unwrap_used, reason = "a benchmark needs less of it than the tests")]
#[path = "../tests/read_side_postgres/cluster.rs"]
mod cluster;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use event_store::{EmbeddedStore, EventStore};
use projections::elearning::my_page::MyPage;
use projections::{Database, Purpose, Replay, Screen, open_log};
use tokio_util::sync::CancellationToken;

use cluster::Cluster;

/// That of the program that replays.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let count = words.iter().find_map(|word| word.parse().ok()).unwrap_or(1_000_000);
    if let [first, folder, ..] = &words[..]
        && first == "--generate"
    {
        generate(Path::new(folder), count).await;
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("events");
    // By another process, whose memory is not counted.
    let myself = std::env::current_exe().expect("this program");
    let mut maker = std::process::Command::new(myself);
    let made = maker.arg("--generate").arg(&log).arg(count.to_string()).status();
    assert!(made.expect("this program once more").success());
    let store = open_log(log.to_str().expect("a plain path")).expect("the log that was just made");

    let sqlite = format!("sqlite:{}", folder.path().join("read.db").display());
    measure("SQLite", &store, &sqlite).await;
    let cluster = Cluster::durable();
    measure("Postgres", &store, &cluster.database()).await;
    println!("most memory of this process: {} MB", most_memory() / 1024);
}

async fn generate(folder: &Path, count: usize) {
    let start = Instant::now();
    let store = EmbeddedStore::open(folder).expect("a new log");
    let events = generator::fill(&store, count).await;
    println!("{events} events made in {:.1} s", start.elapsed().as_secs_f64());
}

async fn measure(kind: &str, store: &Arc<dyn EventStore>, url: &str) {
    let database = Database::open(url).await.expect("an empty database");
    for what in ["first rows", "replay beside them"] {
        let start = Instant::now();
        let replay = Replay::new(Arc::clone(store), database.clone(), MyPage.projection(), Purpose::Next);
        let mut built = (0.0, 0);
        let never = CancellationToken::new();
        let outcome = replay.run(false, &never, |progress| {
            built = (progress.per_second, progress.done);
        });
        let outcome = outcome.await.expect("a replay");
        assert!(outcome.switched, "{outcome:?}");
        println!(
            "{kind}, {what}: {} positions at {:.0}/s; {:.1} s with indexes, comparison and switch, for \
             which live rows stood still {} ms",
            built.1,
            built.0,
            start.elapsed().as_secs_f64(),
            outcome.held_ms
        );
    }
}

/// The most resident memory so far, in kB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
