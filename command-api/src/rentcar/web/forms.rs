//! What a customer sends: a reservation, a cancellation. Both end with a redirect to a page on which it
//! is to be seen, so that a reload sends nothing twice.

use axum::extract::Form;
use axum::extract::rejection::FormRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::page::{Outcome, render};
use super::texts::texts;
use super::{SOURCE, calls};
use crate::http::ApiError;
use crate::web::api::{Client, malformed, query};
use crate::web::visitor::Visitor;

/// What a customer typed into the form, as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Wish {
    pub(super) user_id: String,
    pub(super) car_id: String,
    pub(super) reserved_date: String,
    /// Made when the form was: sent twice, it is one reservation.
    pub(super) key: String,
}

/// The form of a cancellation.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Cancellation {
    id: String,
    #[serde(default)]
    user_id: String,
}

impl Wish {
    /// The body of `POST /reservations`. What was left empty is not there, so that the API says what it
    /// needs.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({});
        let fields =
            [("userId", &self.user_id), ("carId", &self.car_id), ("reservedDate", &self.reserved_date)];
        for (name, text) in fields.into_iter().filter(|(_, text)| !text.trim().is_empty()) {
            body[name] = text.trim().into();
        }
        body
    }
}

/// `POST /`: reserves.
pub(super) async fn reserve(
    mut visitor: Visitor,
    client: Client,
    form: Result<Form<Wish>, FormRejection>,
) -> Result<Response, ApiError> {
    let Form(wish) = form.map_err(malformed)?;
    // A form without a key of ours, as a person writes one by hand, is a reservation of its own.
    let key = wish.key.parse::<Uuid>().unwrap_or_else(|_| Uuid::new_v4()).to_string();
    let customer = wish.user_id.trim().to_owned();
    let problem = match calls::reserve(&client, &key, &wish).await {
        Ok(position) => return Ok(seen(&customer, position)),
        Err(problem) => problem,
    };
    visitor.who = Some(customer).filter(|customer| !customer.is_empty());
    let (t, words) = (texts(visitor.lang), visitor.lang.words());
    let (notice, key) = match problem.code.as_str() {
        "INVALID_INPUT" => (words.check_fields, key),
        // Somebody went back, changed the form and sent it again: that is another reservation.
        "IDEMPOTENCY_KEY_REUSED" => (t.already_sent, Uuid::new_v4().to_string()),
        // There will be no reservation under this key any more.
        "OUT_OF_STOCK" => (t.none_left, Uuid::new_v4().to_string()),
        "CAR_NOT_FOUND" => (t.no_such_car, Uuid::new_v4().to_string()),
        _ if problem.status == StatusCode::SERVICE_UNAVAILABLE => {
            (t.not_taken_now, Uuid::new_v4().to_string())
        }
        _ => (words.failed, key),
    };
    let again = Some((wish, key));
    render(&visitor, &client, Outcome { status: problem.status, notice: Some(notice), again }).await
}

/// `POST /cancel`: cancels.
pub(super) async fn cancel(
    mut visitor: Visitor,
    client: Client,
    form: Result<Form<Cancellation>, FormRejection>,
) -> Result<Response, ApiError> {
    let Form(Cancellation { id, user_id }) = form.map_err(malformed)?;
    let t = texts(visitor.lang);
    let (status, notice) = match id.parse() {
        Err(_) => (StatusCode::NOT_FOUND, t.no_such),
        Ok(id) => match calls::cancel(&client, id).await {
            Ok(position) => return Ok(seen(&user_id, position)),
            Err(problem) if problem.status == StatusCode::NOT_FOUND => (problem.status, t.no_such),
            Err(problem) if problem.code == "USE_ALREADY_COMPLETED" => (problem.status, t.already_used),
            Err(problem) => (problem.status, t.not_cancelled_now),
        },
    };
    visitor.who = Some(user_id).filter(|customer| !customer.is_empty());
    render(&visitor, &client, Outcome { status, notice: Some(notice), again: None }).await
}

/// To the list of this customer, in which everything up to this position is to be seen.
fn seen(customer: &str, position: Option<u64>) -> Response {
    Redirect::to(&format!("/?{}#list", query(&[(SOURCE.who, customer)], position))).into_response()
}
