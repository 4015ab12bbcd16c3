//! The EventStoreDB protocol (v20 and later, gRPC) on top of any store of this crate, so that the
//! official clients of any language and our own adapter talk to it as to a cluster.
//!
//! ```text
//! connection ([`serve`]) -> user and password (`access`) -> service -> view -> the store
//! ```
//!
//! The view is what the protocol adds to a log: stream metadata that hides events, deleted streams,
//! and the system streams that are computed while they are read (`linked`). Nothing of it is kept
//! beside the log. Every answer is pulled from the log by the one who reads it: a client that stops
//! reading stops the work done for it, and holds one batch at most.

mod access;
mod append;
mod batch;
mod convert;
mod delete;
mod failure;
mod linked;
mod node;
mod persistent;
mod read;
mod serve;
mod streams;
mod subscribe;
mod view;
mod wanted;
mod wire;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::get;
use tokio::sync::watch;

pub use access::password;
pub use serve::{Tls, TlsError, serve};

use crate::{EventStore, ReadError};
use view::View;
use wire::gossip::gossip_server::GossipServer;
use wire::persistent_subscriptions::persistent_subscriptions_server::PersistentSubscriptionsServer;
use wire::server_features::server_features_server::ServerFeaturesServer;
use wire::streams::streams_server::StreamsServer;

/// The port that clients expect.
pub const PORT: u16 = 2113;

/// One message holds at most one append's worth of events and what surrounds them.
const MAX_MESSAGE: usize = crate::MAX_APPEND_BYTES + 4 * 1024 * 1024;

/// The stream that tells a log from every other one. It is answered by the server and is not in the
/// log, so that a log keeps its positions wherever it is copied to.
pub(crate) const IDENTITY: &str = "$girok.identity";

/// How the protocol is served. The defaults ask nobody for a password.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// User and password that every call must carry.
    pub credentials: Option<(String, String)>,
}

/// Ends what [`router`] began: subscriptions are told that the server goes away, and persistent
/// subscriptions write their checkpoints.
#[derive(Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// Tells everybody. May be called more than once.
    pub fn now(&self) {
        self.0.send_replace(true);
    }
}

/// The services of the protocol, and `/health/live` and `/info`, as routes that can be merged with
/// others. Must be called within a tokio runtime.
///
/// # Errors
/// When the persistent subscriptions cannot be read from the store.
pub async fn router(store: Arc<dyn EventStore>, settings: Settings) -> Result<(Router, Stop), ReadError> {
    let (stop, stopping) = watch::channel(false);
    let view = Arc::new(View::new(store, stopping));
    let groups = persistent::Groups::load(Arc::clone(&view)).await?;
    let streams = StreamsServer::new(streams::Service(Arc::clone(&view)));
    let groups = PersistentSubscriptionsServer::new(persistent::Service(groups));
    let services = tonic::service::Routes::new(
        streams.max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(usize::MAX),
    )
    .add_service(groups)
    .add_service(GossipServer::new(node::Node(Arc::clone(&view))))
    .add_service(ServerFeaturesServer::new(node::Node(Arc::clone(&view))));
    let info = Arc::clone(&view);
    let router = services
        .into_axum_router()
        .route("/info", get(move || std::future::ready(node::info(&info))))
        .layer(middleware::from_fn(node::remember_authority))
        .layer(middleware::from_fn_with_state(Arc::new(settings), access::check))
        .route("/health/live", get(move || std::future::ready(node::live(&view))));
    Ok((router, Stop(Arc::new(stop))))
}
