//! What is kept of one reservation, and how it is shown.

use domain::kernel::Aggregate;
use domain::rentcar::{Booking, Rental, RentalEvent, Reservation, ReservationEvent};
use event_store::Position;
use serde::{Deserialize, Serialize};

use crate::query::my_page::{Degraded, Shown};

/// What an event says of its half of the row.
pub(super) trait Part<E>: Sized {
    /// What is reserved and where it stands; `None` when there is nothing to be seen.
    fn after(event: &E) -> Option<(Booking, Self)>;

    /// How that stands in the database.
    fn word(self) -> &'static str;
}

/// Where the reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReservationPart {
    Success,
    Cancelled,
    UseCompleted,
}

/// Where the rental stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RentalPart {
    Allocated,
    Cancelled,
    UseCompleted,
}

impl Part<ReservationEvent> for ReservationPart {
    fn after(event: &ReservationEvent) -> Option<(Booking, Self)> {
        match Reservation::default().evolve(event) {
            Reservation::Nothing | Reservation::Rejected => None,
            Reservation::Reserved(booking) => Some((booking, Self::Success)),
            Reservation::Cancelled(booking, _) => Some((booking, Self::Cancelled)),
            Reservation::Fulfilled(booking) => Some((booking, Self::UseCompleted)),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Success => "Success",
            Self::Cancelled => "Cancelled",
            Self::UseCompleted => "UseCompleted",
        }
    }
}

impl Part<RentalEvent> for RentalPart {
    fn after(event: &RentalEvent) -> Option<(Booking, Self)> {
        match Rental::default().evolve(event) {
            Rental::Nothing => None,
            Rental::Allocated(booking) => Some((booking, Self::Allocated)),
            Rental::Cancelled(booking) => Some((booking, Self::Cancelled)),
            Rental::UseCompleted(booking) => Some((booking, Self::UseCompleted)),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Allocated => "Allocated",
            Self::Cancelled => "Cancelled",
            Self::UseCompleted => "UseCompleted",
        }
    }
}

/// A row as it is shown: the columns of RC 5.5, and what else a customer wants to know.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    reservation_id: String,
    car_id: String,
    car_name: Option<String>,
    user_id: String,
    user_name: Option<String>,
    reserved_date: Option<String>,
    /// Success, then Allocated, then UseCompleted; or Cancelled.
    status: &'static str,
    /// The same as the reservation, once a car was allocated.
    rental_id: Option<String>,
    /// RFC 3339, in UTC; `null` for a time that has no such form.
    updated_at: Option<String>,
    /// The position of the last event that changed the row.
    position: u64,
    /// Present when the row stands still because an event of it could not be applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<Degraded>,
}

/// What is over stays over, whichever half says so.
fn status(reservation: &str, rental: &str) -> &'static str {
    match (reservation, rental) {
        ("Cancelled", _) | (_, "Cancelled") => "Cancelled",
        ("UseCompleted", _) | (_, "UseCompleted") => "UseCompleted",
        (_, "Allocated") => "Allocated",
        _ => "Success",
    }
}

/// The columns that are shown.
pub(super) const SHOWN: &str = "id, car_id, car_name, user_id, user_name, reserved_date, \
    reservation_status, rental_status, updated_at, position";

/// Shows a row of the database.
pub(super) fn show(columns: &str, degraded: Option<Degraded>) -> Result<Shown, serde_json::Error> {
    let row = Row { degraded, ..Row::from(serde_json::from_str::<Columns>(columns)?) };
    let json = serde_json::to_string(&row)?;
    Ok(Shown { id: row.reservation_id, position: Position(row.position), json })
}

/// What is kept of a row, in the order of [`SHOWN`].
#[derive(Deserialize)]
struct Columns(
    String,
    String,
    Option<String>,
    String,
    Option<String>,
    Option<String>,
    String,
    String,
    i64,
    u64,
);

impl From<Columns> for Row {
    fn from(columns: Columns) -> Self {
        let Columns(
            id,
            car_id,
            car_name,
            user_id,
            user_name,
            reserved_date,
            reservation,
            rental,
            updated,
            position,
        ) = columns;
        let time = jiff::Timestamp::from_millisecond(updated).ok();
        Self {
            rental_id: (!rental.is_empty()).then(|| id.clone()),
            reservation_id: id,
            car_id,
            car_name,
            user_id,
            user_name,
            reserved_date,
            status: status(&reservation, &rental),
            updated_at: time.map(|time| time.to_string()),
            position,
            degraded: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::status;

    /// G4, RC-I10: whichever half is ahead.
    #[test]
    fn what_is_over_stays_over() {
        assert_eq!(status("Success", ""), "Success");
        assert_eq!(status("", "Allocated"), "Allocated");
        assert_eq!(status("Success", "Allocated"), "Allocated");
        assert_eq!(status("Cancelled", "Allocated"), "Cancelled");
        assert_eq!(status("Success", "Cancelled"), "Cancelled");
        assert_eq!(status("UseCompleted", "Allocated"), "UseCompleted");
    }
}
