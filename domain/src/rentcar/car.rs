//! A kind of car of which there are so many (렌트카), and who holds one.

use serde::{Deserialize, Serialize};

use super::{CarId, Fact, SYSTEM};
use crate::kernel::hold::{Capacity, Change, Holds, Unholdable};
use crate::kernel::{Aggregate, RequestId, wire};

/// Where a car stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub enum Car {
    /// Nobody registered it.
    #[default]
    Nothing,
    /// It can be held.
    Registered(CarId, Option<String>, Holds),
}

/// What can be asked of a car.
#[derive(Debug, Clone, PartialEq)]
pub enum CarCommand {
    /// There is such a car, so many in all.
    Register(CarId, Option<String>, Capacity),
    /// It has another name or there are so many of it; what is left out stays as it is.
    Change(Option<String>, Option<Capacity>),
    /// A request wants one.
    Hold(RequestId, HeldFor),
    /// A request needs none any more.
    Release(RequestId, ReleaseReason),
}

/// What can have happened to a car.
#[derive(Debug, Clone, PartialEq)]
pub enum CarEvent {
    /// There is such a car (렌트카 등록됨).
    CarRegistered(CarRegistered),
    /// It has another name.
    CarRenamed(CarRenamed),
    /// There are more or fewer of it in all.
    StockChanged(StockChanged),
    /// A request holds one (재고 차감됨).
    CarHeld(CarHeld),
    /// A request gave its one back (재고 복원됨).
    CarReleased(CarReleased),
    /// A request that held none will never hold one.
    HoldForestalled(HoldForestalled),
}

wire! { CarEvent {
    CarRegistered = "CarRegistered" v 1,
    CarRenamed = "CarRenamed" v 1,
    StockChanged = "StockChanged" v 1,
    CarHeld = "CarHeld" v 1,
    CarReleased = "CarReleased" v 1,
    HoldForestalled = "HoldForestalled" v 1,
} }

/// What is left of a car after an event: every event says it, so that a reader need not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Stock {
    /// Which car.
    pub car_id: CarId,
    /// What it is called.
    pub car_name: Option<String>,
    /// How many are free.
    pub qty: Capacity,
    /// How many there are in all.
    pub total: Capacity,
}

/// Payload of [`CarEvent::CarRegistered`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CarRegistered {
    /// What there is.
    #[serde(flatten)]
    pub stock: Stock,
}

/// Payload of [`CarEvent::CarRenamed`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CarRenamed {
    /// What there is, under the new name.
    #[serde(flatten)]
    pub stock: Stock,
}

/// Payload of [`CarEvent::StockChanged`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StockChanged {
    /// What there is now.
    #[serde(flatten)]
    pub stock: Stock,
}

/// Payload of [`CarEvent::CarHeld`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CarHeld {
    /// What is left.
    #[serde(flatten)]
    pub stock: Stock,
    /// Who holds one.
    pub reservation_id: RequestId,
    /// What for.
    pub held_for: HeldFor,
}

/// Payload of [`CarEvent::CarReleased`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CarReleased {
    /// What is there again.
    #[serde(flatten)]
    pub stock: Stock,
    /// Who gave it back.
    pub reservation_id: RequestId,
    /// Why.
    pub reason: ReleaseReason,
}

/// Payload of [`CarEvent::HoldForestalled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldForestalled {
    /// What is there, as before.
    #[serde(flatten)]
    pub stock: Stock,
    /// Who will never hold one.
    pub reservation_id: RequestId,
    /// Why.
    pub reason: ReleaseReason,
}

/// What a car is held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum HeldFor {
    /// A reservation, which is to follow: without one the hold ends by itself.
    Reservation,
    /// Somebody at the counter, of whom nothing else is known.
    Counter,
}

/// Why a hold ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReleaseReason {
    /// There will be no reservation.
    ReservationRejected,
    /// The allocation was cancelled.
    AllocationCancelled,
    /// The car came back.
    UseCompleted,
    /// The admin said so.
    Admin,
}

/// Why a car can say no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CarRefusal {
    /// Nobody registered it.
    #[error("there is no such car")]
    NotFound,
    /// It is registered with other data.
    #[error("the car is registered with another name or another number")]
    AlreadyRegistered,
    /// None is free.
    #[error("all cars of this kind are taken")]
    OutOfStock,
    /// This request gave its car back, or was told that it gets none.
    #[error("this request has let go of the car")]
    HoldEnded,
    /// More are held than there shall be.
    #[error("more cars of this kind are taken than there shall be")]
    StockIsHeld,
}

impl Aggregate for Car {
    const SYSTEM: &'static str = SYSTEM;
    const NAME: &'static str = "car";
    type Command = CarCommand;
    type Event = CarEvent;
    type Fact = Fact;
    type Refusal = CarRefusal;

