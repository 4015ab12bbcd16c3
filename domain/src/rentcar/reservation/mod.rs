//! A customer's reservation of a car (예약).
//!
//! It begins when the car is held for it. From then on everybody who ends it asks here first: it is
//! cancelled, or the car was used, never both.

use serde::{Deserialize, Serialize};

use super::{Booking, CarId, Fact, SYSTEM};
use crate::kernel::{Aggregate, RequestId, wire};

/// Where a reservation stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Reservation {
    /// Nobody reserved under this id.
    #[default]
    Nothing,
    /// The car was not held in time: there will be no reservation under this id. Final.
    Rejected,
    /// The car is held for the customer.
    Reserved(Booking),
    /// It is cancelled, and why. Final: who wants the car again reserves anew.
    Cancelled(Booking, CancelReason),
    /// The customer had the car. Final.
    Fulfilled(Booking),
}

/// What can be asked of a reservation.
#[derive(Debug, Clone, PartialEq)]
pub enum ReservationCommand {
    /// The customer reserves, and the car is held.
    Reserve(Booking),
    /// Whoever reserves did not hear in time that the car is held, or is gone.
    Reject(RequestId, CarId),
    /// It is to be for this customer and this date.
    Amend(Booking),
    /// Cancel it.
    Cancel(CancelReason),
    /// The customer had the car.
    Fulfil,
}

/// What can have happened to a reservation.
#[derive(Debug, Clone, PartialEq)]
pub enum ReservationEvent {
    /// The customer reserved a car (예약됨).
    CarReserved(CarReserved),
    /// There will be no reservation under this id.
    ReservationRejected(ReservationRejected),
    /// It is for another customer.
    CustomerChanged(CustomerChanged),
    /// It is for another date.
    ReservedDateChanged(ReservedDateChanged),
    /// It was cancelled (예약취소됨).
    ReservationCancelled(ReservationCancelled),
    /// The customer had the car.
    ReservationFulfilled(ReservationFulfilled),
}

wire! { ReservationEvent {
    CarReserved = "CarReserved" v 1,
    ReservationRejected = "ReservationRejected" v 1,
    CustomerChanged = "CustomerChanged" v 1,
    ReservedDateChanged = "ReservedDateChanged" v 1,
    ReservationCancelled = "ReservationCancelled" v 1,
    ReservationFulfilled = "ReservationFulfilled" v 1,
} }

/// Payload of [`ReservationEvent::CarReserved`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CarReserved {
    /// What was reserved.
    pub booking: Booking,
}

/// Payload of [`ReservationEvent::ReservationRejected`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReservationRejected {
    /// What was never reserved.
    pub reservation_id: RequestId,
    /// The car that may be held all the same.
    pub car_id: CarId,
}

/// Payload of [`ReservationEvent::CustomerChanged`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CustomerChanged {
    /// What is reserved now.
    pub booking: Booking,
}

/// Payload of [`ReservationEvent::ReservedDateChanged`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservedDateChanged {
    /// What is reserved now.
    pub booking: Booking,
}

/// Payload of [`ReservationEvent::ReservationCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservationCancelled {
    /// What had been reserved.
    pub booking: Booking,
    /// Why.
    pub reason: CancelReason,
}

/// Payload of [`ReservationEvent::ReservationFulfilled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReservationFulfilled {
    /// What had been reserved.
    pub booking: Booking,
}

/// Why a reservation was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CancelReason {
    /// The customer wanted it.
    CustomerCancelled,
    /// The admin took the car back.
    AllocationCancelled,
}

/// Why a reservation can say no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReservationRefusal {
    /// Nobody reserved under this id.
    #[error("there is no such reservation")]
    NotFound,
    /// It was given up before the car was known to be held.
    #[error("the reservation was given up; reserve anew")]
    Rejected,
    /// Another car or customer is reserved under this id.
    #[error("another reservation was made under this id")]
    DifferentReservation,
    /// A reservation keeps its car.
    #[error("a reservation keeps its car; cancel it and reserve the other one")]
    DifferentCar,
    /// Cancelled is final.
    #[error("the reservation is cancelled; reserve anew")]
    AlreadyCancelled,
    /// What was used cannot be cancelled.
    #[error("the use of the car is completed")]
    AlreadyUsed,
}

impl Aggregate for Reservation {
    const SYSTEM: &'static str = SYSTEM;
    const NAME: &'static str = "reservation";
    type Command = ReservationCommand;
    type Event = ReservationEvent;
    type Fact = Fact;
    type Refusal = ReservationRefusal;

    fn decide(&self, command: &ReservationCommand) -> Result<Vec<ReservationEvent>, ReservationRefusal> {
        match command {
            ReservationCommand::Reserve(booking) => self.reserve(booking),
            ReservationCommand::Reject(id, car) => Ok(self.reject(*id, car)),
            ReservationCommand::Amend(booking) => self.amend(booking),
            ReservationCommand::Cancel(reason) => self.cancel(*reason),
            ReservationCommand::Fulfil => self.fulfil(),
        }
    }

