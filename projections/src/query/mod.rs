//! The queries over the rows.
use crate::database::Database;
use crate::progress::Progress;
use crate::system::System;
use axum::Router;
use event_store::EventStore;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Options.
#[derive(Debug, Clone, Default)]
pub struct QueryOptions {}

/// What the queries over one projection need.
#[derive(Clone)]
pub struct Reads {
    pub(crate) database: Database,
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) progress: watch::Receiver<Progress>,
    pub(crate) options: QueryOptions,
    pub(crate) shutdown: CancellationToken,
}

pub(crate) fn router(_system: &System, _reads: impl Fn(&str) -> Reads) -> Router {
    Router::new()
}