    fn decide(&self, command: &CarCommand) -> Result<Vec<CarEvent>, CarRefusal> {
        let Self::Registered(id, name, holds) = self else { return unregistered(command) };
        // What the event says is what the state will be.
        let after = |change| Stock::of(id, name.as_deref(), &holds.clone().after(change));
        match command {
            CarCommand::Register(_, other, total) if other == name && *total == holds.capacity() => {
                Ok(vec![])
            }
            CarCommand::Register(..) => Err(CarRefusal::AlreadyRegistered),
            CarCommand::Change(other, total) => change(id, name.as_deref(), holds, other.as_deref(), *total),
            CarCommand::Hold(request, held_for) => {
                let change = holds.place(*request).map_err(CarRefusal::from)?;
                let held = |change| {
                    let (stock, reservation_id, held_for) = (after(change), *request, *held_for);
                    CarEvent::CarHeld(CarHeld { stock, reservation_id, held_for })
                };
                Ok(change.map(held).into_iter().collect())
            }
            CarCommand::Release(request, reason) => {
                let Some(change) = holds.release(*request) else { return Ok(vec![]) };
                let (stock, reservation_id, reason) = (after(change), *request, *reason);
                Ok(vec![match change {
                    Change::Released(_) => {
                        CarEvent::CarReleased(CarReleased { stock, reservation_id, reason })
                    }
                    Change::Forestalled(_) | Change::Placed(_) | Change::Resized(_) => {
                        CarEvent::HoldForestalled(HoldForestalled { stock, reservation_id, reason })
                    }
                }])
            }
        }
    }

    fn evolve(self, event: &CarEvent) -> Self {
        let holds = match self {
            Self::Nothing => Holds::default(),
            Self::Registered(_, _, holds) => holds,
        };
        let (stock, change) = match event {
            CarEvent::CarRegistered(CarRegistered { stock })
            | CarEvent::StockChanged(StockChanged { stock }) => (stock, Some(Change::Resized(stock.total))),
            CarEvent::CarRenamed(event) => (&event.stock, None),
            CarEvent::CarHeld(event) => (&event.stock, Some(Change::Placed(event.reservation_id))),
            CarEvent::CarReleased(event) => (&event.stock, Some(Change::Released(event.reservation_id))),
            CarEvent::HoldForestalled(event) => {
                (&event.stock, Some(Change::Forestalled(event.reservation_id)))
            }
        };
        let holds = change.into_iter().fold(holds, Holds::after);
        Self::Registered(stock.car_id.clone(), stock.car_name.clone(), holds)
    }

    /// The stream of a car grows with every reservation of it.
    const SNAPSHOT: Option<u16> = Some(1);

    fn freeze(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }

    fn thaw(snapshot: &[u8]) -> Option<Self> {
        serde_json::from_slice(snapshot).ok()
    }
}

impl Car {
    /// What is left of it; `None` while nobody registered it.
    pub fn stock(&self) -> Option<Stock> {
        match self {
            Self::Nothing => None,
            Self::Registered(id, name, holds) => Some(Stock::of(id, name.as_deref(), holds)),
        }
    }
}

impl Stock {
    fn of(id: &CarId, name: Option<&str>, holds: &Holds) -> Self {
        let (qty, total) = (holds.free(), holds.capacity());
        Self { car_id: id.clone(), car_name: name.map(str::to_owned), qty, total }
    }
}

impl CarEvent {
    /// What is left of the car.
    pub fn stock(&self) -> &Stock {
        match self {
            Self::CarRegistered(event) => &event.stock,
            Self::CarRenamed(event) => &event.stock,
            Self::StockChanged(event) => &event.stock,
            Self::CarHeld(event) => &event.stock,
            Self::CarReleased(event) => &event.stock,
            Self::HoldForestalled(event) => &event.stock,
        }
    }
}

fn unregistered(command: &CarCommand) -> Result<Vec<CarEvent>, CarRefusal> {
    match command {
        CarCommand::Register(id, name, total) => {
            let stock = Stock::of(id, name.as_deref(), &Holds::new(*total));
            Ok(vec![CarEvent::CarRegistered(CarRegistered { stock })])
        }
        CarCommand::Change(..) | CarCommand::Hold(..) => Err(CarRefusal::NotFound),
        // Nobody can hold what is not there.
        CarCommand::Release(..) => Ok(vec![]),
    }
}

fn change(
    id: &CarId,
    name: Option<&str>,
    holds: &Holds,
    new_name: Option<&str>,
    total: Option<Capacity>,
) -> Result<Vec<CarEvent>, CarRefusal> {
    let resized = total.map(|total| holds.resize(total)).transpose().map_err(CarRefusal::from)?.flatten();
    let renamed = new_name.filter(|new_name| Some(*new_name) != name);
    let renamed_to =
        renamed.map(|name| CarEvent::CarRenamed(CarRenamed { stock: Stock::of(id, Some(name), holds) }));
    let resized_to = resized.map(|change| {
        let stock = Stock::of(id, renamed.or(name), &holds.clone().after(change));
        CarEvent::StockChanged(StockChanged { stock })
    });
    Ok(renamed_to.into_iter().chain(resized_to).collect())
}

