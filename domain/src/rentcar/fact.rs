use super::{CarEvent, RentalEvent, ReservationEvent};
use crate::kernel::facts;

facts! {
    /// To a car.
    Car(CarEvent),
    /// To a reservation.
    Reservation(ReservationEvent),
    /// To an allocation.
    Rental(RentalEvent),
}
