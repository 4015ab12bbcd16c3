//! The synchronous calls when the callee lives behind a URL: the same questions as `POST /pays` and
//! `POST /deliveries`.

use async_trait::async_trait;
use domain::elearning::{Delivery, PayStatus, Payment, Resource};
use serde::Deserialize;

use super::{CancelDelivery, Paid, Pay};
use crate::calls::{CallError, Callee, Remote, accepted, last};
use crate::execute::Origin;

#[async_trait]
impl Callee<Pay, Paid> for Remote {
    async fn call(&self, Pay { application, .. }: Pay, origin: Origin) -> Result<Paid, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            pay_status: PayStatus,
        }
        let id = application.id.0;
        let question = question(Resource::payment(&Payment::Requested(application)))?;
        let answer = accepted(self.post("/pays", &question, id, &origin).await?).await?;
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
        accepted(self.post("/deliveries", &question, id, &origin).await?).await.map(drop)
    }
}

fn question(resource: Option<Resource>) -> Result<Resource, CallError> {
    resource.ok_or_else(|| CallError::Unavailable("nothing to ask about".to_owned()))
}
