//! What operators see and do: health, status, metrics, what is parked, the switches of the contexts.

mod health;
mod metrics;
mod parked;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use event_store::EventStore;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::app::{ReadSideMetrics, ReadSideStatus};
use crate::context::Contexts;
use crate::http::{ApiError, MAX_BODY};
use crate::policies::Oversight;

pub(crate) use metrics::{Requests, method};

/// What is looked at and switched.
pub(crate) struct Operated {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) contexts: Contexts,
    pub(crate) policies: Vec<Oversight>,
    pub(crate) projections: ReadSideStatus,
    pub(crate) measures: ReadSideMetrics,
    pub(crate) requests: Requests,
    pub(crate) shutdown: CancellationToken,
}

#[derive(Serialize)]
struct ContextStatus {
    name: &'static str,
    running: bool,
}

fn contexts(contexts: &Contexts) -> Vec<ContextStatus> {
    contexts
        .iter()
        .map(|context| ContextStatus { name: context.name, running: context.is_running() })
        .collect()
}

/// Health, status and switches.
pub(crate) fn router(operated: Operated) -> Router {
    Router::new()
        .route("/healthz", get(health::alive))
        .route("/actuator/health/liveness", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/actuator/health", get(health::ready))
        .route("/actuator/health/readiness", get(health::ready))
        .route("/status", get(health::status))
        .route("/metrics", get(metrics::show))
        .route("/actuator/prometheus", get(metrics::show))
        .route("/policies", get(parked::policies))
        .route("/policies/{name}/parked", get(parked::list))
        .route("/policies/{name}/parked/{key}/retry", post(parked::retry))
        .route("/policies/{name}/parked/{key}/skip", post(parked::skip))
        .route("/contexts", get(list))
        .route("/contexts/{name}/start", post(start))
        .route("/contexts/{name}/stop", post(stop))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(operated))
}

/// `GET /contexts`
async fn list(State(operated): State<Arc<Operated>>) -> Json<Vec<ContextStatus>> {
    Json(contexts(&operated.contexts))
}

/// `POST /contexts/{name}/start`
async fn start(state: State<Arc<Operated>>, name: Path<String>) -> Result<Response, ApiError> {
    switch(&state, &name, true)
}

/// `POST /contexts/{name}/stop`
async fn stop(state: State<Arc<Operated>>, name: Path<String>) -> Result<Response, ApiError> {
    switch(&state, &name, false)
}

fn switch(operated: &Operated, name: &str, running: bool) -> Result<Response, ApiError> {
    operated.contexts.find(name).ok_or(ApiError::NotFound("context"))?.switch(running);
    Ok(Json(contexts(&operated.contexts)).into_response())
}
