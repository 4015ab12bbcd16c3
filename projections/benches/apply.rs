//! How many events per second the two projections of e-learning bring into SQLite together, and how
//! many pages per second students then get from it (router and rows, no network).
//!
//! `cargo bench -p projections --bench apply -- [events]` (default 400,000): a log of students who
//! apply, pay and are delivered to, one in ten of whom cancels.

mod generator;

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::Request;
use event_store::{EventStore, MemoryStore};
use projections::{Database, ReadSide, elearning};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use generator::fill;

/// How many pages are asked for in all, and by how many students at once.
const PAGES: usize = 40_000;
const READERS: usize = 16;

#[tokio::main]
async fn main() {
    let wanted = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(400_000);
    let store = Arc::new(MemoryStore::default());
    let events = fill(&*store, wanted).await;

    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("read.db").display());
    let database = Database::open(&url).await.expect("a database");
    let shutdown = CancellationToken::new();
    let start = Instant::now();
    let system = elearning::system();
    let side = ReadSide::start(store.clone(), database, &system, shutdown.clone());
    let side = side.await.expect("an empty database");
    let head = store.head().await.expect("memory answers");
    for name in ["resources", "my_page"] {
        let mut progress = side.progress(name).expect("it runs");
        let done = progress.wait_for(|progress| progress.considered == head || progress.stopped.is_some());
        assert_eq!(done.await.expect("it runs").stopped, None);
    }
    report(events, "events into two projections", start);

    let start = Instant::now();
    let students = events / 20;
    let readers = (0..READERS).map(|reader| {
        let router = side.router();
        tokio::spawn(async move {
            for n in 0..PAGES / READERS {
                let student = (reader + n * 7919) % students;
                let page = Request::get(format!("/myPages?studentId=student{student}")).body(Body::empty());
                let page = router.clone().oneshot(page.expect("a request")).await.expect("no failure");
                assert!(page.status().is_success());
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.expect("no panic");
    }
    report(PAGES, "pages of a student", start);
    shutdown.cancel();
    side.stopped().await;
}

fn report(count: usize, what: &str, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} {what} in {seconds:.2} s: {:.0}/s", count as f64 / seconds);
}
