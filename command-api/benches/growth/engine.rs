//! The store by itself, next to the bare file of the append bench in the same minute: a disk that was filled
//! with gigabytes is a while slower than before.

#[path = "../../../event-store/benches/append/bare.rs"]
mod bare;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use event_store::{Decoded, Direction, EmbeddedStore, EventStore, ExpectedRevision, NewEvent, StreamName};
use uuid::Uuid;

use crate::median::median;

/// How many appends a round is, and how many rounds there are.
const SAMPLES: usize = 10_000;
const ROUNDS: usize = 5;

/// How many append at once.
const WRITERS: usize = 64;

/// What the bare file tells.
struct Figures {
    per_second: f64,
}

impl Figures {
    fn of(latencies: Vec<Duration>, took: Duration) -> Self {
        Self { per_second: latencies.len() as f64 / took.as_secs_f64() }
    }
}

/// An event of 300 bytes of data.
fn event() -> NewEvent {
    let id = Uuid::new_v4();
    let mut data = format!("{{\"id\":\"{id}\",\"text\":\"").into_bytes();
    data.resize(298, b'x');
    data.extend(b"\"}");
    NewEvent {
        id,
        event_type: "Noted".into(),
        data: Bytes::from(data),
        metadata: Bytes::new(),
        decoded: Decoded::default(),
    }
}

/// Streams of four events each, as an application has.
fn name(number: usize) -> StreamName {
    StreamName::new(format!("growth.note-{:032x}", number / 4)).expect("the name is short")
}

/// Appends by 64 writers per second and as a share of the bare file, the p50 of one append in microseconds,
/// and a read of a stream in microseconds, once the log has so many events. `notes` counts those of them
/// that it was filled with.
pub(crate) async fn at(folder: &Path, size: usize, notes: &mut usize) -> [f64; 4] {
    let store = Arc::new(EmbeddedStore::open(folder).expect("a log"));
    let there = store.head().await.expect("a log").map_or(0, |head| head.0 as usize + 1);
    let before = *notes;
    *notes += size.saturating_sub(there);
    fill(&store, before, *notes).await;

    let (mut appends, mut shares) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let ours = round(&store).await;
        let scratch = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let bare = bare::run(&scratch.path().join("bare"), WRITERS, SAMPLES).await.per_second;
        appends.push(ours);
        shares.push(ours / bare);
    }
    let (appends, share) = (median(appends), median(shares));

    let mut took: Vec<Duration> = Vec::new();
    for _ in 0..2_000 {
        let stream = StreamName::new(format!("growth.new-{}", Uuid::new_v4())).expect("short");
        let began = Instant::now();
        store.append(&stream, ExpectedRevision::NoStream, vec![event()]).await.expect("the disk works");
        took.push(began.elapsed());
    }
    took.sort_unstable();
    let append = took[took.len() / 2].as_secs_f64() * 1e6;

    let began = Instant::now();
    for number in 0..20_000 {
        // Far apart each time, all over the log.
        let stream = name(number * 7919 * 4 % *notes);
        let read = store.read_stream(&stream, 0, Direction::Forwards, 10).await.expect("a log");
        assert!(!read.is_empty());
    }
    let read = began.elapsed().as_secs_f64() * 1e6 / 20_000.0;
    [appends, share, append, read]
}

/// So many appends to new streams, per second.
async fn round(store: &Arc<EmbeddedStore>) -> f64 {
    let began = Instant::now();
    let mut tasks = Vec::new();
    for _ in 0..WRITERS {
        let store = Arc::clone(store);
        tasks.push(tokio::spawn(async move {
            for _ in 0..SAMPLES / WRITERS {
                let stream = StreamName::new(format!("growth.new-{}", Uuid::new_v4())).expect("short");
                let appended = store.append(&stream, ExpectedRevision::NoStream, vec![event()]).await;
                appended.expect("the disk works");
            }
        }));
    }
    for task in tasks {
        task.await.expect("no writer panics");
    }
    SAMPLES as f64 / began.elapsed().as_secs_f64()
}

/// Appends the notes of these numbers.
async fn fill(store: &Arc<EmbeddedStore>, from: usize, to: usize) {
    const AT_ONCE: usize = 256;
    let mut tasks = Vec::new();
    for task in 0..AT_ONCE {
        let store = Arc::clone(store);
        tasks.push(tokio::spawn(async move {
            for number in (from..to).filter(|number| number / 4 % AT_ONCE == task) {
                let appended = store.append(&name(number), ExpectedRevision::Any, vec![event()]).await;
                appended.expect("the disk works");
            }
        }));
    }
    for task in tasks {
        task.await.expect("no writer panics");
    }
}
