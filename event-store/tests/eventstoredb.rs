//! The adapter keeps the contract through the official client, over a socket, against the
//! protocol server on an embedded store; or, with `GIROK_TEST_ESDB_URL`, against that server.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod server;

use std::sync::Arc;

use event_store::EventStoreDb;

event_store::contract!(async {
    let server = server::Server::start().await;
    (Arc::new(EventStoreDb::connect(&server.url()).await.unwrap()), server)
});
