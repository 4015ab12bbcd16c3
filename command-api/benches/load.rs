//! Applies per second over HTTP, durable, with every policy and projection running, next to a bare
//! axum echo of the same body in the same run; and how long MyPage takes to show an application
//! meanwhile. Needs `wrk`. `make bench` runs it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Json, Router};
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpListener;

const ROUNDS: usize = 3;
const SECONDS: u64 = 10;
const CONNECTIONS: u32 = 64;
const BODY: &str = r#"{"studentId":"probe", "bookId":"bok123", "qty": "11", "amount":"2000"}"#;

/// What `wrk` measured.
struct Load {
    per_second: f64,
    p50: String,
    p99: String,
}

fn main() {
    // `cargo test --benches` runs this too, and a test is never timed.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        println!("{}; {CONNECTIONS} connections, {SECONDS} s a round, {ROUNDS} rounds", machine());
        let echo = echo().await;
        let (mut echoes, mut applies, mut ratios) = (vec![], vec![], vec![]);
        let (mut lags, mut drains) = (vec![], vec![]);
        for round in 1..=ROUNDS {
            let bare = wrk(&format!("{echo}/applies")).await;
            let (load, mut lag, drained) = girok().await;
            lag.sort();
            println!(
                "round {round}: echo {:.0}/s (p99 {}), applies {:.0}/s (p50 {}, p99 {}), MyPage after {:?} (p50) {:?} (p99)",
                bare.per_second, bare.p99, load.per_second, load.p50, load.p99,
                quantile(&lag, 50), quantile(&lag, 99),
            );
            ratios.push(load.per_second / bare.per_second);
            echoes.push(bare.per_second);
            applies.push(load.per_second);
            lags.extend(lag);
            drains.push(drained.as_secs_f64());
        }
        lags.sort();
        println!();
        println!("| figure | median of {ROUNDS} |");
        println!("|---|---|");
        println!("| bare axum echo of the same body | {:.0} requests/s |", median(&mut echoes));
        println!("| applies, durable, policies and projections running | {:.0} applies/s |", median(&mut applies));
        println!("| ratio to the echo | {:.2} |", median(&mut ratios));
        println!("| MyPage shows a new application after (p50 / p99) | {:?} / {:?} |", quantile(&lags, 50), quantile(&lags, 99));
        println!("| all paid, delivered and on MyPage after the load ended | {:.1} s |", median(&mut drains));
    });
}

/// One round: a new process on a new folder under load.
async fn girok() -> (Load, Vec<Duration>, Duration) {
    let folder = tempfile::TempDir::new().expect("a folder");
    let mut process = Command::new(env!("CARGO_BIN_EXE_command-api"))
        .args(["--listen", "127.0.0.1:0", "--data"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the process starts");
    let url = listening(&mut process);
    let stop = Arc::new(AtomicBool::new(false));
    let probe = tokio::spawn(probe(url.clone(), Arc::clone(&stop)));
    let load = wrk(&format!("{url}/applies")).await;
    stop.store(true, Ordering::Relaxed);
    let lags = probe.await.expect("the probe ends");
    let drained = drain(&url).await;
    process.kill().and_then(|()| process.wait()).expect("the process ends");
    (load, lags, drained)
}

/// Where the process listens. What it logs afterwards is read and dropped.
fn listening(process: &mut Child) -> String {
    let mut lines = BufReader::new(process.stdout.take().expect("piped")).lines();
    let url = lines.find_map(|line| line.ok()?.split_once("listening on ").map(|(_, url)| url.to_owned()));
    std::thread::spawn(move || lines.for_each(drop));
    url.expect("the process says where it listens")
}

/// Applies now and then, and measures how long MyPage takes to show it.
async fn probe(url: String, stop: Arc<AtomicBool>) -> Vec<Duration> {
    let client = Client::new();
    let mut lags = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let applied = client.post(format!("{url}/applies")).body(BODY).send().await.expect("an answer");
        let acknowledged = Instant::now();
        let position = applied.headers()["event-position"].to_str().expect("a number").to_owned();
        let applied: Value = applied.json().await.expect("JSON");
        let id = applied["id"].as_str().expect("an id");
        let my_page = loop {
            let page = format!("{url}/myPages/{id}?after={position}");
            let answer = client.get(page).send().await.expect("an answer");
            if answer.status().is_success() {
                break answer.json::<Value>().await.expect("JSON");
            }
        };
        assert_eq!(my_page["applyStatus"], "completed");
        lags.push(acknowledged.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    lags
}

/// How long it takes until every application is delivered and every projection at the head.
async fn drain(url: &str) -> Duration {
    let began = Instant::now();
    loop {
        let status: Value =
            reqwest::get(format!("{url}/status")).await.expect("an answer").json().await.expect("JSON");
        let none = |list: &str, field: &str| {
            status[list].as_array().expect("a list").iter().all(|one| one[field] == 0)
        };
        if none("policies", "open") && none("projections", "lag") {
            return began.elapsed();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The limit: parses the same body and sends it back.
async fn echo() -> String {
    let router = Router::new().route("/applies", post(async |Json(body): Json<Value>| Json(body)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

async fn wrk(url: &str) -> Load {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/apply.lua");
    let (connections, duration) = (format!("-c{CONNECTIONS}"), format!("-d{SECONDS}s"));
    let output = tokio::task::spawn_blocking({
        let url = url.to_owned();
        move || {
            Command::new("wrk")
                .args(["-t1", &connections, &duration, "--latency", "-s", script, &url])
                .output()
        }
    });
    let output = output.await.expect("wrk does not panic").expect("wrk is installed (make bench does that)");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
    let value = |label: &str| {
        let line = text.lines().find(|line| line.trim_start().starts_with(label));
        line.and_then(|line| line.split_whitespace().last()).expect("wrk prints it").to_owned()
    };
    let per_second = value("Requests/sec:").parse().expect("a number");
    Load { per_second, p50: value("50%"), p99: value("99%") }
}

fn machine() -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} x {}", cores, model.trim_start_matches(['\t', ' ', ':']))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}
