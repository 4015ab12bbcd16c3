//! The allocation of a car to a reservation (배차).

use serde::{Deserialize, Serialize};

use super::{Booking, Fact, SYSTEM};
use crate::kernel::{Aggregate, wire};

/// Where an allocation stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Rental {
    /// Nothing is allocated.
    #[default]
    Nothing,
    /// The customer has a car, or will.
    Allocated(Booking),
    /// Taken back, or forestalled before it was allocated. Final.
    Cancelled(Booking),
    /// The customer had the car. Final.
    UseCompleted(Booking),
}

/// What can be asked of an allocation.
#[derive(Debug, Clone, PartialEq)]
pub enum RentalCommand {
    /// Allocate what was reserved.
    Allocate(Booking),
    /// Take it back, or make sure that it is never allocated.
    CancelAllocation(Booking),
    /// The customer brought the car back.
    CompleteUse,
}

/// What can have happened to an allocation.
#[derive(Debug, Clone, PartialEq)]
pub enum RentalEvent {
    /// A car was allocated (배차됨).
    CarAllocated(CarAllocated),
    /// The allocation was cancelled (배차취소됨).
    AllocationCancelled(AllocationCancelled),
    /// The customer brought the car back (사용완료됨).
    UseCompleted(UseCompleted),
}

wire! { RentalEvent {
    CarAllocated = "CarAllocated" v 1,
    AllocationCancelled = "AllocationCancelled" v 1,
    UseCompleted = "UseCompleted" v 1,
} }

/// Payload of [`RentalEvent::CarAllocated`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CarAllocated {
    /// For what.
    pub booking: Booking,
}

/// Payload of [`RentalEvent::AllocationCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AllocationCancelled {
    /// For what.
    pub booking: Booking,
}

/// Payload of [`RentalEvent::UseCompleted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UseCompleted {
    /// For what.
    pub booking: Booking,
}

/// Why an allocation can say no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RentalRefusal {
    /// Nothing is allocated.
    #[error("there is no such rental")]
    NotFound,
    /// Cancelled is final.
    #[error("the allocation is cancelled")]
    AlreadyCancelled,
    /// What was used cannot be cancelled.
    #[error("the use of the car is completed")]
    AlreadyUsed,
}

impl Aggregate for Rental {
    const SYSTEM: &'static str = SYSTEM;
    const NAME: &'static str = "rental";
    type Command = RentalCommand;
    type Event = RentalEvent;
    type Fact = Fact;
    type Refusal = RentalRefusal;

    fn decide(&self, command: &RentalCommand) -> Result<Vec<RentalEvent>, RentalRefusal> {
        match (self, command) {
            (Self::Nothing, RentalCommand::Allocate(booking)) => {
                Ok(vec![RentalEvent::CarAllocated(CarAllocated { booking: booking.clone() })])
            }
            // Once for every reservation (R3); what is over stays over (RC-I6).
            (_, RentalCommand::Allocate(_)) => Ok(vec![]),

            // A tombstone: the allocation that comes late finds it.
            (Self::Nothing, RentalCommand::CancelAllocation(booking))
            | (Self::Allocated(booking), RentalCommand::CancelAllocation(_)) => {
                Ok(vec![RentalEvent::AllocationCancelled(AllocationCancelled { booking: booking.clone() })])
            }
            (Self::Cancelled(_), RentalCommand::CancelAllocation(_)) => Ok(vec![]),
            (Self::UseCompleted(_), RentalCommand::CancelAllocation(_)) => Err(RentalRefusal::AlreadyUsed),

            (Self::Nothing, RentalCommand::CompleteUse) => Err(RentalRefusal::NotFound),
            (Self::Allocated(booking), RentalCommand::CompleteUse) => {
                Ok(vec![RentalEvent::UseCompleted(UseCompleted { booking: booking.clone() })])
            }
            (Self::Cancelled(_), RentalCommand::CompleteUse) => Err(RentalRefusal::AlreadyCancelled),
            (Self::UseCompleted(_), RentalCommand::CompleteUse) => Ok(vec![]),
        }
    }

    fn evolve(self, event: &RentalEvent) -> Self {
        match event.clone() {
            RentalEvent::CarAllocated(event) => Self::Allocated(event.booking),
            RentalEvent::AllocationCancelled(event) => Self::Cancelled(event.booking),
            RentalEvent::UseCompleted(event) => Self::UseCompleted(event.booking),
        }
    }
}

impl Rental {
    /// What is or was allocated.
    pub fn booking(&self) -> Option<&Booking> {
        match self {
            Self::Nothing => None,
            Self::Allocated(booking) | Self::Cancelled(booking) | Self::UseCompleted(booking) => {
                Some(booking)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{allocation_cancelled, booking, car_allocated, use_completed};
    use super::*;
    use crate::kernel::spec::given;

    fn allocate() -> RentalCommand {
        RentalCommand::Allocate(booking())
    }

    fn cancel() -> RentalCommand {
        RentalCommand::CancelAllocation(booking())
    }

    /// RC-F4, RC-I5, R3
    #[test]
    fn a_car_is_allocated_once() {
        given::<Rental>([]).when(allocate()).then([car_allocated()]);
        given::<Rental>([car_allocated()]).when(allocate()).then_nothing();
    }

    /// RC-F6, RC-I7, RC-I8
    #[test]
    fn an_allocation_is_cancelled_once() {
        given::<Rental>([car_allocated()]).when(cancel()).then([allocation_cancelled()]);
        given::<Rental>([car_allocated(), allocation_cancelled()]).when(cancel()).then_nothing();
    }

    /// RC-I6: the cancel that came first wins.
    #[test]
    fn an_allocation_that_was_cancelled_first_never_happens() {
        given::<Rental>([]).when(cancel()).then([allocation_cancelled()]);
        given::<Rental>([allocation_cancelled()]).when(allocate()).then_nothing();
    }

    /// RC-I9, R4
    #[test]
    fn a_car_that_came_back_cannot_be_taken_back_and_one_taken_back_does_not_come_back() {
        given::<Rental>([car_allocated()]).when(RentalCommand::CompleteUse).then([use_completed()]);
        given::<Rental>([car_allocated(), use_completed()]).when(RentalCommand::CompleteUse).then_nothing();
        given::<Rental>([car_allocated(), use_completed()])
            .when(cancel())
            .then_refused(RentalRefusal::AlreadyUsed);
        given::<Rental>([car_allocated(), allocation_cancelled()])
            .when(RentalCommand::CompleteUse)
            .then_refused(RentalRefusal::AlreadyCancelled);
        given::<Rental>([]).when(RentalCommand::CompleteUse).then_refused(RentalRefusal::NotFound);
    }
}
