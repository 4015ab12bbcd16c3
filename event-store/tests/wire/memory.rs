//! What clients cost the server in memory, whatever they do, while another one goes on (DESIGN 6). The
//! server is a process of its own, so that its memory is nobody else's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use event_store::{Decoded, EventStore, EventStoreDb, ExpectedRevision, Filter, NewEvent, StreamName};
use eventstore::{
    BatchAppendOptions, Client, EventData, StreamPosition, SubscribeToAllOptions, SubscriptionEvent,
    SubscriptionFilter,
};
use futures::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::harm::PREFACE;
use crate::server::Served;

const MIB: usize = 1 << 20;
/// Longer than anything takes that works.
const NEVER: Duration = Duration::from_secs(60);

struct Place {
    served: Served,
    _folder: tempfile::TempDir,
}

impl Place {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { served: Served::start(&folder.path().join("log")), _folder: folder }
    }

    fn client(&self) -> Client {
        Client::new(format!("{}&discoveryInterval=50", self.served.1).parse().unwrap()).unwrap()
    }

    async fn store(&self) -> EventStoreDb {
        EventStoreDb::connect(&self.served.1).await.unwrap()
    }

    /// What the server holds now, and what it ever held, in bytes.
    fn memory(&self) -> (usize, usize) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.served.0.id())).unwrap();
        let kib = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
        };
        (kib("VmRSS"), kib("VmHWM"))
    }
}

fn event(bytes: usize) -> NewEvent {
    NewEvent {
        id: uuid::Uuid::new_v4(),
        event_type: "Noted".into(),
        data: vec![b'x'; bytes].into(),
        metadata: Bytes::new(),
        decoded: Decoded::default(),
    }
}

async fn fill(store: &EventStoreDb, megabytes: usize) {
    let stream = StreamName::new("big-1").unwrap();
    for _ in 0..megabytes {
        store.append(&stream, ExpectedRevision::Any, vec![event(MIB)]).await.unwrap();
    }
}

/// Another client: appends and hears of it, again and again, until it is told to stop.
struct Neighbour(Arc<AtomicBool>, JoinHandle<u64>);

impl Neighbour {
    async fn start(place: &Place) -> Self {
        let (stop, store) = (Arc::new(AtomicBool::new(false)), place.store().await);
        let stopped = Arc::clone(&stop);
        let work = tokio::spawn(async move {
            let head = store.head().await.unwrap();
            let mut heard = store.subscribe(head, Filter::categories(["neighbour"])).await.unwrap();
            let stream = StreamName::new("neighbour-1").unwrap();
            let mut turns = 0;
            while !stopped.load(Ordering::Relaxed) {
                let turn = async {
                    store.append(&stream, ExpectedRevision::Any, vec![event(10)]).await.unwrap();
                    while heard.next().await.unwrap().events.is_empty() {}
                };
                tokio::time::timeout(NEVER, turn).await.expect("a neighbour is held up");
                turns += 1;
            }
            turns
        });
        Self(stop, work)
    }

