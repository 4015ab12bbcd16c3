//! How a reservation is carried through: what follows from what.

use super::{Booking, CarEvent, CarId, Fact, HeldFor, ReleaseReason, RentalEvent, ReservationEvent};
use crate::kernel::{Policy, Reaction, RequestId};

/// What a policy wants done. Doing it again does nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Allocate what was reserved.
    Allocate(Booking),
    /// Take it back.
    CancelAllocation(Booking),
    /// Record that the customer brought the car back.
    CompleteUse(Booking),
    /// The car is free again.
    Release(CarId, RequestId, ReleaseReason),
    /// If nobody reserved the car that is held, nobody will, and it is free again.
    ConfirmHold(CarId, RequestId),
}

/// The policies of this business.
pub fn policies() -> [Policy<Fact, Command>; 5] {
    [
        Policy { name: "allocate", context: "rental", hears: &["CarReserved"], react: allocate },
        Policy {
            name: "cancel-allocation",
            context: "rental",
            hears: &["ReservationCancelled"],
            react: cancel_allocation,
        },
        Policy {
            name: "complete-use",
            context: "rental",
            hears: &["ReservationFulfilled", "UseCompleted"],
            react: complete_use,
        },
        Policy {
            name: "release-car",
            context: "car",
            hears: &["ReservationRejected", "AllocationCancelled", "UseCompleted"],
            react: release_car,
        },
        Policy { name: "confirm-hold", context: "car", hears: &["CarHeld"], react: confirm_hold },
    ]
}

/// Reserved → allocate (RC-F4: the admin's step is automatic, as in the documents).
fn allocate(fact: &Fact) -> Reaction<Command> {
    match fact {
        Fact::Reservation(ReservationEvent::CarReserved(event)) => {
            Reaction::Now(Command::Allocate(event.booking.clone()))
        }
        Fact::Reservation(
            ReservationEvent::ReservationRejected(_)
            | ReservationEvent::CustomerChanged(_)
            | ReservationEvent::ReservedDateChanged(_)
            | ReservationEvent::ReservationCancelled(_)
            | ReservationEvent::ReservationFulfilled(_),
        )
        | Fact::Car(_)
        | Fact::Rental(_) => Reaction::Ignore,
    }
}

/// Cancelled → cancel the allocation, also one that never came to be.
fn cancel_allocation(fact: &Fact) -> Reaction<Command> {
    match fact {
        Fact::Reservation(ReservationEvent::ReservationCancelled(event)) => {
            Reaction::Now(Command::CancelAllocation(event.booking.clone()))
        }
        Fact::Reservation(
            ReservationEvent::CarReserved(_)
            | ReservationEvent::ReservationRejected(_)
            | ReservationEvent::CustomerChanged(_)
            | ReservationEvent::ReservedDateChanged(_)
            | ReservationEvent::ReservationFulfilled(_),
        )
        | Fact::Car(_)
        | Fact::Rental(_) => Reaction::Ignore,
    }
}

/// Fulfilled → the rental says so too. Whoever completes the use does both: this makes sure.
fn complete_use(fact: &Fact) -> Reaction<Command> {
    match fact {
        Fact::Reservation(ReservationEvent::ReservationFulfilled(event)) => {
            Reaction::MakeSure(Command::CompleteUse(event.booking.clone()))
        }
        Fact::Rental(RentalEvent::UseCompleted(_)) => Reaction::Done,
        Fact::Reservation(
            ReservationEvent::CarReserved(_)
            | ReservationEvent::ReservationRejected(_)
            | ReservationEvent::CustomerChanged(_)
            | ReservationEvent::ReservedDateChanged(_)
            | ReservationEvent::ReservationCancelled(_),
        )
        | Fact::Car(_)
        | Fact::Rental(RentalEvent::CarAllocated(_) | RentalEvent::AllocationCancelled(_)) => {
            Reaction::Ignore
        }
    }
}

