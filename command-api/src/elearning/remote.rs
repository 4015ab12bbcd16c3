//! The synchronous calls when the callee lives behind a URL: the same questions as `POST /pays` and
//! `POST /deliveries`.

use async_trait::async_trait;
use domain::elearning::{Delivery, PayStatus, Payment, Resource};
use event_store::Position;
use reqwest::header::HeaderMap;
use reqwest::{Client, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CancelDelivery, Paid, Pay};
use crate::calls::{CallError, Callee};
use crate::execute::{Last, Origin};
use crate::http::{CAUSATION_ID, EVENT_POSITION};

/// A context in another process.
pub(super) struct Remote {
    client: Client,
    url: String,
}

impl Remote {
    /// The context that answers at this URL.
    pub(super) fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Asks; anything but success is an error.
    async fn post(
        &self,
        question: &impl Serialize,
        id: Uuid,
        origin: &Origin,
    ) -> Result<Response, CallError> {
        let request = self
            .client
            .post(&self.url)
            .header("idempotency-key", id.to_string())
            .header(CAUSATION_ID.as_str(), origin.cause.to_string())
            .json(question);
        let unavailable = |error: reqwest::Error| CallError::Unavailable(error.without_url().to_string());
        let answer = request.send().await.map_err(unavailable)?;
        match answer.status() {
            status if status.is_success() => Ok(answer),
            status if status.is_client_error() => {
                let reason = answer.text().await.map_err(unavailable)?;
                Err(CallError::Refused(format!("{status}: {reason}")))
            }
            status => Err(CallError::Unavailable(format!("{} answered {status}", self.url))),
        }
    }
}

#[async_trait]
impl Callee<Pay, Paid> for Remote {
    async fn call(&self, Pay(application): Pay, origin: Origin) -> Result<Paid, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            pay_status: PayStatus,
        }
        let id = application.id.0;
        let question = question(Resource::payment(&Payment::Requested(application)))?;
        let answer = self.post(&question, id, &origin).await?;
        let last = last(answer.headers());
        let Answer { pay_status } =
            answer.json().await.map_err(|error| CallError::Unavailable(format!("no answer: {error}")))?;
        Ok(Paid { status: pay_status, last })
    }
}

#[async_trait]
impl Callee<CancelDelivery, ()> for Remote {
    async fn call(
        &self,
        CancelDelivery(application): CancelDelivery,
        origin: Origin,
    ) -> Result<(), CallError> {
        let id = application.id.0;
        let question = question(Resource::delivery(&Delivery::Cancelled(application)))?;
        self.post(&question, id, &origin).await.map(drop)
    }
}

fn question(resource: Option<Resource>) -> Result<Resource, CallError> {
    resource.ok_or_else(|| CallError::Unavailable("nothing to ask about".to_owned()))
}

/// Where the callee says its last event is.
fn last(headers: &HeaderMap) -> Option<Last> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim_matches('"').parse().ok();
    let (position, revision) = (Position(number(EVENT_POSITION.as_str())?), number("etag")?);
    // Whoever asked over HTTP needs the place, not the id.
    Some(Last { id: Uuid::nil(), revision, position })
}
