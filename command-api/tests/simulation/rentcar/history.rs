//! What happened to cars and requests, told by the log alone: nothing here asks an aggregate.

use std::collections::{BTreeMap, BTreeSet};

use domain::kernel::{Event, Metadata, RequestId};
use domain::rentcar::{CarEvent, Fact, RentalEvent, ReservationEvent};
use event_store::RecordedEvent;

/// A history as far as it was told.
#[derive(Default)]
pub(super) struct History {
    pub(super) cars: BTreeMap<String, Garage>,
    pub(super) requests: BTreeMap<RequestId, Request>,
}

/// A kind of car.
#[derive(Default)]
pub(super) struct Garage {
    /// All numbers that there ever were.
    pub(super) totals: Vec<u64>,
    /// Who holds one.
    pub(super) held: BTreeSet<RequestId>,
    /// Who never will again.
    let_go: BTreeSet<RequestId>,
}

/// A request: which car was reserved, and what happened, in order.
#[derive(Default)]
pub(super) struct Request {
    pub(super) car: Option<String>,
    pub(super) story: Vec<&'static str>,
}

impl Request {
    pub(super) fn has(&self, name: &str) -> bool {
        self.story.contains(&name)
    }

    /// Reserved, and neither cancelled nor used.
    pub(super) fn is_live(&self) -> bool {
        self.has("CarReserved") && !self.has("ReservationCancelled") && !self.has("ReservationFulfilled")
    }
}

/// Reads the log; the first thing that may never happen, whatever follows.
pub(super) fn read(log: &[RecordedEvent]) -> Result<History, String> {
    let mut history = History::default();
    for event in log {
        let stream = event.stream.as_str();
        let metadata = Metadata::decode(&event.metadata).map_err(|error| error.to_string())?;
        let fact = Fact::decode(stream, &event.event_type, metadata.schema_version, &event.data);
        match fact.map_err(|error| error.to_string())? {
            Some(Fact::Car(event)) => history.car(&event)?,
            Some(Fact::Reservation(fact)) => {
                let (id, car) = reserved(&fact);
                history.request(id, fact.name(), car)?;
            }
            Some(Fact::Rental(fact)) => {
                history.request(rented(&fact), fact.name(), None)?;
            }
            None => return Err(format!("{stream} is of nobody")),
        }
    }
    Ok(history)
}

fn reserved(fact: &ReservationEvent) -> (RequestId, Option<String>) {
    match fact {
        ReservationEvent::CarReserved(event) => {
            (event.booking.reservation_id, Some(event.booking.car_id.to_string()))
        }
        ReservationEvent::ReservationRejected(event) => (event.reservation_id, None),
        ReservationEvent::CustomerChanged(event) => (event.booking.reservation_id, None),
        ReservationEvent::ReservedDateChanged(event) => (event.booking.reservation_id, None),
        ReservationEvent::ReservationCancelled(event) => (event.booking.reservation_id, None),
        ReservationEvent::ReservationFulfilled(event) => (event.booking.reservation_id, None),
    }
}

fn rented(fact: &RentalEvent) -> RequestId {
    match fact {
        RentalEvent::CarAllocated(event) => event.booking.reservation_id,
        RentalEvent::AllocationCancelled(event) => event.booking.reservation_id,
        RentalEvent::UseCompleted(event) => event.booking.reservation_id,
    }
}

impl History {
    /// RC-I1, RC-I7, RC-I14, RC-I15: after every event as many are free as nobody holds, and whoever let
    /// go never holds again.
    fn car(&mut self, event: &CarEvent) -> Result<(), String> {
        let stock = event.stock();
        let garage = self.cars.entry(stock.car_id.to_string()).or_default();
        let right = match event {
            CarEvent::CarRegistered(_) | CarEvent::CarRenamed(_) | CarEvent::StockChanged(_) => true,
            CarEvent::CarHeld(event) => {
                let id = event.reservation_id;
                !garage.let_go.contains(&id) && garage.held.insert(id)
            }
            CarEvent::CarReleased(event) => {
                let id = event.reservation_id;
                if self.requests.get(&id).is_some_and(Request::is_live) {
                    return Err(format!("the car of {id} was given away while it is reserved"));
                }
                garage.let_go.insert(id) && garage.held.remove(&id)
            }
            CarEvent::HoldForestalled(event) => {
                let id = event.reservation_id;
                garage.let_go.insert(id) && !garage.held.contains(&id)
            }
        };
        let (free, total) = (u64::from(u32::from(stock.qty)), u64::from(u32::from(stock.total)));
        garage.totals.push(total);
        let held = garage.held.len() as u64;
        if right && total.checked_sub(held) == Some(free) {
            return Ok(());
        }
        Err(format!("{held} hold one of {total}, {free} are free after {event:?}"))
    }

    /// RC R3, RC-I8, RC-I9: nothing happens twice, and there is one end.
    fn request(&mut self, id: RequestId, name: &'static str, car: Option<String>) -> Result<(), String> {
        let request = self.requests.entry(id).or_default();
        request.car = request.car.take().or(car);
        request.story.push(name);
        if name == "CarReserved" && !self.cars.values().any(|garage| garage.held.contains(&id)) {
            return Err(format!("{id} is reserved, and no car is held for it"));
        }
        let count = |names: &[&str]| request.story.iter().filter(|name| names.contains(name)).count();
        let ends = [
            &["CarReserved", "ReservationRejected"][..],
            &["ReservationCancelled", "ReservationFulfilled", "ReservationRejected"],
            &["CarAllocated"],
            &["AllocationCancelled", "UseCompleted"],
        ];
        let twice = ends.into_iter().find(|names| count(names) > 1);
        twice.map_or(Ok(()), |names| Err(format!("{id} has more than one of {names:?}: {:?}", request.story)))
    }
}
