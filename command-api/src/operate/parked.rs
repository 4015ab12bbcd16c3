//! What failed for good, and what operators do about it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::Operated;
use crate::http::{ApiError, Fields, short};
use crate::policies::{Order, OrderError, ParkedReaction, Parking, PolicyStatus};

/// Who gives an order, where nobody says.
const SOMEBODY: &str = "operator";

/// An order that was taken.
#[derive(Serialize)]
struct Ordered {
    policy: String,
    key: String,
    order: Order,
    by: String,
    /// What will be carried out again, or what was skipped.
    reactions: Vec<ParkedReaction>,
}

/// `GET /policies`: how the policies of this process are doing.
pub(super) async fn policies(State(operated): State<Arc<Operated>>) -> Json<Vec<PolicyStatus>> {
    Json(operated.policies.iter().map(|policy| policy.status().borrow().clone()).collect())
}

/// `GET /policies/{name}/parked`: as it stands on the log, whichever process runs the policy.
pub(super) async fn list(
    State(operated): State<Arc<Operated>>,
    Path(name): Path<String>,
) -> Result<Json<Vec<ParkedReaction>>, ApiError> {
    let parked = parking(&operated, &name)?.list().await;
    parked.map(Json).map_err(|error| OrderError::Read(error).into())
}

/// `POST /policies/{name}/parked/{key}/retry`
pub(super) async fn retry(
    State(operated): State<Arc<Operated>>,
    Path(place): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    order(&operated, place, Order::Retry, body).await
}

/// `POST /policies/{name}/parked/{key}/skip`
pub(super) async fn skip(
    State(operated): State<Arc<Operated>>,
    Path(place): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, ApiError> {
    order(&operated, place, Order::Skip, body).await
}

/// Takes an order, which is carried out by whichever process runs the policy. The body may say `by`
/// whom.
async fn order(
    operated: &Operated,
    (policy, key): (String, String),
    order: Order,
    body: Bytes,
) -> Result<Response, ApiError> {
    let mut fields = Fields::read(if body.is_empty() { Bytes::from_static(b"{}") } else { body })?;
    let by = fields.optional("by", short);
    fields.check()?;
    let by = by.filter(|by| !by.is_empty()).unwrap_or_else(|| SOMEBODY.to_owned());
    let reactions = parking(operated, &policy)?.order(&key, order, &by).await?;
    Ok((StatusCode::ACCEPTED, Json(Ordered { policy, key, order, by, reactions })).into_response())
}

fn parking<'o>(operated: &'o Operated, name: &str) -> Result<&'o Parking, ApiError> {
    let policy = operated.policies.iter().find(|policy| policy.status().borrow().name == name);
    Ok(policy.ok_or(ApiError::NotFound("policy"))?.parking())
}

impl From<OrderError> for ApiError {
    fn from(error: OrderError) -> Self {
        use crate::execute::Trouble;

        match error {
            OrderError::NotParked => Self::NotFound("parked reaction"),
            OrderError::UnderWay => Self::Refused("RETRY_UNDER_WAY", error.to_string()),
            OrderError::Read(error) => Trouble::from(error).into(),
            OrderError::Append(error) => Trouble::from(error).into(),
        }
    }
}
