//! The question of reservation to car, and its answer, in this process and over HTTP.

use async_trait::async_trait;
use domain::kernel::RequestId;
use domain::rentcar::{CarId, CarRefusal};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::CarService;
use crate::calls::{CallError, Callee, Remote};
use crate::execute::{ExecuteError, Origin};

/// Asks that a car be held for a reservation, whose id is the idempotency key.
#[derive(Debug, Clone)]
pub(super) struct Hold(pub(super) CarId, pub(super) RequestId);

/// What the car says.
#[derive(Debug, Clone)]
pub(super) enum Held {
    /// It is held; this is what it is called.
    Yes(Option<String>),
    /// It is not, and why.
    No(CarRefusal),
}

#[async_trait]
impl Callee<Hold, Held> for CarService {
    async fn call(&self, Hold(car, request): Hold, origin: Origin) -> Result<Held, CallError> {
        self.context.check().map_err(|stopped| CallError::Down(stopped.to_string()))?;
        match self.hold_for_reservation(&car, request, &origin).await {
            Ok(held) => Ok(Held::Yes(held.state.stock().and_then(|stock| stock.car_name))),
            Err(ExecuteError::Refused(refusal)) => Ok(Held::No(refusal)),
            Err(error) => Err(CallError::Unavailable(error.to_string())),
        }
    }
}

#[async_trait]
impl Callee<Hold, Held> for Remote {
    async fn call(&self, Hold(car, request): Hold, origin: Origin) -> Result<Held, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            car_name: Option<String>,
            #[serde(default)]
            code: String,
        }
        let question = json!({ "carId": car, "reservationId": request });
        let answer = self.post("/holds", &question, request.0, &origin).await?;
        let status = answer.status();
        let answer = answer.json().await;
        let Answer { car_name, code } =
            answer.map_err(|error| CallError::Unavailable(format!("no answer: {error}")))?;
        let known = [CarRefusal::OutOfStock, CarRefusal::NotFound, CarRefusal::HoldEnded];
        match known.into_iter().find(|refusal| super::car::code(refusal) == code) {
            Some(refusal) => Ok(Held::No(refusal)),
            None if status == StatusCode::CREATED => Ok(Held::Yes(car_name)),
            None => Err(CallError::Unavailable(format!("the car answered {status} {code}"))),
        }
    }
}