impl From<Unholdable> for CarRefusal {
    fn from(reason: Unholdable) -> Self {
        match reason {
            Unholdable::Exhausted => Self::OutOfStock,
            Unholdable::LetGo => Self::HoldEnded,
            Unholdable::Held => Self::StockIsHeld,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{
        another_request, car_held, car_registered, car_released, number, request, stock,
    };
    use super::*;
    use crate::kernel::spec::given;

    fn register(total: u32) -> CarCommand {
        CarCommand::Register(stock(0, 0).car_id, stock(0, 0).car_name, number(total))
    }

    fn hold(request: RequestId) -> CarCommand {
        CarCommand::Hold(request, HeldFor::Reservation)
    }

    fn release(request: RequestId) -> CarCommand {
        CarCommand::Release(request, ReleaseReason::AllocationCancelled)
    }

    /// RC-F1, R5
    #[test]
    fn an_admin_registers_a_car_once() {
        given::<Car>([]).when(register(2)).then([car_registered(2)]);
        given::<Car>([]).when(register(0)).then([car_registered(0)]);
        given::<Car>([car_registered(2)]).when(register(2)).then_nothing();
        given::<Car>([car_registered(2)]).when(register(3)).then_refused(CarRefusal::AlreadyRegistered);
    }

    /// RC-N1.1, RC-I1
    #[test]
    fn the_last_car_is_held_and_then_there_is_none() {
        given::<Car>([car_registered(1)]).when(hold(request())).then([car_held(request(), 0, 1)]);
        given::<Car>([car_registered(1), car_held(request(), 0, 1)])
            .when(hold(another_request()))
            .then_refused(CarRefusal::OutOfStock);
    }

    /// RC R2, G5: the retry of a hold that timed out.
    #[test]
    fn a_request_holds_one_car_however_often_it_asks() {
        given::<Car>([car_registered(1), car_held(request(), 0, 1)]).when(hold(request())).then_nothing();
    }

    /// RC-I7, RC-I14
    #[test]
    fn a_car_comes_back_once() {
        let held = || vec![car_registered(1), car_held(request(), 0, 1)];
        given::<Car>(held()).when(release(request())).then([car_released(request(), 1, 1)]);
        given::<Car>([held(), vec![car_released(request(), 1, 1)]].concat())
            .when(CarCommand::Release(request(), ReleaseReason::UseCompleted))
            .then_nothing();
    }

    /// RC-I15
    #[test]
    fn a_hold_that_comes_after_its_release_is_refused() {
        let forestalled = CarEvent::HoldForestalled(HoldForestalled {
            stock: stock(1, 1),
            reservation_id: request(),
            reason: ReleaseReason::AllocationCancelled,
        });
        given::<Car>([car_registered(1)]).when(release(request())).then([forestalled.clone()]);
        given::<Car>([car_registered(1), forestalled])
            .when(hold(request()))
            .then_refused(CarRefusal::HoldEnded);
    }

    /// RC-I13
    #[test]
    fn an_unknown_car_can_neither_be_held_nor_changed() {
        given::<Car>([]).when(hold(request())).then_refused(CarRefusal::NotFound);
        given::<Car>([]).when(CarCommand::Change(None, Some(number(1)))).then_refused(CarRefusal::NotFound);
        given::<Car>([]).when(release(request())).then_nothing();
    }

    /// RC-I12
    #[test]
    fn the_stock_changes_around_what_is_held() {
        let held = || given::<Car>([car_registered(2), car_held(request(), 1, 2)]);
        let total = |total| CarCommand::Change(None, Some(number(total)));
        let changed = |qty, total| CarEvent::StockChanged(StockChanged { stock: stock(qty, total) });
        held().when(total(5)).then([changed(4, 5)]);
        held().when(total(1)).then([changed(0, 1)]);
        held().when(total(2)).then_nothing();
        held().when(total(0)).then_refused(CarRefusal::StockIsHeld);
    }

    /// D9: what changes is told by its name.
    #[test]
    fn a_new_name_and_a_new_stock_are_two_events() {
        let named = |qty, total| Stock { car_name: Some("ioniq".to_owned()), ..stock(qty, total) };
        given::<Car>([car_registered(2)])
            .when(CarCommand::Change(Some("ioniq".to_owned()), Some(number(3))))
            .then([
                CarEvent::CarRenamed(CarRenamed { stock: named(2, 2) }),
                CarEvent::StockChanged(StockChanged { stock: named(3, 3) }),
            ]);
    }

    /// DESIGN 4: a snapshot stands for the events before it.
    #[test]
    fn a_car_comes_out_of_its_snapshot_as_it_went_in() {
        let car = given::<Car>([car_registered(2)]).when(hold(request())).then([car_held(request(), 1, 2)]);
        assert_eq!(car.freeze().and_then(|snapshot| Car::thaw(&snapshot)), Some(car));
        assert_eq!(Car::thaw(b"{}"), None);
    }
}
