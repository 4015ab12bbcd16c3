//! The rental context: `/rentals`, the allocation of cars.
//!
//! Whoever ends an allocation asks the reservation first, on the log and not by a call: it decides
//! whether the car was used or taken back, never both (RC-I9). A policy makes sure of the second step.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{get, post};
use domain::kernel::RequestId;
use domain::rentcar::{
    CancelReason, Rental, RentalCommand, RentalRefusal, RentalStatus, Reservation, ReservationCommand,
    Resource,
};

use super::input::{allocation, wanted_rental};
use crate::context::Context;
use crate::execute::{Executor, Loaded, Origin};
use crate::http::{ApiError, Base, Caller, Fields, Hal, IfMatch, PathId, answer};

/// Allocates cars and takes them back.
pub(super) struct RentalService {
    executor: Executor,
    context: Context,
}

impl RentalService {
    pub(super) fn new(executor: Executor, context: Context) -> Self {
        Self { executor, context }
    }

    /// Brings a rental where it shall be.
    async fn end(
        &self,
        id: RequestId,
        rental: Loaded<Rental>,
        wanted: RentalStatus,
        origin: &Origin,
    ) -> Result<Loaded<Rental>, ApiError> {
        let booking = rental.state.booking().ok_or(ApiError::NotFound("rental"))?.clone();
        let (asks, then) = match wanted {
            RentalStatus::Allocated => return allocated(rental),
            RentalStatus::UseCompleted => (ReservationCommand::Fulfil, RentalCommand::CompleteUse),
            RentalStatus::AllocationCancelled => (
                ReservationCommand::Cancel(CancelReason::AllocationCancelled),
                RentalCommand::CancelAllocation(booking),
            ),
        };
        // What has ended needs no decision, whichever way it ended.
        if matches!(rental.state, Rental::Allocated(_)) {
            self.executor.execute::<Reservation>(&id, &asks, origin).await?;
        }
        Ok(self.executor.execute(&id, &then, origin).await?)
    }
}

/// An allocation that is to be what it is; what is over does not begin again.
fn allocated(rental: Loaded<Rental>) -> Result<Loaded<Rental>, ApiError> {
    match rental.state {
        Rental::Nothing => Err(RentalRefusal::NotFound.into()),
        Rental::Allocated(_) => Ok(rental),
        Rental::Cancelled(_) => Err(RentalRefusal::AlreadyCancelled.into()),
        Rental::UseCompleted(_) => Err(RentalRefusal::AlreadyUsed.into()),
    }
}

/// The routes of this context.
pub(super) fn router(service: Arc<RentalService>) -> Router {
    Router::new()
        .route("/rentals", post(allocate))
        .route("/rentals/{id}", get(show).put(change).patch(change))
        .with_state(service)
}

/// `POST /rentals`: the command between the contexts. The reservation in the body is the key.
async fn allocate(
    State(service): State<Arc<RentalService>>,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let booking = allocation(&mut fields)?;
    let id = booking.reservation_id;
    let origin = caller.origin(id, "admin");
    let allocated = service.executor.execute(&id, &RentalCommand::Allocate(booking), &origin).await?;
    respond(StatusCode::CREATED, &allocated, id, &base)
}

/// `GET /rentals/{id}`: the rental as it stands on the log.
async fn show(
    State(service): State<Arc<RentalService>>,
    PathId(id): PathId,
    base: Base,
) -> Result<Response, ApiError> {
    service.context.check()?;
    respond(StatusCode::OK, &service.executor.load(&id).await?, id, &base)
}

/// `PUT` and `PATCH /rentals/{id}`: the car came back, or is taken back.
async fn change(
    State(service): State<Arc<RentalService>>,
    PathId(id): PathId,
    IfMatch(revision): IfMatch,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let wanted = wanted_rental(&mut fields)?;
    let rental: Loaded<Rental> = service.executor.load(&id).await?;
    if revision.is_some() && revision != rental.last.map(|last| last.revision) {
        return Err(ApiError::PreconditionFailed);
    }
    let origin = caller.origin(id, "admin");
    // What was begun is brought to an end even if the caller hangs up.
    let ended = tokio::spawn(async move { service.end(id, rental, wanted, &origin).await });
    let ended = ended.await.map_err(|panic| ApiError::Internal(panic.to_string()))??;
    respond(StatusCode::OK, &ended, id, &base)
}

fn respond(
    status: StatusCode,
    rental: &Loaded<Rental>,
    id: RequestId,
    base: &Base,
) -> Result<Response, ApiError> {
    let resource = Resource::rental(&rental.state).ok_or(ApiError::NotFound("rental"))?;
    let id = id.to_string();
    let resource =
        Hal::new(&resource, base, "rental", "/rentals/", &id).link("reservation", "/reservations/", &id);
    Ok(answer(status, resource, rental.last))
}

impl From<RentalRefusal> for ApiError {
    fn from(refusal: RentalRefusal) -> Self {
        let reason = refusal.to_string();
        match refusal {
            RentalRefusal::NotFound => Self::NotFound("rental"),
            RentalRefusal::AlreadyCancelled => Self::Refused("ALLOCATION_ALREADY_CANCELLED", reason),
            RentalRefusal::AlreadyUsed => Self::Refused("USE_ALREADY_COMPLETED", reason),
        }
    }
}
