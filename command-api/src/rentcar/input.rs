//! The bodies of SPEC 5.2, as the documents send them.

use domain::kernel::hold::Capacity;
use domain::kernel::{InvalidText, RequestId};
use domain::rentcar::{Booking, CarId, RentalStatus, ReservationStatus, UserId};

use crate::http::{ApiError, Fields, required, short};

/// Reads a car: its key, if the body has one, else this one; its name and how many there are.
///
/// # Errors
/// [`ApiError::InvalidInput`] with every field that is missing or makes no sense.
pub(super) fn car(fields: &mut Fields, key: &str) -> Result<(CarId, Option<String>, Capacity), ApiError> {
    let id = fields.optional("carId", str::parse::<CarId>);
    let name = fields.optional("carName", short);
    let total = fields.required("qty", str::parse::<Capacity>);
    fields.check()?;
    Ok((id.map_or_else(|| known(key), Ok)?, name, required(total)?))
}

/// Reads what shall be different about a car.
///
/// # Errors
/// As [`car`].
pub(super) fn stock_change(fields: &mut Fields) -> Result<(Option<String>, Option<Capacity>), ApiError> {
    let name = fields.optional("carName", short);
    let total = fields.optional("qty", str::parse::<Capacity>);
    fields.check()?;
    Ok((name, total))
}

/// Reads which car is to be held, if the body says so, else this one, and for which reservation.
///
/// # Errors
/// As [`car`].
pub(super) fn hold(fields: &mut Fields, key: &str) -> Result<(CarId, RequestId), ApiError> {
    let car = match key {
        "" => fields.required("carId", str::parse::<CarId>),
        key => Some(known(key)?),
    };
    let request = fields.required("reservationId", id);
    fields.check()?;
    Ok((required(car)?, required(request)?))
}

/// Reads a reservation under this id. What the car is called is the car's to say.
///
/// # Errors
/// As [`car`].
pub(super) fn booking(fields: &mut Fields, id: RequestId) -> Result<Booking, ApiError> {
    let car_id = fields.required("carId", str::parse::<CarId>);
    let user_id = fields.required("userId", str::parse::<UserId>);
    let user_name = fields.optional("userName", short);
    let reserved_date = fields.optional("reservedDate", short);
    if fields.optional("status", reservation_status) == Some(ReservationStatus::Cancelled) {
        fields.reject("status", "a reservation begins with Success");
    }
    fields.check()?;
    let (car_id, user_id) = (required(car_id)?, required(user_id)?);
    Ok(Booking { reservation_id: id, car_id, car_name: None, user_id, user_name, reserved_date })
}

/// Reads an allocation by hand: whose it is stands in the body.
///
/// # Errors
/// As [`car`].
pub(super) fn allocation(fields: &mut Fields) -> Result<Booking, ApiError> {
    let request = fields.required("reservationId", id);
    let car_name = fields.optional("carName", short);
    // The body may state what the allocation begins with.
    if fields.optional("status", rental_status).is_some_and(|status| status != RentalStatus::Allocated) {
        fields.reject("status", "an allocation begins with Allocated");
    }
    let car_id = fields.required("carId", str::parse::<CarId>);
    let user_id = fields.required("userId", str::parse::<UserId>);
    fields.check()?;
    let (reservation_id, car_id, user_id) = (required(request)?, required(car_id)?, required(user_id)?);
    Ok(Booking { reservation_id, car_id, car_name, user_id, user_name: None, reserved_date: None })
}

/// What a `PUT` or `PATCH` says about a known reservation: the fields that it sends, over the recorded
/// ones, and the status that it wants.
///
/// # Errors
/// [`ApiError::InvalidInput`] with every field that makes no sense.
pub(super) fn amendment(
    fields: &mut Fields,
    known: Option<&Booking>,
) -> Result<(Option<Booking>, Option<ReservationStatus>), ApiError> {
    let car_id = fields.optional("carId", str::parse::<CarId>);
    let user_id = fields.optional("userId", str::parse::<UserId>);
    let user_name = fields.optional("userName", short);
    let reserved_date = fields.optional("reservedDate", short);
    let status = fields.optional("status", reservation_status);
    fields.check()?;
    let amended = known.cloned().map(|known| Booking {
        reservation_id: known.reservation_id,
        car_id: car_id.unwrap_or(known.car_id),
        car_name: known.car_name,
        user_id: user_id.unwrap_or(known.user_id),
        user_name: user_name.or(known.user_name),
        reserved_date: reserved_date.or(known.reserved_date),
    });
    Ok((amended, status))
}

/// The status that a rental shall have.
///
/// # Errors
/// As [`car`].
pub(super) fn wanted_rental(fields: &mut Fields) -> Result<RentalStatus, ApiError> {
    let status = fields.required("status", rental_status);
    fields.check()?;
    required(status)
}

/// D4: any case, one or two l.
fn reservation_status(text: &str) -> Result<ReservationStatus, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "success" => Ok(ReservationStatus::Success),
        "cancelled" | "canceled" => Ok(ReservationStatus::Cancelled),
        _ => Err("must be Success or Cancelled"),
    }
}

fn rental_status(text: &str) -> Result<RentalStatus, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "allocated" => Ok(RentalStatus::Allocated),
        "allocationcancelled" | "allocationcanceled" | "cancelled" | "canceled" => {
            Ok(RentalStatus::AllocationCancelled)
        }
        "usecompleted" => Ok(RentalStatus::UseCompleted),
        _ => Err("must be Allocated, AllocationCancelled or UseCompleted"),
    }
}

fn id(text: &str) -> Result<RequestId, &'static str> {
    text.parse().map_err(|_| "must be a UUID")
}

/// A key that came with the path.
fn known(key: &str) -> Result<CarId, ApiError> {
    key.parse().map_err(|error: InvalidText| ApiError::Internal(error.to_string()))
}
