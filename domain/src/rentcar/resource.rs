//! How the documents show a car, a reservation and a rental: their field names and their status words
//! (SPEC D5), with the finer state in fields of its own.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::{Booking, CancelReason, Car, CarId, Fact, Rental, Reservation, UserId};
use crate::kernel::hold::Capacity;
use crate::kernel::{Aggregate, RequestId};

/// One of the three resources as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Resource {
    /// Of `/cars`.
    Car {
        /// Its key.
        car_id: CarId,
        /// What it is called.
        car_name: Option<String>,
        /// How many are free.
        qty: Capacity,
        /// How many there are in all.
        total: Capacity,
    },
    /// Of `/reservations`.
    Reservation {
        /// The request.
        reservation_id: RequestId,
        /// Which car.
        car_id: CarId,
        /// What it is called.
        car_name: Option<String>,
        /// Who reserved.
        user_id: UserId,
        /// The customer's name.
        user_name: Option<String>,
        /// For when.
        reserved_date: Option<String>,
        /// The documents' one status word.
        status: ReservationStatus,
        /// Why it was cancelled.
        #[serde(skip_serializing_if = "Option::is_none")]
        cancel_reason: Option<CancelReason>,
        /// Whether the customer had the car.
        use_completed: bool,
    },
    /// Of `/rentals`.
    Rental {
        /// The request.
        rental_id: RequestId,
        /// The same: a rental has no other id (D0).
        reservation_id: RequestId,
        /// Which car.
        car_id: CarId,
        /// To whom.
        user_id: UserId,
        /// Where it stands.
        status: RentalStatus,
    },
}

/// The documents' status word of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReservationStatus {
    /// Reserved, and not cancelled.
    Success,
    /// Cancelled.
    Cancelled,
}

/// Where a rental stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RentalStatus {
    /// A car is allocated.
    Allocated,
    /// It was taken back.
    AllocationCancelled,
    /// It came back.
    UseCompleted,
}

impl Resource {
    /// The resource that an event leaves behind; `None` when there is nothing to be seen. Every event
    /// of this business carries all that is shown of its aggregate (`tests/rentcar.rs` holds them to
    /// it), so no other is needed.
    pub fn after(fact: &Fact) -> Option<Self> {
        match fact {
            Fact::Car(event) => {
                let stock = event.stock().clone();
                Some(Self::of_stock(stock))
            }
            Fact::Reservation(event) => Self::reservation(&Reservation::default().evolve(event)),
            Fact::Rental(event) => Self::rental(&Rental::default().evolve(event)),
        }
    }

    /// A car; `None` while there is none.
    pub fn car(car: &Car) -> Option<Self> {
        car.stock().map(Self::of_stock)
    }

    fn of_stock(super::Stock { car_id, car_name, qty, total }: super::Stock) -> Self {
        Self::Car { car_id, car_name, qty, total }
    }

    /// A reservation; `None` while there is none, and for ever where it was given up.
    pub fn reservation(reservation: &Reservation) -> Option<Self> {
        let (status, cancel_reason, use_completed) = match reservation {
            Reservation::Nothing | Reservation::Rejected => return None,
            Reservation::Reserved(_) => (ReservationStatus::Success, None, false),
            Reservation::Cancelled(_, reason) => (ReservationStatus::Cancelled, Some(*reason), false),
            Reservation::Fulfilled(_) => (ReservationStatus::Success, None, true),
        };
        let Booking { reservation_id, car_id, car_name, user_id, user_name, reserved_date } =
            reservation.booking()?.clone();
        Some(Self::Reservation {
            reservation_id,
            car_id,
            car_name,
            user_id,
            user_name,
            reserved_date,
            status,
            cancel_reason,
            use_completed,
        })
    }

    /// A rental; `None` while there is none.
    pub fn rental(rental: &Rental) -> Option<Self> {
        let status = match rental {
            Rental::Nothing => return None,
            Rental::Allocated(_) => RentalStatus::Allocated,
            Rental::Cancelled(_) => RentalStatus::AllocationCancelled,
            Rental::UseCompleted(_) => RentalStatus::UseCompleted,
        };
        let Booking { reservation_id, car_id, user_id, .. } = rental.booking()?.clone();
        Some(Self::Rental { rental_id: reservation_id, reservation_id, car_id, user_id, status })
    }

    /// The collection that lists it, and what one of the collection is called.
    pub fn collection(&self) -> (&'static str, &'static str) {
        match self {
            Self::Car { .. } => ("cars", "car"),
            Self::Reservation { .. } => ("reservations", "reservation"),
            Self::Rental { .. } => ("rentals", "rental"),
        }
    }

    /// Its id within the collection.
    pub fn id(&self) -> &dyn Display {
        match self {
            Self::Car { car_id, .. } => car_id,
            Self::Reservation { reservation_id: id, .. } | Self::Rental { rental_id: id, .. } => id,
        }
    }

    /// Whose it is; a car is nobody's.
    pub fn user(&self) -> Option<&UserId> {
        match self {
            Self::Car { .. } => None,
            Self::Reservation { user_id, .. } | Self::Rental { user_id, .. } => Some(user_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{car_held, car_registered, car_reserved, request, use_completed};
    use super::*;

    fn json(fact: &Fact) -> serde_json::Value {
        serde_json::to_value(Resource::after(fact).unwrap()).unwrap()
    }

    /// RC 5.3: the fields of the documents, in their spelling.
    #[test]
    fn the_three_resources_have_the_fields_of_the_documents() {
        let held = json(&Fact::Car(car_held(request(), 9, 10)));
        let expected = serde_json::json!({ "carId": "1", "carName": "sonata", "qty": 9, "total": 10 });
        assert_eq!(held, expected);
        let reserved = json(&Fact::Reservation(car_reserved()));
        let expected = serde_json::json!({
            "reservationId": request(), "carId": "1", "carName": "sonata", "userId": "AAA",
            "userName": "홍길동", "reservedDate": "2026-07-24", "status": "Success", "useCompleted": false,
        });
        assert_eq!(reserved, expected);
        let used = json(&Fact::Rental(use_completed()));
        let expected = serde_json::json!({
            "rentalId": request(), "reservationId": request(), "carId": "1", "userId": "AAA",
            "status": "UseCompleted",
        });
        assert_eq!(used, expected);
    }

    /// The events of a car say of it what the car itself says.
    #[test]
    fn an_event_of_a_car_and_the_car_show_the_same() {
        let events = [car_registered(10), car_held(request(), 9, 10)];
        let car: Car = crate::kernel::fold(&events);
        assert_eq!(Resource::car(&car), Resource::after(&Fact::Car(events[1].clone())));
    }
}
