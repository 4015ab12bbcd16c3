//! The load generator, and what it measured.

use std::process::Command;
use std::time::Duration;

/// What so many connections got in so many seconds.
pub(crate) struct Load {
    pub(crate) requests: u64,
    pub(crate) per_second: f64,
    /// Answers that were no success.
    pub(crate) refused: u64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
}

/// Posts this body over so many connections for so many seconds.
pub(crate) async fn post(url: String, body: &'static str, connections: usize, seconds: u64) -> Load {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/load/apply.lua");
    let wrk = move || {
        Command::new("wrk")
            .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "-s", script, &url])
            .env("BODY", body)
            .output()
    };
    let output = tokio::task::spawn_blocking(wrk).await.expect("wrk does not panic");
    let text = String::from_utf8(output.expect("wrk is installed (make bench does that)").stdout);
    let text = text.expect("wrk speaks ASCII");
    let figures =
        text.lines().find_map(|line| line.strip_prefix("figures ")).expect("the script prints them");
    let figures: Vec<u64> = figures.split(' ').map(|figure| figure.parse().expect("a number")).collect();
    let [requests, took, refused, failed, p50, p99, p999] = figures[..] else { panic!("{text}") };
    assert_eq!(failed, 0, "connections failed: {text}");
    let us = Duration::from_micros;
    let per_second = requests as f64 / us(took).as_secs_f64();
    Load { requests, per_second, refused, p50: us(p50), p99: us(p99), p999: us(p999) }
}
