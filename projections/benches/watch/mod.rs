//! Looks at a read side at work: how long pages take, and how far the rows are behind.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use event_store::EventStore;
use projections::{Progress, ReadSide};
use serde_json::Value;
use tokio::sync::watch::Receiver;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::Load;
use crate::generator::steady::apply_steadily;

/// Counts since it was asked last.
pub(crate) struct Watch {
    since: Mutex<Instant>,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    appended: Arc<AtomicUsize>,
    pages: Mutex<Vec<Duration>>,
    bad: AtomicUsize,
    lag: AtomicU64,
}

impl Watch {
    /// Lets students apply and look, and looks at what comes of it, until the token fires.
    pub(crate) fn begin(
        store: &Arc<dyn EventStore>,
        side: &ReadSide,
        load: Load,
        stop: &CancellationToken,
    ) -> Self {
        let seen = Arc::new(Seen::default());
        let progress = side.progress("my_page").expect("it runs");
        let appended = Arc::clone(&seen.appended);
        // The first number that no student of the log has.
        let from = load.events;
        tokio::spawn(apply_steadily(Arc::clone(store), load.appended, from, appended, stop.clone()));
        tokio::spawn(look_at_pages(side.router(), load, Arc::clone(&seen), stop.clone()));
        tokio::spawn(look_at_lag(Arc::clone(store), progress, Arc::clone(&seen), stop.clone()));
        Self { since: Mutex::new(Instant::now()), seen }
    }

    /// What was seen since the last time.
    pub(crate) fn so_far(&self) -> Summary {
        let mut since = self.since.lock().expect("nobody panics with it");
        let seconds = std::mem::replace(&mut *since, Instant::now()).elapsed().as_secs_f64();
        let mut pages = std::mem::take(&mut *self.seen.pages.lock().expect("nobody panics with it"));
        pages.sort_unstable();
        let part = |part: f64| {
            let index = ((pages.len() as f64 * part) as usize).min(pages.len().saturating_sub(1));
            pages.get(index).map_or(0.0, |page| page.as_secs_f64() * 1000.0)
        };
        Summary {
            appended: self.seen.appended.swap(0, Ordering::Relaxed) as f64 / seconds,
            pages: pages.len() as f64 / seconds,
            milliseconds: [part(0.5), part(0.99), part(1.0)],
            bad: self.seen.bad.swap(0, Ordering::Relaxed),
            lag: self.seen.lag.swap(0, Ordering::Relaxed),
        }
    }
}

/// One line of the table.
pub(crate) struct Summary {
    appended: f64,
    pages: f64,
    milliseconds: [f64; 3],
    bad: usize,
    lag: u64,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { appended, pages, milliseconds: [half, most, worst], bad, lag } = self;
        write!(f, "{appended:.0} | {pages:.0} | {half:.1} | {most:.1} | {worst:.0} | {bad} | {lag}")
    }
}

/// Asks at a fixed rate, whether or not the answers keep up: a page that is late does not make the
/// next one wait, and is not left out.
async fn look_at_pages(router: Router, load: Load, seen: Arc<Seen>, stop: CancellationToken) {
    let students = load.events / 20;
    let mut clock = interval(Duration::from_secs(1) / load.pages as u32);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0.. {
        let asked = clock.tick().await;
        if stop.is_cancelled() {
            return;
        }
        let (router, seen) = (router.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let student = number * 7919 % students;
            let page = Request::get(format!("/myPages?studentId=student{student}")).body(Body::empty());
            let answer = router.oneshot(page.expect("a request")).await.expect("no failure");
            let good = answer.status().is_success();
            let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("a whole answer");
            seen.pages.lock().expect("nobody panics with it").push(asked.elapsed());
            let rows = serde_json::from_slice::<Value>(&body).ok();
            let rows = rows.and_then(|body| body["_embedded"]["myPages"].as_array().map(Vec::len));
            if !good || rows.unwrap_or(0) == 0 {
                seen.bad.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
}

async fn look_at_lag(
    store: Arc<dyn EventStore>,
    progress: Receiver<Progress>,
    seen: Arc<Seen>,
    stop: CancellationToken,
) {
    let mut clock = interval(Duration::from_millis(10));
    while !stop.is_cancelled() {
        clock.tick().await;
        let head = store.head().await.expect("the log answers");
        seen.lag.fetch_max(progress.borrow().lag(head), Ordering::Relaxed);
    }
}

/// What came of a replay by the program.
pub(crate) struct Replayed {
    pub(crate) position: u64,
    pub(crate) per_second: f64,
    pub(crate) seconds: f64,
    pub(crate) held_ms: u64,
    /// The most resident memory, in kB.
    pub(crate) memory: u64,
}

/// Replays MyPage with the program itself.
pub(crate) async fn replayed(log: &Path, url: &str) -> Replayed {
    let start = Instant::now();
    let mut program = Command::new(env!("CARGO_BIN_EXE_projections"));
    program.args(["replay", "my_page", "--format", "json"]);
    program.env("GIROK_STORE", log).env("GIROK_READ_MODEL", url);
    let program = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
    let status = format!("/proc/{}/status", program.id());
    let ended = tokio::task::spawn_blocking(move || program.wait_with_output());
    tokio::pin!(ended);
    let mut memory = 0;
    let output = loop {
        tokio::select! {
            output = &mut ended => break output.expect("no panic").expect("the program ends"),
            () = tokio::time::sleep(Duration::from_millis(50)) => {
                memory = most_memory(&status).unwrap_or(memory).max(memory);
            }
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said} {}", String::from_utf8_lossy(&output.stdout));
    let outcome: Value = serde_json::from_slice(&output.stdout).expect("an outcome");
    let last: Value =
        said.lines().filter_map(|line| serde_json::from_str(line).ok()).next_back().expect("news");
    Replayed {
        position: outcome["position"].as_u64().unwrap_or_default(),
        per_second: last["perSecond"].as_f64().unwrap_or_default(),
        seconds,
        held_ms: outcome["heldMs"].as_u64().unwrap_or_default(),
        memory,
    }
}

fn most_memory(status: &str) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
