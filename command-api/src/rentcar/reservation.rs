//! The reservation context: `/reservations`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use domain::kernel::RequestId;
use domain::rentcar::{
    Booking, CancelReason, CarRefusal, Reservation, ReservationCommand, ReservationRefusal,
    ReservationStatus, Resource,
};

use super::input::{amendment, booking};
use super::{Held, Hold};
use crate::calls::Port;
use crate::context::Context;
use crate::execute::{ExecuteError, Executor, Loaded, Origin};
use crate::http::{ApiError, Base, Caller, Fields, Hal, IfMatch, NewId, PathId, answer, next_attempt};

/// How often a request that was given up can be tried again under one `Idempotency-Key`.
const ATTEMPTS: usize = 100;

/// Takes reservations and cancels them.
pub(super) struct ReservationService {
    executor: Executor,
    context: Context,
    hold: Port<Hold, Held>,
}

impl ReservationService {
    pub(super) fn new(executor: Executor, context: Context, hold: Port<Hold, Held>) -> Self {
        Self { executor, context, hold }
    }

    /// Holds the car, then reserves. When the car does not answer there is no reservation, whatever
    /// becomes of the hold (RC-I2, RC-I4): who held too late finds that this was given up.
    async fn reserve(&self, mut booking: Booking, caller: &Caller) -> Result<Loaded<Reservation>, ApiError> {
        let id = booking.reservation_id;
        let origin = caller.origin(id, &format!("customer:{}", booking.user_id));
        match self.hold.call(Hold(booking.car_id.clone(), id), origin.clone()).await {
            Ok(Held::Yes(car_name)) => booking.car_name = car_name,
            Ok(Held::No(CarRefusal::HoldEnded)) => return Err(given_up("the reservation was given up")),
            Ok(Held::No(refusal)) => return Err(refusal.into()),
            Err(reason) if reason.may_have_worked() => {
                tracing::warn!(reservation = %id, %reason, "given up");
                return self.give_up(&booking, &origin, &reason.to_string()).await;
            }
            Err(reason) => return Err(given_up(&reason.to_string())),
        }
        match self.executor.execute_new(&id, &ReservationCommand::Reserve(booking), &origin).await {
            Err(ExecuteError::Refused(ReservationRefusal::DifferentReservation)) => {
                Err(ApiError::IdempotencyKeyReused)
            }
            other => Ok(other?),
        }
    }

    /// There will be no reservation under this id, unless a twin of this request made it meanwhile.
    async fn give_up(
        &self,
        booking: &Booking,
        origin: &Origin,
        reason: &str,
    ) -> Result<Loaded<Reservation>, ApiError> {
        let reject = ReservationCommand::Reject(booking.reservation_id, booking.car_id.clone());
        let rejected: Loaded<Reservation> =
            self.executor.execute_new(&booking.reservation_id, &reject, origin).await?;
        if rejected.state.booking().is_some() { Ok(rejected) } else { Err(given_up(reason)) }
    }

    /// What was made of this request before; or the id under which it is to be tried.
    async fn earlier(&self, booking: &mut Booking) -> Result<Option<Loaded<Reservation>>, ApiError> {
        for _ in 0..ATTEMPTS {
            let known: Loaded<Reservation> = self.executor.load(&booking.reservation_id).await?;
            match &known.state {
                Reservation::Nothing => return Ok(None),
                Reservation::Rejected => booking.reservation_id = next_attempt(booking.reservation_id),
                Reservation::Reserved(made)
                | Reservation::Cancelled(made, _)
                | Reservation::Fulfilled(made) => {
                    booking.car_name.clone_from(&made.car_name);
                    return if made == booking {
                        Ok(Some(known))
                    } else {
                        Err(ApiError::IdempotencyKeyReused)
                    };
                }
            }
        }
        Err(given_up("this request was given up too often"))
    }

    async fn change(
        &self,
        id: RequestId,
        command: &ReservationCommand,
        origin: &Origin,
        revision: Option<u64>,
    ) -> Result<Loaded<Reservation>, ApiError> {
        Ok(self.executor.execute_at(&id, command, origin, revision).await?)
    }
}

