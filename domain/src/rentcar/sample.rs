//! Examples that tests and documentation share.

use super::{
    AllocationCancelled, Booking, CancelReason, CarAllocated, CarEvent, CarHeld, CarId, CarRegistered,
    CarReleased, CarRenamed, CarReserved, CustomerChanged, Fact, HeldFor, HoldForestalled, ReleaseReason,
    RentalEvent, ReservationCancelled, ReservationEvent, ReservationFulfilled, ReservationRejected,
    ReservedDateChanged, Stock, StockChanged, UseCompleted, UserId,
};
use crate::kernel::RequestId;
use crate::kernel::hold::Capacity;

/// The request of [`booking`].
pub fn request() -> RequestId {
    RequestId(uuid::uuid!("01900000-0000-7000-8000-000000000001"))
}

/// Another request.
pub fn another_request() -> RequestId {
    RequestId(uuid::uuid!("01900000-0000-7000-8000-000000000002"))
}

/// The reservation of the documents: AAA wants car 1.
pub fn booking() -> Booking {
    Booking {
        reservation_id: request(),
        car_id: CarId::new("1").expect("not blank"),
        car_name: Some("sonata".to_owned()),
        user_id: UserId::new("AAA").expect("not blank"),
        user_name: Some("홍길동".to_owned()),
        reserved_date: Some("2026-07-24".to_owned()),
    }
}

/// A number of cars.
pub fn number(number: u32) -> Capacity {
    Capacity::try_from(number).expect("a small number")
}

/// Of the car of [`booking`], so many of so many are free.
pub fn stock(qty: u32, total: u32) -> Stock {
    let Booking { car_id, car_name, .. } = booking();
    Stock { car_id, car_name, qty: number(qty), total: number(total) }
}

/// The car is registered, so many in all.
pub fn car_registered(total: u32) -> CarEvent {
    CarEvent::CarRegistered(CarRegistered { stock: stock(total, total) })
}

/// A request holds one; so many of so many are left.
pub fn car_held(reservation_id: RequestId, qty: u32, total: u32) -> CarEvent {
    let (stock, held_for) = (stock(qty, total), HeldFor::Reservation);
    CarEvent::CarHeld(CarHeld { stock, reservation_id, held_for })
}

/// A request gave its one back after the allocation was cancelled.
pub fn car_released(reservation_id: RequestId, qty: u32, total: u32) -> CarEvent {
    let (stock, reason) = (stock(qty, total), ReleaseReason::AllocationCancelled);
    CarEvent::CarReleased(CarReleased { stock, reservation_id, reason })
}

/// [`booking`] is reserved.
pub fn car_reserved() -> ReservationEvent {
    ReservationEvent::CarReserved(CarReserved { booking: booking() })
}

/// [`booking`] was given up.
pub fn reservation_rejected() -> ReservationEvent {
    let (reservation_id, car_id) = (request(), booking().car_id);
    ReservationEvent::ReservationRejected(ReservationRejected { reservation_id, car_id })
}

/// The customer cancelled [`booking`].
pub fn reservation_cancelled() -> ReservationEvent {
    let (booking, reason) = (booking(), CancelReason::CustomerCancelled);
    ReservationEvent::ReservationCancelled(ReservationCancelled { booking, reason })
}

/// The customer of [`booking`] had the car.
pub fn reservation_fulfilled() -> ReservationEvent {
    ReservationEvent::ReservationFulfilled(ReservationFulfilled { booking: booking() })
}

/// A car is allocated to [`booking`].
pub fn car_allocated() -> RentalEvent {
    RentalEvent::CarAllocated(CarAllocated { booking: booking() })
}

/// The allocation to [`booking`] is cancelled.
pub fn allocation_cancelled() -> RentalEvent {
    RentalEvent::AllocationCancelled(AllocationCancelled { booking: booking() })
}

/// The car of [`booking`] came back.
pub fn use_completed() -> RentalEvent {
    RentalEvent::UseCompleted(UseCompleted { booking: booking() })
}

/// Every event of this business once; `CarHeld` twice, for a reservation and at the counter.
pub fn every_fact() -> Vec<Fact> {
    let counter =
        CarHeld { stock: stock(8, 10), reservation_id: another_request(), held_for: HeldFor::Counter };
    let reason = ReleaseReason::ReservationRejected;
    let forestalled = HoldForestalled { stock: stock(9, 10), reservation_id: request(), reason };
    let cars = [
        car_registered(10),
        CarEvent::CarRenamed(CarRenamed { stock: stock(10, 10) }),
        CarEvent::StockChanged(StockChanged { stock: stock(10, 10) }),
        car_held(request(), 9, 10),
        CarEvent::CarHeld(counter),
        car_released(request(), 10, 10),
        CarEvent::HoldForestalled(forestalled),
    ];
    let reservations = [
        car_reserved(),
        reservation_rejected(),
        ReservationEvent::CustomerChanged(CustomerChanged { booking: booking() }),
        ReservationEvent::ReservedDateChanged(ReservedDateChanged { booking: booking() }),
        reservation_cancelled(),
        reservation_fulfilled(),
    ];
    let rentals = [car_allocated(), allocation_cancelled(), use_completed()];
    let cars = cars.into_iter().map(Fact::Car);
    cars.chain(reservations.map(Fact::Reservation)).chain(rentals.map(Fact::Rental)).collect()
}
