//! The payment context: `/pays`, and `/pay` as one document spells it (SPEC D7).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use domain::elearning::{ApplyStatus, Payment, Resource};
use domain::kernel::RequestId;
use domain::payment::PaymentRefusal;

use super::PaymentService;
use super::input::{amendment, application, id};
use super::payment::PayError;
use crate::execute::Loaded;
use crate::http::{ApiError, Base, Caller, Fields, Hal, IfMatch, PathId, answer};

/// The routes of this context.
pub(super) fn router(service: Arc<PaymentService>) -> Router {
    let one = || get(show).put(change).patch(change);
    Router::new()
        .route("/pays", post(pay))
        .route("/pays/{id}", one())
        .route("/pay/{id}", one())
        .with_state(service)
}

/// `POST /pays`: the command between the contexts. The id in the body is the idempotency key.
async fn pay(
    State(service): State<Arc<PaymentService>>,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let id = id(&mut fields)?;
    let (application, _) = application(&mut fields, id, "address")?;
    // The caller may hang up when its patience ends; the payment goes on.
    let origin = caller.origin(id, "context:apply");
    let payment = tokio::spawn(async move { service.pay(&application, &origin).await });
    let payment = payment.await.map_err(|panic| ApiError::Internal(panic.to_string()))??;
    respond(StatusCode::CREATED, &payment, id, &base)
}

/// `GET /pays/{id}`: the payment as it stands on the log.
async fn show(
    State(service): State<Arc<PaymentService>>,
    PathId(id): PathId,
    base: Base,
) -> Result<Response, ApiError> {
    respond(StatusCode::OK, &service.load(id).await?, id, &base)
}

/// `PUT` and `PATCH /pays/{id}`: cancel, or state what is true.
async fn change(
    State(service): State<Arc<PaymentService>>,
    PathId(id): PathId,
    IfMatch(revision): IfMatch,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let known = service.load(id).await?;
    let (amended, status) = amendment(&mut fields, known.state.sale(), "address")?;
    let sale = known.state.sale().ok_or(ApiError::NotFound("payment"))?.clone();
    let changed = match (status, &known.state) {
        (ApplyStatus::Cancelled, _) => {
            let origin = caller.origin(id, &format!("student:{}", sale.student_id));
            let cancel = tokio::spawn(async move { service.cancel(&sale, &origin, revision).await });
            cancel.await.map_err(|panic| ApiError::Internal(panic.to_string()))??
        }
        (ApplyStatus::Completed, Payment::Requested(_) | Payment::Completed(..))
            if amended.as_ref() == Some(&sale) =>
        {
            known
        }
        (ApplyStatus::Completed, Payment::Requested(_) | Payment::Completed(..)) => {
            return Err(PayError::Refused(PaymentRefusal::DifferentSale).into());
        }
        (ApplyStatus::Completed, Payment::Failed(..)) => {
            return Err(PayError::Refused(PaymentRefusal::AlreadyFailed).into());
        }
        (
            ApplyStatus::Completed,
            Payment::Nothing | Payment::GivingUp(..) | Payment::Cancelling(..) | Payment::Cancelled(_),
        ) => {
            return Err(PayError::Refused(PaymentRefusal::AlreadyCancelled).into());
        }
    };
    respond(StatusCode::OK, &changed, id, &base)
}

fn respond(
    status: StatusCode,
    payment: &Loaded<Payment>,
    id: RequestId,
    base: &Base,
) -> Result<Response, ApiError> {
    let resource = Resource::payment(&payment.state).ok_or(ApiError::NotFound("payment"))?;
    let id = id.to_string();
    let resource = Hal::new(&resource, base, "pay", "/pays/", &id).link("apply", "/applies/", &id).link(
        "delivery",
        "/deliveries/",
        &id,
    );
    Ok(answer(status, resource, payment.last))
}

impl From<PayError> for ApiError {
    fn from(error: PayError) -> Self {
        let reason = error.to_string();
        match error {
            PayError::Stopped(stopped) => stopped.into(),
            PayError::Refused(refusal) => match refusal {
                PaymentRefusal::DifferentSale => Self::Refused("PAY_IS_IMMUTABLE", reason),
                PaymentRefusal::AlreadyCancelled => Self::Refused("PAY_ALREADY_CANCELLED", reason),
                PaymentRefusal::AlreadyCompleted => Self::Refused("PAY_ALREADY_COMPLETED", reason),
                PaymentRefusal::AlreadyFailed => Self::Refused("PAY_ALREADY_FAILED", reason),
                PaymentRefusal::NotRequested => Self::Refused("PAY_NOT_REQUESTED", reason),
            },
            PayError::Precondition(_) => Self::PreconditionFailed,
            PayError::Provider(_) => Self::Unavailable("PAYMENT_PROVIDER_UNAVAILABLE", reason),
            PayError::Delivery(_) => Self::Unavailable("DELIVERY_UNAVAILABLE", reason),
            PayError::Trouble(trouble) => trouble.into(),
        }
    }
}
