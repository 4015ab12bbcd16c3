//! What operators see and do: health, status, the switches of the contexts.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use event_store::{EventStore, Health, Position};
use serde::Serialize;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::app::{ProjectionHealth, ReadSideStatus};
use crate::context::Contexts;
use crate::http::ApiError;
use crate::policies::PolicyStatus;

/// What is looked at and switched.
pub(crate) struct Operated {
    pub(crate) store: Arc<dyn EventStore>,
    pub(crate) contexts: Contexts,
    pub(crate) policies: Vec<watch::Receiver<PolicyStatus>>,
    pub(crate) projections: ReadSideStatus,
    pub(crate) shutdown: CancellationToken,
}

/// Everything there is to know, in one answer.
#[derive(Serialize)]
struct Status {
    /// `UP` while this process should be given requests.
    status: &'static str,
    /// What keeps it from being `UP`.
    problems: Vec<String>,
    /// The last position of the log.
    head: Option<Position>,
    contexts: Vec<ContextStatus>,
    policies: Vec<PolicyStatus>,
    projections: Vec<ProjectionHealth>,
}

#[derive(Serialize)]
struct ContextStatus {
    name: &'static str,
    running: bool,
}

impl Operated {
    async fn status(&self) -> Status {
        let mut problems = Vec::new();
        match self.store.health() {
            Health::Ready => {}
            Health::ReadOnly(reason) => problems.push(format!("the event store takes no writes: {reason}")),
            Health::Down(reason) => problems.push(format!("the event store is down: {reason}")),
        }
        let head = match self.store.head().await {
            Ok(head) => head,
            Err(error) => {
                problems.push(error.to_string());
                None
            }
        };
        let policies: Vec<_> = self.policies.iter().map(|policy| policy.borrow().clone()).collect();
        let projections = (self.projections)().await;
        for policy in &policies {
            if let Some(reason) = &policy.stopped {
                problems.push(format!("policy {} stopped: {reason}", policy.name));
            }
        }
        for reason in projections.iter().filter_map(|projection| projection.stopped.as_ref()) {
            problems.push(format!("a projection stopped: {reason}"));
        }
        if self.shutdown.is_cancelled() {
            problems.push("the process is stopping".to_owned());
        }
        let status = if problems.is_empty() { "UP" } else { "OUT_OF_SERVICE" };
        Status { status, problems, head, contexts: contexts(&self.contexts), policies, projections }
    }
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
        .route("/healthz", get(alive))
        .route("/actuator/health/liveness", get(alive))
        .route("/readyz", get(ready))
        .route("/actuator/health", get(ready))
        .route("/actuator/health/readiness", get(ready))
        .route("/status", get(status))
        .route("/contexts", get(list))
        .route("/contexts/{name}/{order}", post(switch))
        .with_state(Arc::new(operated))
}

/// The process answers: it need not be restarted.
async fn alive() -> Response {
    health(StatusCode::OK, "UP", &[])
}

/// The process should be given requests; otherwise says why not.
async fn ready(State(operated): State<Arc<Operated>>) -> Response {
    let status = operated.status().await;
    let code = if status.problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    health(code, status.status, &status.problems)
}

fn health(code: StatusCode, status: &str, problems: &[String]) -> Response {
    let mut body = serde_json::json!({ "status": status });
    if !problems.is_empty() {
        body["problems"] = problems.into();
    }
    (code, Json(body)).into_response()
}

async fn status(State(operated): State<Arc<Operated>>) -> Response {
    Json(operated.status().await).into_response()
}

async fn list(State(operated): State<Arc<Operated>>) -> Response {
    Json(contexts(&operated.contexts)).into_response()
}

/// `POST /contexts/{name}/start` and `/stop`.
async fn switch(
    State(operated): State<Arc<Operated>>,
    Path((name, order)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let context = operated.contexts.find(&name).ok_or(ApiError::NotFound("context"))?;
    match order.as_str() {
        "start" => context.switch(true),
        "stop" => context.switch(false),
        _ => return Err(ApiError::NoSuchRoute),
    }
    Ok(Json(contexts(&operated.contexts)).into_response())
}
