//! The application as a value: everything it needs is handed in, so that a test builds the same one.

use std::future::{IntoFuture, ready};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::header;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Router, serve};
use event_store::EventStore;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tower::make::Shared;

use crate::business::Business;
use crate::http::{ApiError, Front};
use crate::openapi;
use crate::operate::{self, Operated, Requests};
use crate::policies::{Oversight, PolicyStatus, RunPolicy};

/// How long requests that are under way may take after the process was told to stop.
const DRAIN: Duration = Duration::from_secs(10);

/// What an application is made of.
pub struct AppParts {
    /// Where events are kept.
    pub store: Arc<dyn EventStore>,
    /// What it does.
    pub business: Business,
    /// The read side, where this process has one.
    pub read_side: Option<ReadSide>,
    /// Fires when the process is to stop.
    pub shutdown: CancellationToken,
}

/// What this process knows of its read side: queries to serve and how its projections are doing.
pub struct ReadSide {
    /// The routes of the queries.
    pub router: Router,
    /// How its projections are doing.
    pub status: ReadSideStatus,
    /// The same in numbers.
    pub metrics: ReadSideMetrics,
}

impl ReadSide {
    /// A process without one.
    fn none() -> Self {
        Self {
            router: Router::new(),
            status: Arc::new(|| ready(Vec::new()).boxed()),
            metrics: Arc::new(|| ready(String::new()).boxed()),
        }
    }
}

/// Tells how the projections are doing.
pub type ReadSideStatus = Arc<dyn Fn() -> BoxFuture<'static, Vec<ProjectionHealth>> + Send + Sync>;

/// Tells the numbers of the projections, as OpenMetrics text without its end mark.
pub type ReadSideMetrics = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// How a projection is doing, as far as this process cares.
#[derive(Debug, Clone, Serialize)]
pub struct ProjectionHealth {
    /// Why it stopped, when it did.
    #[serde(skip)]
    pub stopped: Option<String>,
    /// Why it cannot be relied upon, although it did not stop.
    #[serde(skip)]
    pub warning: Option<String>,
    /// Everything that the read side tells about it.
    #[serde(flatten)]
    pub details: serde_json::Value,
}

/// The application, ready to serve and to react.
pub struct App {
    front: Front,
    runners: Vec<Box<dyn RunPolicy>>,
    policies: Vec<watch::Receiver<PolicyStatus>>,
    shutdown: CancellationToken,
}

impl App {
    /// Wires it up. Nothing runs yet.
    pub fn new(parts: AppParts) -> Self {
        let AppParts { store, business, read_side, shutdown } = parts;
        let Business { contexts, api, policies: runners, page, description, simulators } = business;
        let has_queries = read_side.is_some();
        // Most processes are never asked for it.
        let document = Arc::new(LazyLock::new(move || {
            Bytes::from(openapi::document(description(), has_queries).to_string())
        }));
        let ReadSide { router: queries, status: projections, metrics: measures } =
            read_side.unwrap_or_else(ReadSide::none);
        let requests = Requests::default();
        let oversight: Vec<_> = runners.iter().map(|runner| runner.oversight()).collect();
        let policies = oversight.iter().map(Oversight::status).collect();
        let operated = Operated {
            store,
            contexts,
            policies: oversight,
            projections,
            measures,
            requests: requests.clone(),
            shutdown: shutdown.clone(),
        };
        let api = api.merge(queries);
        let routes = Router::new()
            .merge(page(api.clone()))
            .merge(api)
            .merge(operate::router(operated))
            .merge(simulators)
            .route(
                "/openapi.json",
                get(async move || ([(header::CONTENT_TYPE, "application/json")], (**document).clone())),
            )
            .fallback(async || ApiError::NoSuchRoute)
            .method_not_allowed_fallback(async || ApiError::MethodNotAllowed);
        // Every route is made ready here, once, and not for each connection.
        let front = Front::new(routes.with_state(()), requests);
        Self { front, runners, policies, shutdown }
    }

    /// How its policies are doing, as it changes.
    pub fn policies(&self) -> Vec<watch::Receiver<PolicyStatus>> {
        self.policies.clone()
    }

    /// Begins to react, and hands out the routes to whoever serves them.
    pub fn start(self) -> (Front, JoinSet<()>) {
        let mut policies = JoinSet::new();
        for runner in self.runners {
            policies.spawn(runner.run(self.shutdown.clone()));
        }
        (self.front, policies)
    }

    /// Serves and reacts until told to stop; then lets requests that are under way end.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(self, listener: TcpListener) -> std::io::Result<()> {
        let shutdown = self.shutdown.clone();
        let (front, mut policies) = self.start();
        let listener = listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "answers on this connection may be held back");
            }
        });
        let serving =
            serve(listener, Shared::new(front)).with_graceful_shutdown(shutdown.clone().cancelled_owned());
        let deadline = async {
            shutdown.cancelled().await;
            tokio::time::sleep(DRAIN).await;
        };
        tokio::select! {
            served = serving.into_future() => served?,
            () = deadline => tracing::warn!("some requests did not end in time and are cut off"),
        }
        while let Some(ended) = policies.join_next().await {
            if let Err(panic) = ended {
                tracing::error!(%panic, "a policy runner had panicked");
            }
        }
        Ok(())
    }
}
