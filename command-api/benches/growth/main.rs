//! What everything costs as the log grows: the same figures at 10,000, 100,000, 1,000,000 and 5,000,000
//! events, as a table and as one plot for each. Flat is the goal. Needs `wrk`.
//!
//! `GROWTH=10000,100000 cargo bench -p command-api --bench growth` stops earlier. `PLOTS=folder` says
//! where the plots go.

#[path = "../load/median.rs"]
mod median;
#[allow(dead_code, reason = "the load bench asks it for more")]
#[path = "../load/process.rs"]
mod process;
#[allow(dead_code, reason = "the load bench asks it for more")]
#[path = "../load/wrk.rs"]
mod wrk;

mod engine;
mod plot;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use process::Process;

const BODY: &str = r#"{"studentId":"probe", "bookId":"bok123", "qty": "11", "amount":"2000"}"#;

/// Only what an application needs at once.
const COMMANDS: [&str; 3] = ["--contexts", "apply,payment", "--without-read-side"];

/// A figure at every size of the log.
struct Figure {
    name: &'static str,
    unit: &'static str,
    /// The name of the plot.
    file: &'static str,
    values: Vec<f64>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // `cargo test --benches` runs this too, and a test is never timed.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let sizes = std::env::var("GROWTH").unwrap_or_else(|_| "10000,100000,1000000,5000000".to_owned());
    let sizes = sizes.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut figures = [
        ("durable appends by 64 writers", "/s", "appends"),
        ("the same, of the bare log", "", "share"),
        ("one durable append, p50", "us", "append"),
        ("a stream of four read", "us", "read"),
        ("the store opens", "ms", "open"),
        ("the process is ready, after kill -9", "ms", "start"),
        ("an application over HTTP at 64 connections, p50", "ms", "apply-p50"),
        ("an application over HTTP at 64 connections, p99", "ms", "apply-p99"),
        ("memory of the process under that load", "MiB", "memory"),
    ]
    .map(|(name, unit, file)| Figure { name, unit, file, values: Vec::new() });
    let runtime = tokio::runtime::Runtime::new()?;
    let mut notes = 0;
    for size in &sizes {
        let measured = runtime.block_on(at(folder.path(), *size, &mut notes));
        for (figure, value) in figures.iter_mut().zip(measured) {
            figure.values.push(value);
        }
    }
    let heads: Vec<_> = sizes.iter().map(|size| format!(" {size} |")).collect();
    println!("| as the log grows, events |{} last / first |", heads.concat());
    println!("|---|{}---|", "---|".repeat(sizes.len()));
    for figure in &figures {
        let values: Vec<_> =
            figure.values.iter().map(|value| format!(" {} {} |", short(*value), figure.unit)).collect();
        let (first, last) = (figure.values[0], figure.values[figure.values.len() - 1]);
        println!("| {} |{} {:.2} |", figure.name, values.concat(), last / first);
    }
    if let Some(plots) = std::env::var_os("PLOTS").map(PathBuf::from) {
        for figure in &figures {
            plot::draw(&plots, &sizes, figure)?;
        }
    }
    Ok(())
}

/// A figure as short as it can be said.
fn short(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

/// Whether the policies have looked at everything.
fn are_at_the_head(status: &serde_json::Value) -> bool {
    let mut policies = status["policies"].as_array().expect("a list").iter();
    policies.all(|policy| policy["position"] == status["head"] || policy["running"] == false)
}

/// All figures once the log has so many events.
async fn at(folder: &Path, size: usize, notes: &mut usize) -> [f64; 9] {
    let events = folder.join("events");
    let [appends, share, append, read] = engine::at(&events, size, notes).await;
    let began = Instant::now();
    drop(event_store::EmbeddedStore::open(&events).expect("a log"));
    let open = began.elapsed().as_secs_f64() * 1e3;
    // Killed once, so that the next start finds a log that nobody closed.
    let process = Process::start_on(folder, &COMMANDS);
    wrk::post(format!("{}/applies", process.url), BODY, 64, 1).await;
    process.stop();
    let began = Instant::now();
    let process = Process::start_on(folder, &COMMANDS);
    let start = began.elapsed().as_secs_f64() * 1e3;
    // Its policies never saw what the log was filled with, and run through all of it first.
    while !are_at_the_head(&process.status().await) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let load = wrk::post(format!("{}/applies", process.url), BODY, 64, 4).await;
    assert_eq!(load.refused, 0, "everything is taken");
    let memory = process.memory() as f64;
    process.stop();
    let (p50, p99) = (load.p50.as_secs_f64() * 1e3, load.p99.as_secs_f64() * 1e3);
    [appends, share, append, read, open, start, p50, p99, memory]
}
