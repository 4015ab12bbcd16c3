//! The car context: `/cars`, and the holds on them.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use domain::kernel::RequestId;
use domain::rentcar::{Car, CarCommand, CarId, CarRefusal, HeldFor, ReleaseReason, Resource};
use serde::Deserialize;
use uuid::Uuid;

use super::input::{car, hold, stock_change};
use crate::config::Delay;
use crate::context::Context;
use crate::execute::{ExecuteError, Executor, Loaded, Origin};
use crate::http::{ApiError, Base, Caller, Fields, Hal, IfMatch, NewId, PathId, answer};
use crate::payment_provider::spread;

/// Registers cars, and lets them be held.
pub(super) struct CarService {
    executor: Executor,
    pub(super) context: Context,
    delay: Delay,
}

impl CarService {
    pub(super) fn new(executor: Executor, context: Context, delay: Delay) -> Self {
        Self { executor, context, delay }
    }

    /// Holds a car for a reservation. As in the documents, the answer may take its time after that.
    pub(super) async fn hold_for_reservation(
        &self,
        car: &CarId,
        request: RequestId,
        origin: &Origin,
    ) -> Result<Loaded<Car>, ExecuteError<CarRefusal>> {
        let held = self.hold(car, request, HeldFor::Reservation, origin).await;
        let delay = spread(request, self.delay.0..=self.delay.1);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        held
    }

    async fn hold(
        &self,
        car: &CarId,
        request: RequestId,
        held_for: HeldFor,
        origin: &Origin,
    ) -> Result<Loaded<Car>, ExecuteError<CarRefusal>> {
        self.executor.execute(car, &CarCommand::Hold(request, held_for), origin).await
    }
}

/// The routes of this context.
pub(super) fn router(service: Arc<CarService>) -> Router {
    Router::new()
        .route("/cars", post(register))
        .route("/cars/checkUpdateStock", get(check_update_stock))
        .route("/cars/{carId}", get(show).put(put).patch(patch))
        .route("/cars/{carId}/holds", post(place))
        .route("/cars/{carId}/holds/{reservationId}", delete(release))
        .route("/holds", post(place_by_body))
        .with_state(service)
}

/// What concerns a car as such belongs to no request: it is known by the car's own name.
fn of_car(car: &CarId) -> RequestId {
    RequestId(Uuid::new_v5(&Uuid::NAMESPACE_OID, car.as_str().as_bytes()))
}

/// `POST /cars`: there is such a car, under the key in the body or one that is made for it.
async fn register(
    State(service): State<Arc<CarService>>,
    NewId { id: made, .. }: NewId,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let made = made.to_string();
    let (id, name, total) = car(&mut fields, &made)?;
    let command = CarCommand::Register(id.clone(), name, total);
    let origin = caller.origin(of_car(&id), "admin");
    let registered: Loaded<Car> = match service.executor.execute_new(&id, &command, &origin).await {
        Err(ExecuteError::Refused(CarRefusal::AlreadyRegistered)) if id.as_str() == made => {
            return Err(ApiError::IdempotencyKeyReused);
        }
        other => other?,
    };
    respond(StatusCode::CREATED, &registered, &id, &base)
}

/// `GET /cars/{carId}`: the car as it stands on the log.
async fn show(
    State(service): State<Arc<CarService>>,
    PathId(id): PathId<CarId>,
    base: Base,
) -> Result<Response, ApiError> {
    service.context.check()?;
    respond(StatusCode::OK, &service.executor.load(&id).await?, &id, &base)
}

/// `PUT /cars/{carId}`: there is such a car, with so many in all; registers it where there is none.
async fn put(
    State(service): State<Arc<CarService>>,
    PathId(id): PathId<CarId>,
    IfMatch(revision): IfMatch,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let known: Loaded<Car> = service.executor.load(&id).await?;
    if known.state != Car::Nothing {
        return change(&service, &id, revision, &caller, &base, fields).await;
    }
    let (_, name, total) = car(&mut fields, id.as_str())?;
    let command = CarCommand::Register(id.clone(), name, total);
    let origin = caller.origin(of_car(&id), "admin");
    let registered = service.executor.execute_at(&id, &command, &origin, revision).await?;
    respond(StatusCode::CREATED, &registered, &id, &base)
}

/// `PATCH /cars/{carId}`: another name, or so many in all.
async fn patch(
    State(service): State<Arc<CarService>>,
    PathId(id): PathId<CarId>,
    IfMatch(revision): IfMatch,
    caller: Caller,
    base: Base,
    fields: Fields,
) -> Result<Response, ApiError> {
    service.context.check()?;
    change(&service, &id, revision, &caller, &base, fields).await
}

