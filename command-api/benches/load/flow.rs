//! Applications over HTTP, next to a bare axum echo of the same body in the same run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::routing::post;
use axum::{Json, Router};
use reqwest::Client;
use serde_json::Value;
use tokio::net::TcpListener;

use crate::median::median;
use crate::process::Process;
use crate::wrk::{self, Load};
use crate::{ROUNDS, setting};

/// The siege body of the documents (SPEC 1.7).
const BODY: &str = r#"{"studentId":"probe", "bookId":"bok123", "qty": "11", "amount":"2000"}"#;

/// Only what an application needs at once: it and its payment are durable when it is answered.
const COMMANDS: [&str; 3] = ["--contexts", "apply,payment", "--without-read-side"];

/// The same with a payment provider outside, asked once the request of the payment is durable: it takes the
/// least time that can be simulated, 1 ms.
const OUTSIDE: [&str; 5] = ["--contexts", "apply,payment", "--without-read-side", "--pay-delay", "1"];

/// The limit: parses the same body and sends it back.
async fn echo() -> String {
    let router = Router::new().route("/applies", post(async |Json(body): Json<Value>| Json(body)));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// What one round with everything running showed beside the load.
struct Flow {
    load: Load,
    lags: Vec<Duration>,
    drain: Duration,
    cpu_us: f64,
    bytes: f64,
    /// Before anything came, and the most, in MiB.
    memory: (u64, u64),
}

/// Prints the table.
pub(crate) async fn run() {
    let echo = echo().await;
    let seconds = setting("LOAD_SECONDS", 5);
    println!(
        "| applications over HTTP, {seconds} s a round | per second | of the echo | p50 | p99 | p99.9 |"
    );
    println!("|---|---|---|---|---|---|");
    for connections in [1, 64, 256] {
        let (mut bare, mut commands, mut outside, mut whole) = (vec![], vec![], vec![], vec![]);
        for _ in 0..ROUNDS {
            bare.push(wrk::post(format!("{echo}/applies"), BODY, connections, seconds).await);
            for (loads, arguments) in [(&mut commands, &COMMANDS[..]), (&mut outside, &OUTSIDE[..])] {
                let process = Process::start(arguments);
                let applies = format!("{}/applies", process.url);
                loads.push(wrk::post(applies, BODY, connections, seconds).await);
                process.stop();
            }
            let flow = flow(connections, seconds).await;
            whole.push(flow);
        }
        let limit = median(bare.iter().map(|load| load.per_second));
        row(&format!("bare echo, {connections} connections"), bare.iter(), limit);
        row("— applied and paid, durable", commands.iter(), limit);
        row("— the same, with a payment provider outside that takes 1 ms", outside.iter(), limit);
        row("— with every policy and projection running", whole.iter().map(|flow| &flow.load), limit);
    }
    let sustained = setting("SUSTAINED_SECONDS", 60);
    let bare = || wrk::post(format!("{echo}/applies"), BODY, 64, seconds);
    let before = bare().await;
    let mut long = flow(64, sustained).await;
    let beside = [before, bare().await];
    let limit = median(beside.iter().map(|load| load.per_second));
    row("bare echo before and after, 64 connections", beside.iter(), limit);
    row(
        &format!("— with every policy and projection running, for {sustained} s"),
        [&long.load].into_iter(),
        limit,
    );
    println!();
    println!("| under that load for {sustained} s | |");
    println!("|---|---|");
    long.lags.sort_unstable();
    let at = |percent: usize| long.lags[(long.lags.len() - 1) * percent / 100].as_millis();
    println!("| MyPage shows a new application after (p50 / p99) | {} ms / {} ms |", at(50), at(99));
    let drain = long.drain.as_secs_f64();
    println!("| all paid, delivered and on MyPage after the load ended | {drain:.1} s |");
    println!("| processor time per event (user + system) | {:.0} us |", long.cpu_us);
    println!("| bytes on disk per event, log only | {:.0} |", long.bytes);
    println!("| memory at rest, and the most it had | {} MiB, {} MiB |", long.memory.0, long.memory.1);
}

fn row<'l>(name: &str, loads: impl Iterator<Item = &'l Load> + Clone, limit: f64) {
    let of = |figure: fn(&Load) -> f64| median(loads.clone().map(figure));
    let rates = || loads.clone().map(|load| load.per_second);
    let (least, most) = (rates().fold(f64::MAX, f64::min), rates().fold(0.0, f64::max));
    assert!(loads.clone().all(|load| load.refused == 0), "{name}: everything is taken");
    let ms = |seconds: f64| format!("{:.2} ms", seconds * 1e3);
    println!(
        "| {name} | {:.0} ({least:.0} to {most:.0}) | {:.2} | {} | {} | {} |",
        of(|load| load.per_second),
        of(|load| load.per_second) / limit,
        ms(of(|load| load.p50.as_secs_f64())),
        ms(of(|load| load.p99.as_secs_f64())),
        ms(of(|load| load.p999.as_secs_f64())),
    );
}

/// One round with everything running.
async fn flow(connections: usize, seconds: u64) -> Flow {
    let process = Process::start(&[]);
    let stop = Arc::new(AtomicBool::new(false));
    let rest = process.memory();
    let probe = tokio::spawn(probe(process.url.clone(), Arc::clone(&stop)));
    let load = wrk::post(format!("{}/applies", process.url), BODY, connections, seconds).await;
    stop.store(true, Ordering::Relaxed);
    let lags = probe.await.expect("the probe ends");
    let drain = process.drain().await;
    let status = process.status().await;
    let events = status["head"].as_u64().expect("a position") as f64 + 1.0;
    let (cpu_us, memory) = (process.cpu() * 1e6 / events, (rest, process.memory()));
    let bytes = process.log_bytes() as f64 / events;
    process.stop();
    Flow { load, lags, drain, cpu_us, bytes, memory }
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
