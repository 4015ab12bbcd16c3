//! What a student sends: an application, a cancellation. Both end with a redirect to a page on which
//! it is to be seen, so that a reload sends nothing twice.

use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use uuid::Uuid;

use super::api::{Client, Problem, query};
use super::draft::Draft;
use super::page::{Outcome, render};
use super::visitor::Visitor;
use crate::http::{ApiError, MAX_BODY};

/// The form of an application.
#[derive(Deserialize)]
pub(super) struct Application {
    /// Made when the form was: sent twice, it is one application.
    #[serde(default)]
    key: String,
    #[serde(flatten)]
    draft: Draft,
}

/// The form of a cancellation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancellation {
    id: String,
    #[serde(default)]
    student_id: String,
}

/// `POST /`: applies.
pub(super) async fn apply(
    mut visitor: Visitor,
    client: Client,
    form: Result<Form<Application>, FormRejection>,
) -> Result<Response, ApiError> {
    let Form(Application { key, draft }) = form.map_err(malformed)?;
    // A form without a key of ours, as a person writes one by hand, is an application of its own.
    let key = key.parse::<Uuid>().unwrap_or_else(|_| Uuid::new_v4()).to_string();
    let student = draft.student_id.trim().to_owned();
    let problem = match client.apply(&key, &draft).await {
        Ok(position) => return Ok(seen(&student, position)),
        Err(problem) => problem,
    };
    visitor.student = Some(student).filter(|student| !student.is_empty());
    let t = visitor.lang.texts();
    let (notice, key) = match problem.code.as_str() {
        "INVALID_INPUT" => (t.check_fields, key),
        // Somebody went back, changed the form and sent it again: that is another application.
        "IDEMPOTENCY_KEY_REUSED" => (t.already_sent, Uuid::new_v4().to_string()),
        _ if problem.status == StatusCode::SERVICE_UNAVAILABLE => (t.not_taken_now, key),
        _ => (t.failed, key),
    };
    let Problem { status, errors, .. } = problem;
    let outcome = Outcome { status, notice: Some(notice), errors, again: Some((draft, key)) };
    render(&visitor, &client, outcome).await
}

/// `POST /cancel`: cancels.
pub(super) async fn cancel(
    mut visitor: Visitor,
    client: Client,
    form: Result<Form<Cancellation>, FormRejection>,
) -> Result<Response, ApiError> {
    let Form(Cancellation { id, student_id }) = form.map_err(malformed)?;
    let t = visitor.lang.texts();
    let (status, notice) = match id.parse() {
        Err(_) => (StatusCode::NOT_FOUND, t.no_such),
        Ok(id) => match client.cancel(id).await {
            Ok(position) => return Ok(seen(&student_id, position)),
            Err(Problem { status: StatusCode::NOT_FOUND, .. }) => (StatusCode::NOT_FOUND, t.no_such),
            Err(Problem { status, .. }) => (status, t.not_cancelled_now),
        },
    };
    visitor.student = Some(student_id).filter(|student| !student.is_empty());
    render(&visitor, &client, Outcome { status, notice: Some(notice), ..Outcome::default() }).await
}

/// To the list of this student, in which everything up to this position is to be seen.
fn seen(student: &str, position: Option<u64>) -> Response {
    Redirect::to(&format!("/?{}#list", query(&[("studentId", student)], position))).into_response()
}

fn malformed(rejection: FormRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge(MAX_BODY),
        _ => ApiError::MalformedBody(rejection.body_text()),
    }
}
