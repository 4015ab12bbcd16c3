//! How fast the embedded store is, against a bare file that does nothing but group commit.
//!
//! `cargo bench -p event-store` prints one table in two minutes; `EVENTS=5000000` makes it longer,
//! `APPENDS=100000` or `WRITERS=64` shorter. Quote ratios of one run: the absolute figures are the disk's and the neighbours'.

mod bare;
mod million;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use event_store::{AppendError, Decoded, EmbeddedStore, EventStore, ExpectedRevision, NewEvent, StreamName};
use uuid::Uuid;

/// Interleaved runs of each kind; the medians are printed.
const RUNS: usize = 3;

/// A number from the environment.
fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// An event of 300 bytes of data.
fn event() -> NewEvent {
    let id = Uuid::new_v4();
    let mut data = format!("{{\"id\":\"{id}\",\"text\":\"").into_bytes();
    data.resize(298, b'x');
    data.extend(b"\"}");
    NewEvent {
        id,
        event_type: "Applied".into(),
        data: Bytes::from(data),
        metadata: Bytes::new(),
        decoded: Decoded::default(),
    }
}

struct Figures {
    per_second: f64,
    p50: Duration,
    p99: Duration,
    worst: Duration,
}

impl Figures {
    fn of(mut latencies: Vec<Duration>, taken: Duration) -> Self {
        latencies.sort_unstable();
        let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
        let per_second = latencies.len() as f64 / taken.as_secs_f64();
        Self { per_second, p50: at(0.5), p99: at(0.99), worst: at(1.0) }
    }
}

/// Three appends of four begin a stream, the fourth goes on with the one before; and one of sixteen comes
/// too late: it expects that its stream is not there, and is refused.
async fn store(folder: &Path, writers: usize, appends: usize) -> Figures {
    let store = Arc::new(EmbeddedStore::open(folder).expect("the folder is new"));
    let started = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|_| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut latencies = Vec::with_capacity(appends / writers);
                let mut stream = None;
                for number in 0..appends / writers {
                    let (name, expected) = match stream.take() {
                        Some(known) if number % 4 == 3 => (known, ExpectedRevision::Exact(0)),
                        _ => {
                            let name = StreamName::new(format!("apply-{}", Uuid::new_v4()));
                            (name.expect("the name is short"), ExpectedRevision::NoStream)
                        }
                    };
                    let events = vec![event()];
                    let sent = Instant::now();
                    store.append(&name, expected, events).await.expect("the disk works");
                    latencies.push(sent.elapsed());
                    if number % 16 == 15 {
                        let late = store.append(&name, ExpectedRevision::NoStream, vec![event()]).await;
                        assert!(matches!(late, Err(AppendError::WrongRevision { .. })), "{late:?}");
                    }
                    stream = Some(name);
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await.expect("no writer panics"));
    }
    Figures::of(latencies, started.elapsed())
}

fn median(mut runs: Vec<Figures>) -> Figures {
    runs.sort_by(|a, b| a.per_second.total_cmp(&b.per_second));
    runs.remove(runs.len() / 2)
}

/// The shares of the runs that were made next to each other: median, lowest and highest.
fn shares(ours: &[Figures], theirs: &[Figures]) -> [f64; 3] {
    let mut shares: Vec<_> =
        ours.iter().zip(theirs).map(|(ours, theirs)| ours.per_second / theirs.per_second).collect();
    shares.sort_by(f64::total_cmp);
    [shares[shares.len() / 2], shares[0], shares[shares.len() - 1]]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if let Some(folder) = std::env::var_os("FILL_AND_DIE") {
        return million::fill_and_wait(Path::new(&folder));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let appends = setting("APPENDS", 400_000);
    println!("writers    store/s  p50 us  p99 us  worst us     bare/s  p50 us  p99 us   store/bare");
    let all = std::env::var("WRITERS").unwrap_or_else(|_| "1,16,64,256".to_owned());
    for writers in all.split(',').map(str::parse).collect::<Result<Vec<usize>, _>>()? {
        // Few are slower. Seconds each, over several segments: the first moments of a log are not its life.
        let appends = appends * writers.clamp(4, 64) / 64;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
            theirs.push(runtime.block_on(bare::run(&folder.path().join("bare"), writers, appends)));
            ours.push(runtime.block_on(store(&folder.path().join("store"), writers, appends)));
        }
        let [share, least, most] = shares(&ours, &theirs);
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{writers:7} {:10.0} {:7} {:7} {:9} {:10.0} {:7} {:7}   {share:.2} ({least:.2}-{most:.2})",
            ours.per_second,
            ours.p50.as_micros(),
            ours.p99.as_micros(),
            ours.worst.as_micros(),
            theirs.per_second,
            theirs.p50.as_micros(),
            theirs.p99.as_micros(),
        );
    }
    million::run(&runtime)
}
