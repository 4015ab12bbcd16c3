//! Questions over HTTP to a read model of a million rows, next to the bare sqlx query of the same rows
//! in the same run, on SQLite and on a private Postgres. Needs `wrk`.
//!
//! `ROWS=100000 QUERY_SECONDS=2 cargo bench -p projections --bench queries` is a shorter one.

#[allow(dead_code, clippy::unwrap_used, reason = "a benchmark needs less of it than the tests")]
#[path = "../../tests/read_side_postgres/cluster.rs"]
mod cluster;

mod bare;
mod rows;

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use event_store::{Decoded, EventStore, ExpectedRevision, MemoryStore, NewEvent, StreamName};
use projections::{Database, ReadSide, elearning};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use cluster::Cluster;

/// Interleaved rounds of each kind; the medians are printed.
const ROUNDS: usize = 3;

/// How many ask at once.
const CONNECTIONS: usize = 64;

/// What is asked: its name, its address, and the statement behind it.
const QUESTIONS: [(&str, &str, bare::Bare); 3] = [
    ("MyPage of one student", "/myPages?studentId={student}", bare::Bare::MyPages),
    ("one row by its id", "/myPages/{id}", bare::Bare::MyPage),
    ("a page of a list", "/applies?cursor={cursor}&size=20", bare::Bare::Applies),
];

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn median(figures: &[f64]) -> f64 {
    let mut figures = figures.to_vec();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// That of the main program, which answers most questions.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() {
    // `cargo test --benches` runs this too, and a test is never timed.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        let rows = setting("ROWS", 1_000_000);
        println!(
            "| questions to {rows} rows, {CONNECTIONS} at once | over HTTP | p50 | p99 | bare sqlx | ratio |"
        );
        println!("|---|---|---|---|---|---|");
        let folder = tempfile::tempdir().expect("a folder");
        let sqlite = format!("sqlite:{}", folder.path().join("read.db").display());
        measure("SQLite", &sqlite, rows).await;
        let cluster = Cluster::durable();
        measure("Postgres", &cluster.database(), rows).await;
    });
}

async fn measure(kind: &str, url: &str, rows: u64) {
    let database = Database::open(url).await.expect("an empty database");
    let stop = CancellationToken::new();
    let store = Arc::new(MemoryStore::default());
    // Of no interest to any projection, but none is without a position any more.
    let stream = StreamName::new("benchmark.log-1").expect("a name");
    let (data, metadata) = (Bytes::from_static(b"{}"), Bytes::new());
    let event = NewEvent {
        id: Uuid::new_v4(),
        event_type: "Begun".into(),
        data,
        metadata,
        decoded: Decoded::default(),
    };
    store.append(&stream, ExpectedRevision::NoStream, vec![event]).await.expect("an empty store");
    let side = ReadSide::start(store, database, &elearning::system(), stop.clone()).await;
    let side = side.expect("an empty database");
    for projection in ["my_page", "resources"] {
        let mut progress = side.progress(projection).expect("it runs");
        progress.wait_for(|progress| progress.considered.is_some()).await.expect("it runs");
    }
    rows::fill(url, rows).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let at = format!("http://{}", listener.local_addr().expect("an address"));
    let router = side.router();
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    for (name, address, statement) in QUESTIONS {
        let (mut ours, mut bares, mut p50, mut p99) = (vec![], vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            bares.push(bare::per_second(url, statement, rows).await);
            let asked = wrk(format!("{at}{address}"), rows).await;
            ours.push(asked.per_second);
            p50.push(asked.p50.as_secs_f64() * 1e3);
            p99.push(asked.p99.as_secs_f64() * 1e3);
        }
        println!(
            "| {kind}: {name} | {:.0}/s | {:.2} ms | {:.2} ms | {:.0}/s | {:.2} |",
            median(&ours),
            median(&p50),
            median(&p99),
            median(&bares),
            median(&ours) / median(&bares),
        );
    }
    stop.cancel();
    serving.abort();
    side.stopped().await;
}

struct Asked {
    per_second: f64,
    p50: Duration,
    p99: Duration,
}

async fn wrk(url: String, rows: u64) -> Asked {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/queries/get.lua");
    let (address, template) = url.split_at(url[8..].find('/').expect("a path") + 8);
    let (address, template) = (address.to_owned(), template.to_owned());
    let wrk = move || {
        let seconds = format!("-d{}s", setting("QUERY_SECONDS", 5));
        let mut command = Command::new("wrk");
        command.args(["-t1", &format!("-c{CONNECTIONS}"), &seconds, "-s", script, &address]);
        command.env("TEMPLATE", template).env("ROWS", rows.to_string()).output()
    };
    let output = tokio::task::spawn_blocking(wrk).await.expect("wrk does not panic");
    let text = String::from_utf8(output.expect("wrk is installed (make bench does that)").stdout);
    let text = text.expect("wrk speaks ASCII");
    let figures =
        text.lines().find_map(|line| line.strip_prefix("figures ")).expect("the script prints them");
    let figures: Vec<u64> = figures.split(' ').map(|figure| figure.parse().expect("a number")).collect();
    let [requests, took, failed, p50, p99] = figures[..] else { panic!("{text}") };
    assert_eq!(failed, 0, "{text}");
    let us = Duration::from_micros;
    Asked { per_second: requests as f64 / us(took).as_secs_f64(), p50: us(p50), p99: us(p99) }
}
