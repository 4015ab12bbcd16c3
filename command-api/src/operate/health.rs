//! Whether all is well, and what is not.
//!
//! Three questions: whether the process must be started anew (liveness: a loop hangs), whether it should
//! be given requests (readiness), and what somebody should know all the same. That a callee is away and
//! reactions to it are tried again is no reason to take requests from this process.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use event_store::{Health, Position};
use serde::Serialize;

use super::{ContextStatus, Operated, contexts};
use crate::app::ProjectionHealth;
use crate::policies::PolicyStatus;

/// Everything there is to know, in one answer.
#[derive(Serialize)]
pub(super) struct Status {
    /// `UP` while this process should be given requests.
    status: &'static str,
    /// What keeps it from being `UP`.
    problems: Vec<String>,
    /// What somebody should know although it is `UP`.
    warnings: Vec<String>,
    /// The last position of the log.
    head: Option<Position>,
    contexts: Vec<ContextStatus>,
    policies: Vec<PolicyStatus>,
    projections: Vec<ProjectionHealth>,
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
        let projections = (self.projections)().await;
        for policy in &self.policies {
            problems.extend(policy.problem().await.unwrap_or_else(|error| Some(error.to_string())));
        }
        for reason in projections.iter().filter_map(|projection| projection.stopped.as_ref()) {
            problems.push(format!("a projection stopped: {reason}"));
        }
        if self.shutdown.is_cancelled() {
            problems.push("the process is stopping".to_owned());
        }
        problems.dedup();
        let warnings = self.policies.iter().flat_map(|policy| policy.warnings());
        let warnings = warnings.chain(projections.iter().filter_map(|projection| projection.warning.clone()));
        let warnings: Vec<_> = warnings.collect();
        Status {
            status: if problems.is_empty() { "UP" } else { "OUT_OF_SERVICE" },
            problems,
            warnings,
            head,
            contexts: contexts(&self.contexts),
            policies: self.policies.iter().map(|policy| policy.status().borrow().clone()).collect(),
            projections,
        }
    }
}

/// The process need not be started anew; otherwise says which loop hangs.
pub(super) async fn alive(State(operated): State<Arc<Operated>>) -> Response {
    let hangs: Vec<_> = operated.policies.iter().filter_map(|policy| policy.hangs()).collect();
    health(if hangs.is_empty() { "UP" } else { "DOWN" }, &hangs, &[])
}

/// The process should be given requests; otherwise says why not.
pub(super) async fn ready(State(operated): State<Arc<Operated>>) -> Response {
    let status = operated.status().await;
    health(status.status, &status.problems, &status.warnings)
}

fn health(status: &str, problems: &[String], warnings: &[String]) -> Response {
    let code = if problems.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut body = serde_json::json!({ "status": status });
    for (name, texts) in [("problems", problems), ("warnings", warnings)] {
        if !texts.is_empty() {
            body[name] = texts.into();
        }
    }
    (code, Json(body)).into_response()
}

/// `GET /status`
pub(super) async fn status(State(operated): State<Arc<Operated>>) -> Json<Status> {
    Json(operated.status().await)
}
