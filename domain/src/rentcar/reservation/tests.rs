use super::super::sample::{booking, car_reserved, request, reservation_cancelled, reservation_fulfilled};
use super::super::{UserId, sample};
use super::*;
use crate::kernel::spec::given;

fn reserve() -> ReservationCommand {
    ReservationCommand::Reserve(booking())
}

fn reject() -> ReservationCommand {
    ReservationCommand::Reject(request(), booking().car_id)
}

fn cancel() -> ReservationCommand {
    ReservationCommand::Cancel(CancelReason::CustomerCancelled)
}

fn for_ccc() -> Booking {
    Booking { user_id: UserId::new("CCC").unwrap(), ..booking() }
}

/// RC-F2
#[test]
fn a_customer_reserves_a_car() {
    given::<Reservation>([]).when(reserve()).then([car_reserved()]);
}

/// G5
#[test]
fn reserving_again_under_the_same_id_changes_nothing() {
    given::<Reservation>([car_reserved()]).when(reserve()).then_nothing();
    given::<Reservation>([car_reserved(), reservation_cancelled()]).when(reserve()).then_nothing();
    given::<Reservation>([car_reserved()])
        .when(ReservationCommand::Reserve(for_ccc()))
        .then_refused(ReservationRefusal::DifferentReservation);
}

/// RC-I2, RC-I3: whoever comes first, the late reservation or the one who gives it up.
#[test]
fn a_reservation_that_was_given_up_is_never_made_and_one_that_was_made_stands() {
    given::<Reservation>([]).when(reject()).then([sample::reservation_rejected()]);
    given::<Reservation>([sample::reservation_rejected()])
        .when(reserve())
        .then_refused(ReservationRefusal::Rejected);
    given::<Reservation>([sample::reservation_rejected()]).when(reject()).then_nothing();
    given::<Reservation>([car_reserved()]).when(reject()).then_nothing();
}

/// RC-F5, RC-I8
#[test]
fn a_customer_cancels_once() {
    given::<Reservation>([car_reserved()]).when(cancel()).then([reservation_cancelled()]);
    given::<Reservation>([car_reserved(), reservation_cancelled()]).when(cancel()).then_nothing();
}

/// RC-I9, R4
#[test]
fn what_is_cancelled_cannot_be_used_and_what_was_used_cannot_be_cancelled() {
    given::<Reservation>([car_reserved()]).when(ReservationCommand::Fulfil).then([reservation_fulfilled()]);
    given::<Reservation>([car_reserved(), reservation_cancelled()])
        .when(ReservationCommand::Fulfil)
        .then_refused(ReservationRefusal::AlreadyCancelled);
    given::<Reservation>([car_reserved(), reservation_fulfilled()])
        .when(cancel())
        .then_refused(ReservationRefusal::AlreadyUsed);
    given::<Reservation>([car_reserved(), reservation_fulfilled()])
        .when(ReservationCommand::Fulfil)
        .then_nothing();
}

/// D4, RC-I11: stating what is true changes nothing; what changes is told by its name (D9).
#[test]
fn an_update_tells_what_changed_and_nothing_when_nothing_did() {
    let reserved = || given::<Reservation>([car_reserved()]);
    reserved().when(ReservationCommand::Amend(booking())).then_nothing();
    reserved()
        .when(ReservationCommand::Amend(for_ccc()))
        .then([ReservationEvent::CustomerChanged(CustomerChanged { booking: for_ccc() })]);
    let both = Booking { reserved_date: Some("2026-08-01".to_owned()), ..for_ccc() };
    reserved().when(ReservationCommand::Amend(both.clone())).then([
        ReservationEvent::CustomerChanged(CustomerChanged { booking: for_ccc() }),
        ReservationEvent::ReservedDateChanged(ReservedDateChanged { booking: both }),
    ]);
}

/// D4, D6
#[test]
fn an_update_can_neither_change_the_car_nor_bring_back_what_is_over() {
    let amend = || ReservationCommand::Amend(for_ccc());
    let other_car = Booking { car_id: CarId::new("2").unwrap(), ..booking() };
    given::<Reservation>([car_reserved()])
        .when(ReservationCommand::Amend(other_car))
        .then_refused(ReservationRefusal::DifferentCar);
    given::<Reservation>([car_reserved(), reservation_cancelled()])
        .when(amend())
        .then_refused(ReservationRefusal::AlreadyCancelled);
    given::<Reservation>([car_reserved(), reservation_fulfilled()])
        .when(amend())
        .then_refused(ReservationRefusal::AlreadyUsed);
    for nothing in [vec![], vec![sample::reservation_rejected()]] {
        given::<Reservation>(nothing.clone()).when(amend()).then_refused(ReservationRefusal::NotFound);
        given::<Reservation>(nothing).when(cancel()).then_refused(ReservationRefusal::NotFound);
    }
}

/// D8: a car that was allocated by hand has no reservation, and its end concerns none.
#[test]
fn an_allocation_without_a_reservation_ends_on_its_own() {
    given::<Reservation>([]).when(ReservationCommand::Fulfil).then_nothing();
    given::<Reservation>([])
        .when(ReservationCommand::Cancel(CancelReason::AllocationCancelled))
        .then_nothing();
}