    fn evolve(self, event: &ReservationEvent) -> Self {
        match event.clone() {
            ReservationEvent::CarReserved(CarReserved { booking })
            | ReservationEvent::CustomerChanged(CustomerChanged { booking })
            | ReservationEvent::ReservedDateChanged(ReservedDateChanged { booking }) => {
                Self::Reserved(booking)
            }
            ReservationEvent::ReservationRejected(_) => Self::Rejected,
            ReservationEvent::ReservationCancelled(event) => Self::Cancelled(event.booking, event.reason),
            ReservationEvent::ReservationFulfilled(event) => Self::Fulfilled(event.booking),
        }
    }
}

impl Reservation {
    /// What is or was reserved.
    pub fn booking(&self) -> Option<&Booking> {
        match self {
            Self::Nothing | Self::Rejected => None,
            Self::Reserved(booking) | Self::Cancelled(booking, _) | Self::Fulfilled(booking) => Some(booking),
        }
    }

    /// Whether a hold on this car is its own. Who needed the car once gives it back by the rental.
    pub fn needs(&self, car: &CarId) -> bool {
        self.booking().is_some_and(|booking| booking.car_id == *car)
    }

    fn reserve(&self, booking: &Booking) -> Result<Vec<ReservationEvent>, ReservationRefusal> {
        match self {
            Self::Nothing => {
                Ok(vec![ReservationEvent::CarReserved(CarReserved { booking: booking.clone() })])
            }
            Self::Rejected => Err(ReservationRefusal::Rejected),
            Self::Reserved(known) | Self::Cancelled(known, _) | Self::Fulfilled(known) => {
                if known == booking { Ok(vec![]) } else { Err(ReservationRefusal::DifferentReservation) }
            }
        }
    }

    fn reject(&self, reservation_id: RequestId, car_id: &CarId) -> Vec<ReservationEvent> {
        match self {
            Self::Nothing => {
                let rejected = ReservationRejected { reservation_id, car_id: car_id.clone() };
                vec![ReservationEvent::ReservationRejected(rejected)]
            }
            // Somebody heard in time: it stands.
            Self::Rejected | Self::Reserved(_) | Self::Cancelled(..) | Self::Fulfilled(_) => vec![],
        }
    }

    fn amend(&self, wanted: &Booking) -> Result<Vec<ReservationEvent>, ReservationRefusal> {
        let known = match self {
            Self::Nothing | Self::Rejected => return Err(ReservationRefusal::NotFound),
            Self::Cancelled(..) => return Err(ReservationRefusal::AlreadyCancelled),
            Self::Reserved(known) if known.car_id != wanted.car_id => {
                return Err(ReservationRefusal::DifferentCar);
            }
            Self::Fulfilled(known) if known == wanted => return Ok(vec![]),
            Self::Fulfilled(_) => return Err(ReservationRefusal::AlreadyUsed),
            Self::Reserved(known) => known,
        };
        let customer = |booking: &Booking| (booking.user_id.clone(), booking.user_name.clone());
        let with_customer =
            Booking { user_id: wanted.user_id.clone(), user_name: wanted.user_name.clone(), ..known.clone() };
        let mut events = Vec::new();
        if customer(known) != customer(wanted) {
            let booking = with_customer.clone();
            events.push(ReservationEvent::CustomerChanged(CustomerChanged { booking }));
        }
        if known.reserved_date != wanted.reserved_date {
            let booking = Booking { reserved_date: wanted.reserved_date.clone(), ..with_customer };
            events.push(ReservationEvent::ReservedDateChanged(ReservedDateChanged { booking }));
        }
        Ok(events)
    }

    fn cancel(&self, reason: CancelReason) -> Result<Vec<ReservationEvent>, ReservationRefusal> {
        match self {
            // The admin may take back a car that no reservation stands behind.
            Self::Nothing | Self::Rejected if reason == CancelReason::AllocationCancelled => Ok(vec![]),
            Self::Nothing | Self::Rejected => Err(ReservationRefusal::NotFound),
            Self::Reserved(booking) => {
                let cancelled = ReservationCancelled { booking: booking.clone(), reason };
                Ok(vec![ReservationEvent::ReservationCancelled(cancelled)])
            }
            Self::Cancelled(..) => Ok(vec![]),
            Self::Fulfilled(_) => Err(ReservationRefusal::AlreadyUsed),
        }
    }

    fn fulfil(&self) -> Result<Vec<ReservationEvent>, ReservationRefusal> {
        match self {
            // A car that was allocated by hand.
            Self::Nothing | Self::Rejected | Self::Fulfilled(_) => Ok(vec![]),
            Self::Reserved(booking) => {
                let fulfilled = ReservationFulfilled { booking: booking.clone() };
                Ok(vec![ReservationEvent::ReservationFulfilled(fulfilled)])
            }
            Self::Cancelled(..) => Err(ReservationRefusal::AlreadyCancelled),
        }
    }
}

#[cfg(test)]
mod tests;
