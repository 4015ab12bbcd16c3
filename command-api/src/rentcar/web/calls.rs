//! What the page asks of the JSON API.

use axum::http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::forms::Wish;
use crate::web::api::{Client, Problem};

/// A car that can be reserved.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Car {
    pub(super) car_id: String,
    pub(super) car_name: Option<String>,
    pub(super) qty: u64,
}

/// Reserves; the key makes a second reservation of the same form the first one. Answers where in the
/// log the last event of it is.
pub(super) async fn reserve(client: &Client, key: &str, wish: &Wish) -> Result<Option<u64>, Problem> {
    client.command(Method::POST, "/reservations", Some(key), wish.body()).await
}

/// Cancels a reservation. Answers where in the log the last event of it is.
pub(super) async fn cancel(client: &Client, id: Uuid) -> Result<Option<u64>, Problem> {
    let body: Value = json!({ "status": "Cancelled" });
    client.command(Method::PATCH, &format!("/reservations/{id}"), None, body).await
}

/// The cars to choose from; none where they cannot be read.
pub(super) async fn cars(client: &Client, after: Option<u64>) -> Vec<Car> {
    client.list("cars", &[], after).await.map(|listed| listed.rows).unwrap_or_default()
}
