//! The web page of car rental: reserve, watch, cancel. It calls the JSON API without a socket, like
//! every other client; without a script, on reload.

use askama::Template;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::kernel::RequestId;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use crate::http::ApiError;
use crate::web;

/// The page, in front of the API.
pub(super) fn router(api: Router) -> Router {
    let page = Router::new().route("/", get(show).post(reserve)).route("/cancel", post(cancel));
    web::frame(page.with_state(api))
}

/// Who looks, and what the page has to say.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Visitor {
    user_id: String,
    car_id: String,
    notice: String,
    after: String,
}

/// What a customer sends. The key makes the same form the same reservation, however often it is sent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wish {
    user_id: String,
    car_id: String,
    #[serde(default)]
    reserved_date: String,
    #[serde(default)]
    key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancellation {
    id: RequestId,
    user_id: String,
}

/// A row of MyPage.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    reservation_id: String,
    car_id: String,
    car_name: Option<String>,
    reserved_date: Option<String>,
    status: String,
}

/// A car that can be reserved.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Car {
    car_id: String,
    car_name: Option<String>,
    qty: u64,
}

#[derive(Template)]
#[template(path = "rentcar.html")]
struct Page {
    korean: bool,
    visitor: Visitor,
    key: Uuid,
    cars: Vec<Car>,
    /// `None` when the list cannot be read.
    rows: Option<Vec<Row>>,
}

impl Page {
    /// The one or the other, in the language of the page.
    fn t<'t>(&self, korean: &'t str, english: &'t str) -> &'t str {
        if self.korean { korean } else { english }
    }

    /// What became of a command, by its stable code.
    fn notice(&self) -> Option<&str> {
        Some(match self.visitor.notice.as_str() {
            "" => return None,
            "OUT_OF_STOCK" => self.t("남은 차량이 없습니다.", "No car of this kind is left."),
            "CAR_NOT_FOUND" => self.t("등록되지 않은 차량입니다.", "There is no such car."),
            "INVALID_INPUT" => self.t("입력한 내용을 확인해 주세요.", "Please check what you typed."),
            "USE_ALREADY_COMPLETED" => {
                self.t("이미 사용이 완료되었습니다.", "The use of the car is completed.")
            }
            _ => self.t(
                "지금은 처리할 수 없습니다. 잠시 후 다시 시도해 주세요.",
                "Not possible now. Please try again shortly.",
            ),
        })
    }

    /// A status of the wire in words.
    fn status<'t>(&self, status: &'t str) -> &'t str {
        match status {
            "Success" => self.t("예약됨 — 곧 배차됩니다", "Reserved — a car is allocated in a moment"),
            "Allocated" => self.t("배차됨", "Allocated"),
            "Cancelled" => self.t("취소됨", "Cancelled"),
            "UseCompleted" => self.t("사용 완료", "Use completed"),
            other => other,
        }
    }
}

/// `GET /`.
async fn show(
    State(api): State<Router>,
    headers: HeaderMap,
    Query(visitor): Query<Visitor>,
) -> Result<Response, ApiError> {
    let language = headers.get(header::ACCEPT_LANGUAGE).and_then(|languages| languages.to_str().ok());
    let after = visitor.after.parse::<u64>().ok().map(|after| format!("&after={after}")).unwrap_or_default();
    let cars = list(&api, &format!("/cars?size=100{after}"), "cars").await.unwrap_or_default();
    let user: String = form_urlencoded::byte_serialize(visitor.user_id.as_bytes()).collect();
    let mine = format!("/mypages?size=100&userId={user}{after}");
    let rows = if user.is_empty() { Some(Vec::new()) } else { list(&api, &mine, "mypages").await };
    let korean = language.is_some_and(|languages| languages.trim_start().starts_with("ko"));
    let page = Page { korean, visitor, key: Uuid::new_v4(), cars, rows };
    let html = page.render().map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(([(header::VARY, "accept-language")], Html(html)).into_response())
}

/// `POST /`: reserves.
async fn reserve(State(api): State<Router>, Form(wish): Form<Wish>) -> Result<Response, ApiError> {
    let Wish { user_id, car_id, reserved_date, key } = wish;
    let mut body = json!({ "userId": user_id, "carId": car_id });
    if !reserved_date.is_empty() {
        body["reservedDate"] = reserved_date.into();
    }
    command(&api, Method::POST, "/reservations", &key, &body, &user_id, &car_id).await
}

/// `POST /cancel`: cancels.
async fn cancel(State(api): State<Router>, Form(wish): Form<Cancellation>) -> Result<Response, ApiError> {
    let (path, body) = (format!("/reservations/{}", wish.id), json!({ "status": "Cancelled" }));
    command(&api, Method::PATCH, &path, "", &body, &wish.user_id, "").await
}

/// Sends a command, and goes back to where it is to be seen: a reload sends nothing twice.
async fn command(
    api: &Router,
    method: Method,
    path: &str,
    key: &str,
    body: &Value,
    user: &str,
    car: &str,
) -> Result<Response, ApiError> {
    let mut request = Request::builder().method(method).uri(path);
    if key.parse::<Uuid>().is_ok() {
        request = request.header("idempotency-key", key);
    }
    let (status, headers, answer) = send(api, request, Body::from(body.to_string())).await?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("userId", user).append_pair("carId", car);
    if let Some(position) = headers.get("event-position").and_then(|position| position.to_str().ok()) {
        query.append_pair("after", position);
    }
    if !status.is_success() {
        query.append_pair("notice", answer["code"].as_str().unwrap_or("FAILED"));
    }
    Ok(Redirect::to(&format!("/?{}#list", query.finish())).into_response())
}

/// The items of a list; `None` when it cannot be read.
async fn list<T: for<'de> Deserialize<'de>>(api: &Router, path: &str, name: &str) -> Option<Vec<T>> {
    let (status, _, answer) = send(api, Request::get(path), Body::empty()).await.ok()?;
    status.is_success().then(|| serde_json::from_value(answer["_embedded"][name].clone()).ok())?
}

async fn send(
    api: &Router,
    request: axum::http::request::Builder,
    body: Body,
) -> Result<(StatusCode, HeaderMap, Value), ApiError> {
    let inside = |error: &dyn std::fmt::Display| ApiError::Internal(error.to_string());
    let request = request.body(body).map_err(|error| inside(&error))?;
    let response = match api.clone().oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.map_err(|error| inside(&error))?;
    // No answer of the API is without JSON but the empty ones.
    Ok((parts.status, parts.headers, serde_json::from_slice(&body).unwrap_or_default()))
}