    /// How often it came round meanwhile.
    async fn stop(self) -> u64 {
        self.0.store(true, Ordering::Relaxed);
        self.1.await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_idle_subscribers_cost_little_and_are_all_told() {
    let place = Place::start();
    let (client, store) = (place.client(), place.store().await);
    let neighbour = Neighbour::start(&place).await;
    let (before, _) = place.memory();
    let filter = SubscriptionFilter::on_stream_name().add_prefix("check-");
    let options = SubscribeToAllOptions::default().position(StreamPosition::Start).filter(filter);
    let mut subscribers = Vec::new();
    for _ in 0..1000 {
        let mut subscriber = client.subscribe_to_all(&options).await;
        while !matches!(subscriber.next_subscription_event().await.unwrap(), SubscriptionEvent::CaughtUp) {}
        subscribers.push(subscriber);
    }
    let grown = place.memory().0.saturating_sub(before);
    assert!(grown < 40 * MIB, "{} KiB each", grown / 1024 / 1000);
    let stream = StreamName::new("check-1").unwrap();
    store.append(&stream, ExpectedRevision::NoStream, vec![event(10)]).await.unwrap();
    let told = subscribers.iter_mut().map(async |subscriber| subscriber.next().await.unwrap());
    for told in tokio::time::timeout(NEVER, join_all(told)).await.unwrap() {
        assert_eq!(told.event.unwrap().stream_id, "check-1");
    }
    assert!(neighbour.stop().await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribers_that_never_read_cost_a_constant_amount_while_the_log_grows() {
    let place = Place::start();
    let (client, store) = (place.client(), place.store().await);
    let mut lazy = Vec::new();
    for _ in 0..5 {
        // Confirmed, and then left alone.
        let mut subscription = client.subscribe_to_all(&Default::default()).await;
        subscription.next_subscription_event().await.unwrap();
        lazy.push(subscription);
    }
    // The newest blocks stay in memory; that room is full after this.
    fill(&store, 80).await;
    let neighbour = Neighbour::start(&place).await;
    let (_, before) = place.memory();
    fill(&store, 160).await;
    let grown = place.memory().1.saturating_sub(before);
    assert!(grown < 32 * MIB, "{} MiB more for 160 MiB that nobody read", grown / MIB);
    assert!(neighbour.stop().await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_sends_faster_than_the_disk_takes_it_waits_in_its_own_connection() {
    let place = Place::start();
    fill(&place.store().await, 80).await;
    let neighbour = Neighbour::start(&place).await;
    let (_, before) = place.memory();
    let batch = place.client().batch_append(&BatchAppendOptions::default()).await.unwrap();
    let data = Bytes::from(vec![b'x'; MIB]);
    let appends = (0..400).map(|number| {
        let event = EventData::binary("Noted", data.clone()).id(uuid::Uuid::new_v4());
        let batch = &batch;
        async move {
            batch
                .append_to_stream(
                    format!("flood-{number}"),
                    eventstore::ExpectedRevision::NoStream,
                    vec![event],
                )
                .await
        }
    });
    for written in tokio::time::timeout(NEVER, join_all(appends)).await.unwrap() {
        written.unwrap();
    }
    let grown = place.memory().1.saturating_sub(before);
    assert!(grown < 128 * MIB, "{} MiB more for a flood of 400 MiB", grown / MIB);
    assert!(neighbour.stop().await > 0);
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The beginning of an append: its headers, and the first bytes of a message of 16 MiB.
fn half_an_append(stream: u32) -> Vec<u8> {
    let mut headers = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "node"),
        (":path", "/event_store.client.streams.Streams/Append"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        headers.extend([0, name.len() as u8]);
        headers.extend(name.as_bytes());
        headers.push(value.len() as u8);
        headers.extend(value.as_bytes());
    }
    let mut all = frame(1, 4, stream, &headers);
    all.extend(frame(0, 0, stream, &[0, 1, 0, 0, 0, 10, 20, 10, 3]));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_stall_inside_an_append_and_disappear_cost_what_they_sent() {
    let place = Place::start();
    let neighbour = Neighbour::start(&place).await;
    let (_, before) = place.memory();
    let address = place.served.1.trim_start_matches("esdb://").trim_end_matches("?tls=false").to_owned();
    for _ in 0..3 {
        let mut open = Vec::new();
        for _ in 0..20 {
            let mut stream = TcpStream::connect(&address).await.unwrap();
            stream.write_all(PREFACE).await.unwrap();
            stream.write_all(&frame(4, 0, 0, &[])).await.unwrap();
            for call in 0..50 {
                stream.write_all(&half_an_append(call * 2 + 1)).await.unwrap();
            }
            // A ping is answered behind what came before it.
            stream.write_all(&frame(6, 0, 0, &[7; 8])).await.unwrap();
            let (mut heard, answer) = (Vec::new(), frame(6, 1, 0, &[7; 8]));
            while !heard.windows(answer.len()).any(|bytes| bytes == answer) {
                assert!(stream.read_buf(&mut heard).await.unwrap() > 0, "the server hangs up");
            }
            open.push(stream);
        }
        assert!(place.store().await.head().await.is_ok());
    }
    let grown = place.memory().1.saturating_sub(before);
    assert!(grown < 64 * MIB, "{} MiB more for 16 GiB that were announced", grown / MIB);
    assert!(neighbour.stop().await > 0);
}
