//! The adapter keeps the contract through the official client, over a socket, against the
//! protocol server on an embedded store; or, with `GIROK_TEST_ESDB_URL`, against that server.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod part;
#[path = "../server/mod.rs"]
mod server;

use std::sync::Arc;

use event_store::{EventStore, EventStoreDb};
use part::Part;
use server::Server;

event_store::contract!(async {
    match std::env::var("GIROK_TEST_ESDB_URL") {
        Ok(url) => {
            let store = EventStoreDb::connect(&url).await.unwrap();
            (Arc::new(Part::of(store).await) as Arc<dyn EventStore>, None)
        }
        Err(_) => {
            let server = Server::start().await;
            let store = EventStoreDb::connect(&server.url()).await.unwrap();
            (Arc::new(store) as Arc<dyn EventStore>, Some(server))
        }
    }
});
