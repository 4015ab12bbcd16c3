//! What the page asks of the JSON API.

use axum::http::Method;
use serde_json::json;
use uuid::Uuid;

use super::draft::Draft;
use crate::web::api::{Client, Problem};

/// Applies; the key makes a second application of the same form the first one. Answers where in the
/// log the last event of it is.
pub(super) async fn apply(client: &Client, key: &str, draft: &Draft) -> Result<Option<u64>, Problem> {
    client.command(Method::POST, "/applies", Some(key), draft.body()).await
}

/// Cancels an application. Answers where in the log the last event of it is.
pub(super) async fn cancel(client: &Client, id: Uuid) -> Result<Option<u64>, Problem> {
    let body = json!({ "applyStatus": "cancelled" });
    client.command(Method::PUT, &format!("/applies/{id}"), None, body).await
}
