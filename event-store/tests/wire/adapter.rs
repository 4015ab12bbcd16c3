//! What the adapter promises beyond the contract: it outlives its server (DESIGN 6).

use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use event_store::protocol::{Settings, Tls};
use event_store::{
    Decoded, Direction, EventStore, EventStoreDb, ExpectedRevision, Filter, NewEvent, StreamName,
    Subscription,
};

use crate::server::Server;

fn event(number: u64) -> NewEvent {
    NewEvent {
        id: uuid::Uuid::new_v4(),
        event_type: "Counted".into(),
        data: Bytes::from(number.to_string()),
        metadata: Bytes::new(),
        decoded: Decoded::default(),
    }
}

async fn fill(store: &EventStoreDb, name: &str, numbers: std::ops::Range<u64>) {
    let stream = StreamName::new(name).unwrap();
    for number in numbers {
        store.append(&stream, ExpectedRevision::Any, vec![event(number)]).await.unwrap();
    }
}

async fn take(subscription: &mut Subscription, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let batch = subscription.next().await.unwrap();
        numbers.extend(
            batch
                .events
                .iter()
                .map(|event| std::str::from_utf8(&event.data).unwrap().parse::<u64>().unwrap()),
        );
    }
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_goes_on_over_a_restart_without_gap_or_repeat() {
    let server = Server::start().await;
    let store = EventStoreDb::connect(&server.url()).await.unwrap();
    fill(&store, "a-1", 0..20).await;
    let mut all = store.subscribe(None, Filter::all()).await.unwrap();
    let mut some = store.subscribe(None, Filter::categories(["a"])).await.unwrap();
    assert!(take(&mut all, 20).await.into_iter().eq(0..20));
    assert!(take(&mut some, 20).await.into_iter().eq(0..20));
    let server = server.restart().await;
    let again = EventStoreDb::connect(&server.url()).await.unwrap();
    fill(&again, "a-1", 20..40).await;
    for subscription in [&mut all, &mut some] {
        let rest = tokio::time::timeout(Duration::from_secs(20), take(subscription, 20)).await.unwrap();
        assert!(rest.into_iter().eq(20..40));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_wait_for_a_server_that_is_being_restarted() {
    let server = Server::start().await;
    let store = EventStoreDb::connect(&server.url()).await.unwrap();
    let stream = StreamName::new("a-1").unwrap();
    store.append(&stream, ExpectedRevision::NoStream, vec![event(0)]).await.unwrap();
    let server = server.restart().await;
    assert_eq!(store.read_stream(&stream, 0, Direction::Forwards, 10).await.unwrap().len(), 1);
    let appended = store.append(&stream, ExpectedRevision::Exact(0), vec![event(1)]).await.unwrap();
    assert_eq!(appended.revision, 1);
    drop(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_log_is_the_same_on_both_sides_and_after_a_restart() {
    let server = Server::start().await;
    let remote = EventStoreDb::connect(&server.url()).await.unwrap().id();
    let (folder, address) = server.stop().await;
    let embedded = event_store::EmbeddedStore::open(folder.path()).unwrap();
    assert_eq!(embedded.id(), remote);
    assert_eq!(embedded.head().await.unwrap(), None, "asking for it writes nothing");
    drop(embedded);
    let server = Server::on(folder, address, Default::default()).await;
    assert_eq!(EventStoreDb::connect(&server.url()).await.unwrap().id(), remote);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_an_error_and_a_wrong_url_as_well() {
    let refused = EventStoreDb::connect("esdb://127.0.0.1:1?tls=false&maxDiscoverAttempts=2").await.err();
    assert!(matches!(refused, Some(event_store::OpenError::Unreachable(_))), "{refused:?}");
    let wrong = event_store::open("esdb://127.0.0.1:1?tls=perhaps").await.err();
    assert!(matches!(wrong, Some(event_store::OpenError::Url(_))), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn user_and_password_are_asked_for_when_the_server_has_them() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let credentials = Some(("ops".to_owned(), "right".to_owned()));
    let settings = Settings { credentials };
    let server = Server::on(folder, "127.0.0.1:0".parse().unwrap(), settings).await;
    let url = |who: &str| format!("esdb://{who}{}?tls=false", server.address);
    assert!(EventStoreDb::connect(&url("ops:right@")).await.is_ok());
    for wrong in ["", "ops:wrong@", "other:right@"] {
        assert!(EventStoreDb::connect(&url(wrong)).await.is_err(), "{wrong}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connection_is_encrypted_when_the_url_says_so() {
    let file = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name);
    let tls = Tls::from_files(&file("server.pem"), &file("server.key")).unwrap();
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let server = Server::with(folder, "127.0.0.1:0".parse().unwrap(), Settings::default(), Some(tls)).await;
    let trusted = format!("esdb://{}?tls=true&tlsCaFile={}", server.address, file("ca.pem").display());
    let store = EventStoreDb::connect(&trusted).await.unwrap();
    fill(&store, "a-1", 0..3).await;
    assert_eq!(store.head().await.unwrap().map(|head| head.0), Some(2));
    for refused in [format!("esdb://{}?tls=true", server.address), server.url()] {
        assert!(EventStoreDb::connect(&refused).await.is_err(), "{refused}");
    }
}

/// The readers of a subscription do something else from time to time, as when a policy renews its lease. That
/// must not hang on a connection which the subscription has only half made.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_subscription_is_doing_when_nobody_polls_it_calls_go_on() {
    let mut server = Server::start().await;
    let store = EventStoreDb::connect(&server.url()).await.unwrap();
    fill(&store, "a-1", 0..1).await;
    for number in 1..=16 {
        let mut subscription = store.subscribe(None, Filter::all()).await.unwrap();
        while !subscription.next().await.unwrap().at_end {}
        server = server.restart().await;
        // Two or three are enough to begin a connection.
        let polled = poll(&mut subscription, 1 + number as usize % 4);
        drop(tokio::time::timeout(Duration::from_millis(500), polled).await);
        let filled = tokio::time::timeout(Duration::from_secs(20), fill(&store, "a-1", number..number + 1));
        assert!(filled.await.is_ok(), "an append beside a subscription that is polled {} times", number % 4);
        assert_eq!(take(&mut subscription, 1).await, [number]);
    }
}

/// Polls it so many times, whenever it wants to be; what it tells is nothing new.
async fn poll(subscription: &mut Subscription, mut times: usize) {
    while times > 0 {
        let mut next = pin!(subscription.next());
        poll_fn(|context| {
            times -= 1;
            let told = next.as_mut().poll(context).is_ready();
            if told || times == 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}