async fn change(
    service: &CarService,
    id: &CarId,
    revision: Option<u64>,
    caller: &Caller,
    base: &Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let (name, total) = stock_change(&mut fields)?;
    let command = CarCommand::Change(name, total);
    let origin = caller.origin(of_car(id), "admin");
    let changed = service.executor.execute_at(id, &command, &origin, revision).await;
    match changed {
        Err(ExecuteError::Refused(CarRefusal::NotFound)) => Err(ApiError::NotFound("car")),
        other => respond(StatusCode::OK, &other?, id, base),
    }
}

/// `GET /cars/checkUpdateStock?carId=1`: takes a car if there is one, as the documents' reservation
/// asked. With a `reservationId` it is the hold of that reservation; without one, a car that somebody
/// takes at the counter.
async fn check_update_stock(
    State(service): State<Arc<CarService>>,
    query: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
    caller: Caller,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let invalid = |error: &dyn std::fmt::Display| ApiError::MalformedBody(error.to_string());
    let Query(Wanted { car_id, reservation_id }) = query.map_err(|error| invalid(&error))?;
    let car = CarId::new(car_id).map_err(|error| invalid(&error))?;
    let (request, held_for) = match reservation_id {
        Some(reservation) => (RequestId(reservation), HeldFor::Reservation),
        None => (RequestId(Uuid::now_v7()), HeldFor::Counter),
    };
    match service.hold(&car, request, held_for, &caller.origin(request, "context:reservation")).await {
        Ok(_) => Ok(Json(true).into_response()),
        Err(ExecuteError::Refused(CarRefusal::OutOfStock | CarRefusal::HoldEnded)) => {
            Ok(Json(false).into_response())
        }
        Err(ExecuteError::Refused(CarRefusal::NotFound)) => Err(ApiError::NotFound("car")),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    car_id: String,
    reservation_id: Option<Uuid>,
}

/// `POST /cars/{carId}/holds`: the command between the contexts; the reservation is the key.
async fn place(
    State(service): State<Arc<CarService>>,
    PathId(car): PathId<CarId>,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let (_, request) = hold(&mut fields, car.as_str())?;
    hold_and_respond(service, car, request, caller, base).await
}

/// `POST /holds`: the same with the car in the body, where its key need not fit into a path.
async fn place_by_body(
    State(service): State<Arc<CarService>>,
    caller: Caller,
    base: Base,
    mut fields: Fields,
) -> Result<Response, ApiError> {
    let (car, request) = hold(&mut fields, "")?;
    hold_and_respond(service, car, request, caller, base).await
}

async fn hold_and_respond(
    service: Arc<CarService>,
    car: CarId,
    request: RequestId,
    caller: Caller,
    base: Base,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let origin = caller.origin(request, "context:reservation");
    let held = service.hold_for_reservation(&car, request, &origin).await?;
    respond(StatusCode::CREATED, &held, &car, &base)
}

/// `DELETE /cars/{carId}/holds/{reservationId}`: an admin ends a hold.
async fn release(
    State(service): State<Arc<CarService>>,
    Path((car, request)): Path<(String, String)>,
    caller: Caller,
) -> Result<Response, ApiError> {
    service.context.check()?;
    let unknown = |_| ApiError::NotFound("hold");
    let car: CarId = car.parse().map_err(|_| ApiError::NotFound("car"))?;
    let request: RequestId = request.parse().map_err(unknown)?;
    let command = CarCommand::Release(request, ReleaseReason::Admin);
    service.executor.execute::<Car>(&car, &command, &caller.origin(request, "admin")).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn respond(status: StatusCode, car: &Loaded<Car>, id: &CarId, base: &Base) -> Result<Response, ApiError> {
    let resource = Resource::car(&car.state).ok_or(ApiError::NotFound("car"))?;
    Ok(answer(status, Hal::new(&resource, base, "car", "/cars/", &encoded(id)), car.last))
}

/// A key as it stands in a path.
fn encoded(id: &CarId) -> String {
    form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect::<String>().replace('+', "%20")
}

/// The stable code of a refusal.
pub(super) fn code(refusal: &CarRefusal) -> &'static str {
    match refusal {
        CarRefusal::NotFound => "CAR_NOT_FOUND",
        CarRefusal::AlreadyRegistered => "CAR_ALREADY_REGISTERED",
        CarRefusal::OutOfStock => "OUT_OF_STOCK",
        CarRefusal::HoldEnded => "HOLD_ENDED",
        CarRefusal::StockIsHeld => "STOCK_IS_HELD",
    }
}

impl From<CarRefusal> for ApiError {
    fn from(refusal: CarRefusal) -> Self {
        Self::Refused(code(&refusal), refusal.to_string())
    }
}
