//! Car rental: a customer reserves a car, one is allocated, and it comes back.
//!
//! A [`Car`] is a kind of car of which there are so many; a [`Reservation`] holds one of them, a
//! [`Rental`] is its allocation. [`policies`] ties them: reserved → allocate, cancelled → cancel the
//! allocation, allocation over → the car is free again, held but never reserved → the same.
//! [`Resource`] is how the documents show them.

mod allocation;
mod booking;
mod car;
mod fact;
mod rental;
mod reservation;
mod resource;
pub mod sample;

pub use allocation::{Command, policies};
pub use booking::{Booking, CarId, UserId};
pub use car::{
    Car, CarCommand, CarEvent, CarHeld, CarRefusal, CarRegistered, CarReleased, CarRenamed, HeldFor,
    HoldForestalled, ReleaseReason, Stock, StockChanged,
};
pub use fact::Fact;
pub use rental::{
    AllocationCancelled, CarAllocated, Rental, RentalCommand, RentalEvent, RentalRefusal, UseCompleted,
};
pub use reservation::{
    CancelReason, CarReserved, CustomerChanged, Reservation, ReservationCancelled, ReservationCommand,
    ReservationEvent, ReservationFulfilled, ReservationRefusal, ReservationRejected, ReservedDateChanged,
};
pub use resource::{RentalStatus, ReservationStatus, Resource};

/// The name of this business in streams and on the command line.
pub const SYSTEM: &str = "rentcar";
