//! What is kept of one reservation, and how it is shown.

use domain::kernel::{Aggregate, RequestId};
use domain::rentcar::{Booking, Rental, RentalEvent, Reservation, ReservationEvent};
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AnyPool, AssertSqlSafe, Row as _};

use super::projection::NAME;

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
pub(super) struct Row {
    pub(super) reservation_id: String,
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
    pub(super) position: u64,
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

/// Which rows a query wants, and from where on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'q> {
    /// The row of one reservation.
    Id(RequestId),
    /// In the order of their ids, behind this one.
    Behind(&'q str),
    /// In the order of their last change, behind this position (-1 is the beginning).
    ChangedSince(i64),
}

/// Up to `limit` rows of one customer, or of all.
pub(super) async fn query(
    readers: &AnyPool,
    wanted: Wanted<'_>,
    user: Option<&str>,
    limit: u32,
) -> Result<Vec<Row>, sqlx::Error> {
    let (condition, order) = match wanted {
        Wanted::Id(_) => ("id = $1", "id"),
        Wanted::Behind(_) => ("id > $1", "id"),
        Wanted::ChangedSince(_) => ("position > $1", "position"),
    };
    let of_user = if user.is_some() { "AND user_id = $2" } else { "" };
    // SQLite prepares a statement anew whenever a parameter of its LIMIT is bound: a number is not.
    let statement = format!(
        "SELECT id, car_id, car_name, user_id, user_name, reserved_date, reservation_status, rental_status, \
            updated_at, position
         FROM {NAME} WHERE {condition} {of_user} ORDER BY {order} LIMIT {limit}"
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    query = match wanted {
        Wanted::Id(id) => query.bind(id.to_string()),
        Wanted::Behind(id) => query.bind(id.to_owned()),
        Wanted::ChangedSince(position) => query.bind(position),
    };
    if let Some(user) = user {
        query = query.bind(user);
    }
    query.fetch_all(readers).await?.iter().map(decode).collect()
}

fn decode(row: &AnyRow) -> Result<Row, sqlx::Error> {
    let text = |column: usize| row.try_get::<Option<String>, _>(column);
    let (reservation, rental): (String, String) = (row.try_get(6)?, row.try_get(7)?);
    let (id, updated, position): (String, i64, i64) = (row.try_get(0)?, row.try_get(8)?, row.try_get(9)?);
    let time = jiff::Timestamp::from_millisecond(updated).ok();
    Ok(Row {
        rental_id: (!rental.is_empty()).then(|| id.clone()),
        reservation_id: id,
        car_id: row.try_get(1)?,
        car_name: text(2)?,
        user_id: row.try_get(3)?,
        user_name: text(4)?,
        reserved_date: text(5)?,
        status: status(&reservation, &rental),
        updated_at: time.map(|time| time.to_string()),
        position: position.unsigned_abs(),
    })
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
