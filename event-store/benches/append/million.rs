//! A log of a million events (`EVENTS`), in streams of four: starting, reading, memory.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use event_store::{Direction, EmbeddedStore, EventStore, ExpectedRevision, Filter, StreamName};
use tokio::runtime::Runtime;

use super::{event, setting};

fn name(stream: usize) -> StreamName {
    StreamName::new(format!("apply-{stream:032}")).expect("the name is short")
}

async fn fill(store: &EmbeddedStore) {
    let streams = setting("EVENTS", 1_000_000) / 4;
    let tasks: Vec<_> = (0..256)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                // The four events of a stream lie apart, as they do in life.
                for revision in 0..4u64 {
                    for stream in (task..streams).step_by(256) {
                        let expected = revision
                            .checked_sub(1)
                            .map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
                        let appended = store.append(&name(stream), expected, vec![event()]).await;
                        appended.expect("the disk works");
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no writer panics");
    }
}

/// The child's part: fills a log, says so and waits to be killed.
pub(crate) fn fill_and_wait(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let store = EmbeddedStore::open(folder)?;
    let started = Instant::now();
    runtime.block_on(fill(&store));
    let rate = setting("EVENTS", 1_000_000) as f64 / started.elapsed().as_secs_f64();
    println!("{rate:.0} events/s with 256 writers, VmHWM {}", memory());
    loop {
        std::thread::park();
    }
}

/// The parent's part.
pub(crate) fn run(runtime: &Runtime) -> Result<(), Box<dyn std::error::Error>> {
    let events = setting("EVENTS", 1_000_000);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut child = Command::new(std::env::current_exe()?)
        .env("FILL_AND_DIE", folder.path())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line)?;
    child.kill()?;
    child.wait()?;
    println!("\nfill of {events}:   {}", line.trim());
    for state in ["after kill -9", "closed", "closed"] {
        let started = Instant::now();
        let store = EmbeddedStore::open(folder.path())?;
        println!("start {state:14} {:6.1} ms", started.elapsed().as_secs_f64() * 1e3);
        drop(store);
    }
    let store = EmbeddedStore::open(folder.path())?;
    runtime.block_on(async {
        let (started, reads) = (Instant::now(), 100_000);
        for number in 0..reads {
            // Far apart each time, all over the log.
            let stream = number * 7919 % (events / 4);
            let read = store.read_stream(&name(stream), 0, Direction::Forwards, 10).await?;
            assert_eq!(read.len(), 4);
        }
        println!("streams of 4:   {:9.0} reads/s", f64::from(reads as u32) / started.elapsed().as_secs_f64());
        for (name, filter) in [("every event", Filter::all()), ("none", Filter::categories(["nothing"]))] {
            let started = Instant::now();
            let mut subscription = store.subscribe(None, filter).await?;
            while !subscription.next().await?.at_end {}
            let per_second = events as f64 / started.elapsed().as_secs_f64();
            println!("catching up, a subscriber that wants {name:11}: {per_second:9.0} events/s");
        }
        Ok::<_, event_store::ReadError>(())
    })?;
    println!("VmHWM of this process, benches included: {}", memory());
    Ok(())
}

fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or("unknown").trim().to_owned()
}