fn given_up(reason: &str) -> ApiError {
    ApiError::Unavailable("CAR_UNAVAILABLE", format!("the car cannot be reserved now: {reason}"))
}

/// The routes of this context.
pub(super) fn router(service: Arc<ReservationService>) -> Router {
    Router::new()
        .route("/reservations", post(reserve))
        .route("/reservations/{id}", get(show).put(change).patch(change).delete(cancel))
        .with_state(service)
}

/// `POST /reservations`: hold the car, then reserve.
async fn reserve(
    State(service): State<Arc<ReservationService>>,
    NewId { id, repeatable }: NewId,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let mut booking = booking(&mut fields, id)?;
    if repeatable && let Some(known) = service.earlier(&mut booking).await? {
        return respond(StatusCode::CREATED, &known, &base);
    }
    // The caller may hang up when its patience ends; what was begun is brought to an end.
    let reserved = tokio::spawn(async move { service.reserve(booking, &caller).await });
    let reserved = reserved.await.map_err(|panic| ApiError::Internal(panic.to_string()))??;
    respond(StatusCode::CREATED, &reserved, &base)
}

/// `GET /reservations/{id}`: the reservation as it stands on the log.
async fn show(
    State(service): State<Arc<ReservationService>>,
    PathId(id): PathId,
    base: Base,
) -> Result<Response, ApiError> {
    service.context.check()?;
    respond(StatusCode::OK, &service.executor.load(&id).await?, &base)
}

/// `PUT` and `PATCH /reservations/{id}`: an update, or a cancel (D4).
async fn change(
    State(service): State<Arc<ReservationService>>,
    PathId(id): PathId,
    IfMatch(revision): IfMatch,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let known: Loaded<Reservation> = service.executor.load(&id).await?;
    let (amended, status) = amendment(&mut fields, known.state.booking())?;
    let amended = amended.ok_or(ApiError::NotFound("reservation"))?;
    let origin = caller.origin(id, &format!("customer:{}", amended.user_id));
    let command = match status {
        Some(ReservationStatus::Cancelled) => ReservationCommand::Cancel(CancelReason::CustomerCancelled),
        Some(ReservationStatus::Success) | None => ReservationCommand::Amend(amended),
    };
    respond(StatusCode::OK, &service.change(id, &command, &origin, revision).await?, &base)
}

/// `DELETE /reservations/{id}`: a cancel (D4).
async fn cancel(
    State(service): State<Arc<ReservationService>>,
    PathId(id): PathId,
    IfMatch(revision): IfMatch,
    caller: Caller,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let command = ReservationCommand::Cancel(CancelReason::CustomerCancelled);
    service.change(id, &command, &caller.origin(id, "customer"), revision).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn respond(status: StatusCode, reservation: &Loaded<Reservation>, base: &Base) -> Result<Response, ApiError> {
    let unknown = || ApiError::NotFound("reservation");
    let id = reservation.state.booking().ok_or_else(unknown)?.reservation_id.to_string();
    let resource = Resource::reservation(&reservation.state).ok_or_else(unknown)?;
    let resource = Hal::new(&resource, base, "reservation", "/reservations/", &id)
        .link("rental", "/rentals/", &id)
        .link("mypage", "/mypages/", &id);
    Ok(answer(status, resource, reservation.last))
}

impl From<ReservationRefusal> for ApiError {
    fn from(refusal: ReservationRefusal) -> Self {
        let reason = refusal.to_string();
        match refusal {
            ReservationRefusal::NotFound => Self::NotFound("reservation"),
            ReservationRefusal::Rejected => given_up(&reason),
            ReservationRefusal::DifferentReservation => Self::Refused("RESERVATION_DIFFERS", reason),
            ReservationRefusal::DifferentCar => Self::Refused("RESERVATION_KEEPS_ITS_CAR", reason),
            ReservationRefusal::AlreadyCancelled => Self::Refused("RESERVATION_ALREADY_CANCELLED", reason),
            ReservationRefusal::AlreadyUsed => Self::Refused("USE_ALREADY_COMPLETED", reason),
        }
    }
}
