//! What a student sends: an application, a cancellation. Both end with a redirect to a page on which
//! it is to be seen, so that a reload sends nothing twice.

use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use uuid::Uuid;

use super::draft::Draft;
use super::page::{Outcome, render};
use super::texts::texts;
use super::{SOURCE, calls};
use crate::http::ApiError;
use crate::web::api::{Client, Problem, malformed, query};
use crate::web::visitor::Visitor;

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
    let problem = match calls::apply(&client, &key, &draft).await {
        Ok(position) => return Ok(seen(&student, position)),
        Err(problem) => problem,
    };
    visitor.who = Some(student).filter(|student| !student.is_empty());
    let t = texts(visitor.lang);
    let words = visitor.lang.words();
    let (notice, key) = match problem.code.as_str() {
        "INVALID_INPUT" => (words.check_fields, key),
        // Somebody went back, changed the form and sent it again: that is another application.
        "IDEMPOTENCY_KEY_REUSED" => (t.already_sent, Uuid::new_v4().to_string()),
        _ if problem.status == StatusCode::SERVICE_UNAVAILABLE => (t.not_taken_now, key),
        _ => (words.failed, key),
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
    let t = texts(visitor.lang);
    let (status, notice) = match id.parse() {
        Err(_) => (StatusCode::NOT_FOUND, t.no_such),
        Ok(id) => match calls::cancel(&client, id).await {
            Ok(position) => return Ok(seen(&student_id, position)),
            Err(Problem { status: StatusCode::NOT_FOUND, .. }) => (StatusCode::NOT_FOUND, t.no_such),
            Err(Problem { status, .. }) => (status, t.not_cancelled_now),
        },
    };
    visitor.who = Some(student_id).filter(|student| !student.is_empty());
    render(&visitor, &client, Outcome { status, notice: Some(notice), ..Outcome::default() }).await
}

/// To the list of this student, in which everything up to this position is to be seen.
fn seen(student: &str, position: Option<u64>) -> Response {
    Redirect::to(&format!("/?{}#list", query(&[(SOURCE.who, student)], position))).into_response()
}
