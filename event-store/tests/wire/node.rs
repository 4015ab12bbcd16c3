//! What is asked of the node itself (PROTOCOL: connect sequence; services worth serving).

use std::sync::Arc;

use event_store::protocol::{self, Settings};
use event_store::{EventStore, EventStoreDb, Filter, MemoryStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::server::Server;
use crate::{client, event};

/// What the node answers to one request of HTTP 1.1.
async fn answer(server: &Server, request: &str, more: &str) -> String {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_handle_was_dropped_goes_on_serving_subscribers() {
    let (router, stop) =
        protocol::router(Arc::new(MemoryStore::default()), Settings::default()).await.unwrap();
    drop(stop);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("esdb://{}?tls=false", listener.local_addr().unwrap());
    tokio::spawn(protocol::serve(listener, router, None, std::future::pending()));
    let store = EventStoreDb::connect(&url).await.unwrap();
    let mut all = store.subscribe(None, Filter::all()).await.unwrap();
    assert!(all.next().await.unwrap().at_end);
    let client = eventstore::Client::new(url.parse().unwrap()).unwrap();
    client.append_to_stream("a-1", &Default::default(), event("Counted", 1)).await.unwrap();
    while all.next().await.unwrap().events.is_empty() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_learn_over_http_that_the_node_lives_and_which_log_it_has() {
    let server = Server::start().await;
    let live = answer(&server, "GET /health/live", "").await;
    assert!(live.starts_with("HTTP/1.1 204 "), "{live}");
    let info = answer(&server, "GET /info", "").await;
    let id = EventStoreDb::connect(&server.url()).await.unwrap().id();
    assert!(info.starts_with("HTTP/1.1 200 "), "{info}");
    let body: serde_json::Value = serde_json::from_str(info.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!((&body["state"], &body["esVersion"]), (&"leader".into(), &"23.10.0".into()));
    assert_eq!(body["storeId"], id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn services_that_are_not_there_say_that_they_are_not_implemented() {
    let server = Server::start().await;
    for call in [
        "operations.Operations/StartScavenge",
        "projections.Projections/Create",
        "users.Users/Create",
        "monitoring.Monitoring/Stats",
        "streams.Streams/Sing",
    ] {
        let request = format!("POST /event_store.client.{call}");
        let said = answer(&server, &request, "content-type: application/grpc\r\ncontent-length: 0\r\n").await;
        assert!(said.starts_with("HTTP/1.1 200 ") && said.contains("grpc-status: 12"), "{call}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_discovers_its_cluster_is_told_the_address_it_called() {
    let server = Server::start().await;
    let url = server.url().replace("esdb://", "esdb+discover://");
    let discovering =
        eventstore::Client::new(format!("{url}&discoveryInterval=50").parse().unwrap()).unwrap();
    discovering.append_to_stream("a-1", &Default::default(), event("Counted", 1)).await.unwrap();
    let mut read = client(&server).read_stream("a-1", &Default::default()).await.unwrap();
    assert!(read.next().await.unwrap().is_some(), "it was this server that it found");
}
