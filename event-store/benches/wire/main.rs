//! How fast the store is through the wire with the official client, next to the engine in process.
//!
//! `cargo bench -p event-store --bench wire` prints one table in about a minute. Server and clients
//! share the machine and the process, not the threads. `EVENTS=1000000` makes the copy as long as one
//! likes; `ONLY=batch,single,subscriber,copy` names the parts to run.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use event_store::protocol::{self, Settings};
use event_store::{
    Append, Decoded, EmbeddedStore, EventStore, EventStoreDb, ExpectedRevision, Filter, NewEvent, StreamName,
    copy,
};
use eventstore::{AppendToStreamOptions, BatchAppendOptions, Client, EventData};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const WRITERS: usize = 64;

/// A number from the environment.
fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn data() -> Vec<u8> {
    let mut data = format!("{{\"id\":\"{}\",\"text\":\"", Uuid::new_v4()).into_bytes();
    data.resize(298, b'x');
    data.extend(b"\"}");
    data
}

fn event() -> NewEvent {
    NewEvent {
        id: Uuid::new_v4(),
        event_type: "Applied".into(),
        data: data().into(),
        metadata: "".into(),
        decoded: Decoded::default(),
    }
}

fn proposed() -> EventData {
    EventData::binary("Applied", data().into()).id(Uuid::new_v4())
}

fn print(what: &str, mut latencies: Vec<Duration>, taken: Duration) {
    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    let per_second = latencies.len() as f64 / taken.as_secs_f64();
    println!("{what:34} {per_second:10.0} {:8.2} {:8.2} {:8.2}", at(0.5), at(0.99), at(1.0));
}

/// Runs as many writers, each with a client of its own making, and prints what they saw.
async fn measure<W, F>(what: &str, appends: usize, write: W) -> Outcome<()>
where
    W: Fn(String) -> F + Clone + Send + 'static,
    F: Future<Output = Outcome<()>> + Send,
{
    let started = Instant::now();
    let tasks = (0..WRITERS).map(|_| {
        let write = write.clone();
        tokio::spawn(async move {
            let mut latencies = Vec::with_capacity(appends / WRITERS);
            for _ in 0..appends / WRITERS {
                let sent = Instant::now();
                write(format!("apply-{}", Uuid::new_v4())).await?;
                latencies.push(sent.elapsed());
            }
            Outcome::Ok(latencies)
        })
    });
    let mut latencies = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        latencies.extend(task.await??);
    }
    print(what, latencies, started.elapsed());
    Ok(())
}

/// Threads of its own, so that a profile tells the server's work from the clients'.
fn runtime(name: &str) -> Outcome<Runtime> {
    Ok(Builder::new_multi_thread().thread_name(name).enable_all().build()?)
}

async fn serve(server: &Runtime, folder: &Path) -> Outcome<(EmbeddedStore, String)> {
    let store = EmbeddedStore::open(folder)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("esdb://{}?tls=false&discoveryInterval=50", listener.local_addr()?);
    let served: Arc<dyn EventStore> = Arc::new(store.clone());
    let (router, _) = server.spawn(protocol::router(served, Settings::default())).await??;
    server.spawn(protocol::serve(listener, router, None, std::future::pending()));
    Ok((store, url))
}

async fn writers(url: &str, store: &EmbeddedStore, appends: usize) -> Outcome<()> {
    println!("{WRITERS} writers, 300 bytes              appends/s   p50 ms   p99 ms worst ms");
    let engine = store.clone();
    measure("in process", appends, move |stream| {
        let store = engine.clone();
        async move {
            store.append(&StreamName::new(stream)?, ExpectedRevision::NoStream, vec![event()]).await?;
            Ok(())
        }
    })
    .await?;
    let client = Client::new(url.parse()?)?;
    if wanted("batch") {
        through_one_call(&client, appends).await?;
    }
    if wanted("single") {
        by_itself(client, appends / 2).await?;
    }
    Ok(())
}

