//! Any events on the log: what can be read is written as the same, every aggregate, policy and
//! projection takes it, in any order, or says why not (G11).
//!
//! An input is a line for each event: stream, name, version and JSON, parted by spaces.

use std::sync::{Arc, LazyLock};

use domain::kernel::Aggregate;
use domain::{elearning, rentcar};
use event_store::{Decoded, Position, RecordedEvent, StreamName};
use uuid::Uuid;

use crate::{Projection, SYSTEMS};

static PROJECTIONS: LazyLock<Vec<Arc<dyn Projection>>> =
    LazyLock::new(|| SYSTEMS.iter().flat_map(|system| system().projections()).collect());

#[derive(Default)]
struct States {
    apply: elearning::Apply,
    payment: elearning::Payment,
    delivery: elearning::Delivery,
    car: rentcar::Car,
    reservation: rentcar::Reservation,
    rental: rentcar::Rental,
}

pub(super) fn happen(input: &[u8]) {
    let mut states = States::default();
    for (revision, line) in (0..).zip(input.split(|byte| *byte == b'\n')) {
        let mut words = line.splitn(4, |byte| *byte == b' ');
        let mut word = || std::str::from_utf8(words.next()?).ok();
        let (Some(stream), Some(name), Some(version)) = (word(), word(), word()) else { continue };
        let (Ok(version), Some(json)) = (version.parse(), words.next()) else { continue };
        if let Ok(stream) = StreamName::new(stream) {
            show(stream, revision, name, json);
        }
        if let Ok(Some(fact)) = elearning::Fact::decode(stream, name, version, json) {
            let again = elearning::Fact::decode(stream, fact.name(), fact.version(), &fact.encode());
            assert_eq!(again, Ok(Some(fact.clone())));
            elearning::policies().iter().for_each(|policy| drop((policy.react)(&fact)));
            states = match &fact {
                elearning::Fact::Apply(event) => States { apply: states.apply.evolve(event), ..states },
                elearning::Fact::Payment(event) => States { payment: states.payment.evolve(event), ..states },
                elearning::Fact::Delivery(event) => {
                    States { delivery: states.delivery.evolve(event), ..states }
                }
            };
        }
        if let Ok(Some(fact)) = rentcar::Fact::decode(stream, name, version, json) {
            let again = rentcar::Fact::decode(stream, fact.name(), fact.version(), &fact.encode());
            assert_eq!(again, Ok(Some(fact.clone())));
            rentcar::policies().iter().for_each(|policy| drop((policy.react)(&fact)));
            states = match &fact {
                rentcar::Fact::Car(event) => States { car: states.car.evolve(event), ..states },
                rentcar::Fact::Reservation(event) => {
                    States { reservation: states.reservation.evolve(event), ..states }
                }
                rentcar::Fact::Rental(event) => States { rental: states.rental.evolve(event), ..states },
            };
        }
    }
    super::records::comes_back(&states.car);
}

fn show(stream: StreamName, revision: u64, name: &str, json: &[u8]) {
    let event = RecordedEvent {
        position: Position(revision),
        stream,
        revision,
        id: Uuid::from_u64_pair(1, revision),
        event_type: name.into(),
        data: json.to_vec().into(),
        metadata: "".into(),
        recorded_at: 0,
        decoded: Decoded::default(),
    };
    for projection in PROJECTIONS.iter() {
        // The error is what is parked, and names the event.
        drop(projection.prepare(std::slice::from_ref(&event)));
    }
}
