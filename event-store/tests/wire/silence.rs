//! A server that takes calls and never answers them, on a connection that is all right, keeps nobody for
//! ever (DESIGN 6).

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use event_store::protocol::{self, Settings};
use event_store::{
    Append, AppendError, Decoded, Direction, EmbeddedStore, EventStore, EventStoreDb, ExpectedRevision,
    Filter, Health, NewEvent, ReadError, StreamName,
};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// Longer than two calls that wait for their answer.
const ENOUGH: Duration = Duration::from_secs(20);

/// A server, and a store behind it.
struct Deaf {
    /// So many of the calls that come next get no answer.
    calls: Arc<AtomicUsize>,
    store: EventStoreDb,
    _folder: tempfile::TempDir,
}

impl Deaf {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log: Arc<dyn EventStore> = Arc::new(EmbeddedStore::open(folder.path()).unwrap());
        let (router, _) = protocol::router(log, Settings::default()).await.unwrap();
        let calls = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&calls);
        let router = router.layer(from_fn(move |request: Request, next: Next| {
            let about_streams = request.uri().path().contains("streams.Streams");
            let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            let deaf = about_streams && take().is_ok();
            async move { if deaf { pending().await } else { next.run(request).await } }
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("esdb://{}?tls=false&defaultDeadline=1000", listener.local_addr().unwrap());
        tokio::spawn(protocol::serve(listener, router, None, pending()));
        let store = EventStoreDb::connect(&url).await.unwrap();
        Self { calls, store, _folder: folder }
    }

    /// The store, when the next calls get no answer.
    fn to(&self, calls: usize) -> &EventStoreDb {
        self.calls.store(calls, Ordering::Relaxed);
        &self.store
    }
}

fn append() -> Append {
    let event = NewEvent {
        id: uuid::Uuid::new_v4(),
        event_type: "Said".into(),
        data: "{}".into(),
        metadata: "".into(),
        decoded: Decoded::default(),
    };
    let stream = StreamName::new(format!("word-{}", event.id)).unwrap();
    Append { stream, expected: ExpectedRevision::NoStream, events: vec![event] }
}

async fn write(store: &EventStoreDb) -> Result<u64, AppendError> {
    let Append { stream, expected, events } = append();
    store.append(&stream, expected, events).await.map(|appended| appended.revision)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_an_answer_is_made_once_more() {
    let server = Deaf::start().await;
    let calls = async {
        assert_eq!(write(server.to(1)).await, Ok(0));
        assert_eq!(server.to(1).head().await.unwrap().map(|head| head.0), Some(0));
        let stream = StreamName::new("nobody-1").unwrap();
        let read = server.to(1).read_stream(&stream, 0, Direction::Forwards, 10).await;
        assert!(read.unwrap().is_empty());
    };
    timeout(ENOUGH, calls).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_without_an_answer_is_made_again() {
    let server = Deaf::start().await;
    write(&server.store).await.unwrap();
    let told = async {
        let mut all = server.store.subscribe(None, Filter::all()).await.unwrap();
        server.to(1);
        while all.next().await.unwrap().events.is_empty() {}
    };
    timeout(ENOUGH, told).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_no_answer_at_all_hears_that_nothing_is_known() {
    let server = Deaf::start().await;
    let unknown = AppendError::Unknown("Deadline exceeded".to_owned());
    assert_eq!(timeout(ENOUGH, write(server.to(usize::MAX))).await.unwrap(), Err(unknown.clone()));
    let many = server.store.append_all(vec![append(), append()]);
    assert_eq!(timeout(ENOUGH, many).await.unwrap().map(|all| all.len()), Err(unknown));
    let head = timeout(ENOUGH, server.store.head()).await.unwrap();
    assert!(matches!(head, Err(ReadError::Unavailable(_))), "{head:?}");
    assert!(matches!(server.to(0).health(), Health::Down(_)));
    write(&server.store).await.unwrap();
    assert_eq!(server.store.health(), Health::Ready);
}