async fn through_one_call(client: &Client, appends: usize) -> Outcome<()> {
    let batch = Arc::new(client.batch_append(&BatchAppendOptions::default()).await?);
    measure("wire, BatchAppend, one call", appends, move |stream| {
        let batch = Arc::clone(&batch);
        async move {
            batch.append_to_stream(stream, eventstore::ExpectedRevision::NoStream, vec![proposed()]).await?;
            Ok(())
        }
    })
    .await
}

async fn by_itself(client: Client, appends: usize) -> Outcome<()> {
    measure("wire, single appends, one client", appends, move |stream| {
        let client = client.clone();
        async move {
            let options =
                AppendToStreamOptions::default().expected_revision(eventstore::ExpectedRevision::NoStream);
            client.append_to_stream(stream, &options, proposed()).await?;
            Ok(())
        }
    })
    .await
}

/// Appends by fours to streams, so that there is something to read.
async fn fill(store: &EmbeddedStore, events: usize) -> Outcome<()> {
    let appends = (0..events as u64).map(|number| {
        let expected =
            (number % 4).checked_sub(1).map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
        Ok(Append {
            stream: StreamName::new(format!("apply-{}", number / 4))?,
            expected,
            events: vec![event()],
        })
    });
    store.append_all(appends.collect::<Outcome<_>>()?).await?;
    Ok(())
}

/// Reads to the end of the log; once in process, once over the wire.
async fn subscriber(url: &str, store: &EmbeddedStore, events: usize) -> Outcome<()> {
    fill(store, events).await?;
    let remote = EventStoreDb::connect(url).await?;
    for (what, store) in [("in process", store as &dyn EventStore), ("over the wire", &remote)] {
        let started = Instant::now();
        let mut all = store.subscribe(None, Filter::all()).await?;
        let mut seen = 0;
        while seen < events {
            seen += all.next().await?.events.len();
        }
        let per_second = seen as f64 / started.elapsed().as_secs_f64();
        println!("a subscriber catches up, {what:13} {per_second:10.0} events/s");
    }
    Ok(())
}

async fn there_and_back(server: &Runtime, folder: &Path, events: usize) -> Outcome<()> {
    let source = EmbeddedStore::open(folder.join("source"))?;
    fill(&source, events).await?;
    let (_served, url) = serve(server, &folder.join("served")).await?;
    let remote = EventStoreDb::connect(&url).await?;
    let back = EmbeddedStore::open(folder.join("back"))?;
    let mut first = None;
    for (what, from, to) in
        [("to", &source as &dyn EventStore, &remote as &dyn EventStore), ("from", &remote, &back)]
    {
        let started = Instant::now();
        let same = copy(from, to, |_| ()).await?;
        if *first.get_or_insert(same) != same {
            return Err("what came back is not what went out".into());
        }
        let seconds = started.elapsed().as_secs_f64();
        println!("copy {what} the wire, compared: {same}, {:.0} events/s", events as f64 / seconds);
    }
    Ok(())
}

/// Whether a part of the bench is wanted.
fn wanted(part: &str) -> bool {
    std::env::var("ONLY").map_or(true, |only| only.split(',').any(|it| it == part))
}

fn main() -> Outcome<()> {
    let (server, clients) = (runtime("server")?, runtime("clients")?);
    let appends = setting("APPENDS", 200_000);
    clients.block_on(async {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        if wanted("batch") || wanted("single") {
            let (store, url) = serve(&server, &folder.path().join("log")).await?;
            writers(&url, &store, appends).await?;
        }
        if wanted("subscriber") {
            let (store, url) = serve(&server, &folder.path().join("followed")).await?;
            subscriber(&url, &store, setting("EVENTS", 100_000)).await?;
        }
        if wanted("copy") {
            there_and_back(&server, folder.path(), setting("EVENTS", 100_000)).await?;
        }
        Ok(())
    })
}