/// The allocation is over, or there will be none → the car is free again.
fn release_car(fact: &Fact) -> Reaction<Command> {
    let release = |booking: &Booking, reason| {
        Reaction::Now(Command::Release(booking.car_id.clone(), booking.reservation_id, reason))
    };
    match fact {
        Fact::Rental(RentalEvent::AllocationCancelled(event)) => {
            release(&event.booking, ReleaseReason::AllocationCancelled)
        }
        Fact::Rental(RentalEvent::UseCompleted(event)) => {
            release(&event.booking, ReleaseReason::UseCompleted)
        }
        Fact::Reservation(ReservationEvent::ReservationRejected(event)) => {
            let reason = ReleaseReason::ReservationRejected;
            Reaction::Now(Command::Release(event.car_id.clone(), event.reservation_id, reason))
        }
        Fact::Reservation(
            ReservationEvent::CarReserved(_)
            | ReservationEvent::CustomerChanged(_)
            | ReservationEvent::ReservedDateChanged(_)
            | ReservationEvent::ReservationCancelled(_)
            | ReservationEvent::ReservationFulfilled(_),
        )
        | Fact::Rental(RentalEvent::CarAllocated(_))
        | Fact::Car(_) => Reaction::Ignore,
    }
}

/// Held → the request that holds reserves by itself; if it died or gave up, nobody else knows of the
/// hold (RC-I2, RC-I3). That something was reserved is no end of it: a request may hold one car, die, and
/// be repeated with another one.
fn confirm_hold(fact: &Fact) -> Reaction<Command> {
    match fact {
        Fact::Car(CarEvent::CarHeld(event)) if event.held_for == HeldFor::Reservation => {
            Reaction::MakeSure(Command::ConfirmHold(event.stock.car_id.clone(), event.reservation_id))
        }
        Fact::Car(
            CarEvent::CarHeld(_)
            | CarEvent::CarRegistered(_)
            | CarEvent::CarRenamed(_)
            | CarEvent::StockChanged(_)
            | CarEvent::CarReleased(_)
            | CarEvent::HoldForestalled(_),
        )
        | Fact::Reservation(_)
        | Fact::Rental(_) => Reaction::Ignore,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{booking, every_fact, request};
    use super::*;
    use crate::kernel::spec;

    fn reactions(react: fn(&Fact) -> Reaction<Command>) -> Vec<(&'static str, Reaction<Command>)> {
        spec::reactions(react, every_fact(), Fact::name)
    }

    fn release(reason: ReleaseReason) -> Reaction<Command> {
        Reaction::Now(Command::Release(booking().car_id, request(), reason))
    }

    /// RC-F4, RC-N2.1
    #[test]
    fn what_is_reserved_is_allocated() {
        let expected = [("CarReserved", Reaction::Now(Command::Allocate(booking())))];
        assert_eq!(reactions(allocate), expected);
    }

    /// RC-F6
    #[test]
    fn a_cancelled_reservation_cancels_its_allocation() {
        let expected = [("ReservationCancelled", Reaction::Now(Command::CancelAllocation(booking())))];
        assert_eq!(reactions(cancel_allocation), expected);
    }

    /// RC-I9
    #[test]
    fn a_use_that_was_begun_to_be_completed_is_completed() {
        let expected = [
            ("ReservationFulfilled", Reaction::MakeSure(Command::CompleteUse(booking()))),
            ("UseCompleted", Reaction::Done),
        ];
        assert_eq!(reactions(complete_use), expected);
    }

    /// RC R2: in one way or the other, and only when the allocation is over.
    #[test]
    fn a_car_is_free_again_when_its_allocation_is_over_or_will_never_be() {
        let expected = [
            ("ReservationRejected", release(ReleaseReason::ReservationRejected)),
            ("AllocationCancelled", release(ReleaseReason::AllocationCancelled)),
            ("UseCompleted", release(ReleaseReason::UseCompleted)),
        ];
        assert_eq!(reactions(release_car), expected);
    }

    /// RC-I2, RC-I3: the second `CarHeld` of the table is at the counter, where no reservation follows.
    #[test]
    fn a_hold_is_confirmed_by_its_reservation_or_ends() {
        let confirm = Command::ConfirmHold(booking().car_id, request());
        assert_eq!(reactions(confirm_hold), [("CarHeld", Reaction::MakeSure(confirm))]);
    }

    #[test]
    fn a_policy_hears_exactly_the_events_that_it_may_react_to() {
        for policy in policies() {
            let reacts: Vec<_> = reactions(policy.react).into_iter().map(|(name, _)| name).collect();
            assert_eq!(reacts, policy.hears, "{}", policy.name);
        }
    }
}
