//! Any bytes as what is stored beside the events: metadata, and snapshots of what has a long history.

use domain::kernel::{Aggregate, Metadata, RequestId};
use domain::rentcar::{Car, CarCommand, HeldFor, ReleaseReason};
use uuid::Uuid;

pub(super) fn are_read(input: &[u8]) {
    if let Ok(metadata) = Metadata::decode(input) {
        let again = metadata.encode();
        assert_eq!(Metadata::decode(&again).ok(), Some(metadata));
    }
    if let Some(car) = Car::thaw(input) {
        comes_back(&car);
    }
}

/// A car out of its snapshot is the same, and answers.
pub(super) fn comes_back(car: &Car) {
    let snapshot = car.freeze().expect("a car has snapshots");
    if let Some(again) = Car::thaw(&snapshot) {
        assert_eq!(again.freeze(), Some(snapshot));
        assert_eq!(again.stock(), car.stock());
    }
    let request = RequestId(Uuid::from_u128(1));
    drop(car.decide(&CarCommand::Hold(request, HeldFor::Reservation)));
    drop(car.decide(&CarCommand::Release(request, ReleaseReason::Admin)));
}
