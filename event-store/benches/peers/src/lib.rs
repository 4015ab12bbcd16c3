//! What the peers that are used from Rust share: the event, the writers, and the line of figures.
//!
//! Every peer is a program of its own, `<peer> [KIND] WRITERS SECONDS`, and prints one line of JSON. It
//! keeps its events in the current folder, which is new, or in the Postgres database that PGHOST and its
//! like name, which is empty. What the writers do is said by [`measure`]; the programs in Python and
//! JavaScript do the same.

use std::future::Future;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::json;
use uuid::Uuid;

/// Connections open, caches fill and the first files are made before anything counts.
const WARM_UP: Duration = Duration::from_secs(1);

/// Who is measured, as the page shall name it.
pub struct Peer {
    pub name: &'static str,
    pub version: String,
    pub settings: String,
}

/// The first event of a stream of its own: 300 bytes of JSON.
#[derive(Clone)]
pub struct Event {
    pub id: Uuid,
    pub stream: String,
    pub data: Vec<u8>,
}

impl Event {
    fn new() -> Self {
        let id = Uuid::new_v4();
        let mut data = format!("{{\"id\":\"{id}\",\"text\":\"").into_bytes();
        data.resize(298, b'x');
        data.extend(b"\"}");
        Self { id, stream: format!("apply-{}", Uuid::new_v4()), data }
    }
}

/// How many writers append at once.
pub fn writers() -> Result<usize> {
    argument(1)
}

/// Counted from the last one, which is 0.
fn argument(number: usize) -> Result<usize> {
    let argument =
        std::env::args().skip(1).rev().nth(number).context("say: <peer> [KIND] WRITERS SECONDS")?;
    Ok(argument.parse()?)
}

/// The exact version of a crate that was built.
pub fn version(name: &str) -> String {
    let mut lines = include_str!("../Cargo.lock").lines();
    lines.find(|line| *line == format!("name = \"{name}\""));
    let version = lines.next().unwrap_or_default();
    version.trim_start_matches("version = ").trim_matches('"').to_owned()
}

/// Every writer appends one event to a new stream, waits until it is durable, and begins again,
/// until the time is over. What was acknowledged in that time counts.
///
/// `append` gets the number of its writer and must demand that the stream does not exist; a peer
/// that lets a stream begin twice is not measured.
pub async fn measure<Append, Done>(peer: Peer, append: Append) -> Result<()>
where
    Append: Fn(usize, Event) -> Done + Clone + Send + 'static,
    Done: Future<Output = Result<()>> + Send,
{
    let (writers, seconds) = (writers()?, argument(0)?);
    let first = Event::new();
    append(0, first.clone()).await?;
    let again = append(0, Event { stream: first.stream, ..Event::new() }).await;
    ensure!(again.is_err(), "{} let a stream begin twice", peer.name);

    let begin = Instant::now() + WARM_UP;
    let end = begin + Duration::from_secs(seconds as u64);
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let append = append.clone();
            tokio::spawn(async move {
                let mut latencies = Vec::new();
                loop {
                    let event = Event::new();
                    let sent = Instant::now();
                    append(writer, event).await?;
                    let done = Instant::now();
                    if done >= end {
                        return anyhow::Ok(latencies);
                    }
                    if done >= begin {
                        latencies.push(done - sent);
                    }
                }
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    ensure!(!latencies.is_empty(), "nothing was acknowledged in {seconds} s");
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100].as_micros() as u64;
    let line = json!({
        "peer": peer.name,
        "version": peer.version,
        "settings": peer.settings,
        "writers": writers,
        "per_second": latencies.len() / seconds,
        "p50_us": at(50),
        "p99_us": at(99),
    });
    println!("{line}");
    Ok(())
}
