//! The whole of car rental wired in memory: aggregates and policies, no runner, any order.
//!
//! A history is a random interleaving of what customers, admins and contexts do with a few cars, with
//! repeats, outages and requests that die between two steps. Whatever the order, stock neither leaks
//! nor goes below zero, and at rest every car that is held belongs to a reservation that stands.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use domain::kernel::hold::Capacity;
use domain::kernel::{Aggregate, Policy, Reaction, RequestId, fold};
use domain::rentcar::sample::{booking, number};
use domain::rentcar::{
    Booking, CancelReason, Car, CarCommand, CarEvent, CarRefusal, Command, Fact, HeldFor, ReleaseReason,
    Rental, RentalCommand, RentalEvent, Reservation, ReservationCommand, ReservationEvent, Resource, UserId,
    policies,
};
use proptest::prelude::*;
use uuid::Uuid;

const REQUESTS: usize = 6;

/// One car, and everybody who wants it.
struct World {
    log: Vec<Fact>,
    /// Whose each of them is.
    requests: Vec<Option<RequestId>>,
    car: Car,
    reservations: [Reservation; REQUESTS],
    rentals: [Rental; REQUESTS],
    /// What each request has heard of its hold: a request that heard nothing waits or has died.
    heard: [Option<Result<(), CarRefusal>>; REQUESTS],
    policies: [Policy<Fact, Command>; 5],
    /// For every policy, how much of the log it has handled.
    handled: [usize; 5],
    down: [bool; 3],
}

const CONTEXTS: [&str; 3] = ["car", "reservation", "rental"];

/// What can happen next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Register(u32),
    SetStock(u32),
    /// A request asks for its hold; whether it hears the answer is another step.
    Hold(usize),
    /// A request that heard reserves, or tells its customer that there is none.
    Reserve(usize),
    /// A request has waited long enough and gives up, whatever became of its hold.
    GiveUp(usize),
    Amend(usize),
    CancelReservation(usize),
    CancelAllocation(usize),
    CompleteUse(usize),
    /// The second half of completing the use never comes: the process died.
    CompleteUseAndDie(usize),
    /// A policy handles its next event.
    React(usize),
    /// A policy handles an event that it has handled before.
    ReactAgain(usize, usize),
    GoesDown(usize),
    ComesBack(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let request = || 0..REQUESTS;
    let step = prop_oneof![
        1 => (0..4_u32).prop_map(Step::Register),
        1 => (0..4_u32).prop_map(Step::SetStock),
        8 => request().prop_map(Step::Hold),
        8 => request().prop_map(Step::Reserve),
        3 => request().prop_map(Step::GiveUp),
        1 => request().prop_map(Step::Amend),
        4 => request().prop_map(Step::CancelReservation),
        2 => request().prop_map(Step::CancelAllocation),
        3 => request().prop_map(Step::CompleteUse),
        1 => request().prop_map(Step::CompleteUseAndDie),
        20 => (0..5_usize).prop_map(Step::React),
        5 => (0..5_usize, 0..60_usize).prop_map(|(policy, event)| Step::ReactAgain(policy, event)),
        1 => (0..3_usize).prop_map(Step::GoesDown),
        2 => (0..3_usize).prop_map(Step::ComesBack),
    ];
    prop::collection::vec(step, 0..120)
}

/// Something is down: try again later.
struct Later;

/// The booking of the `n`th request.
fn booking_of(n: usize) -> Booking {
    Booking { reservation_id: RequestId(Uuid::from_u64_pair(0x0190_0000_0000_7000, n as u64)), ..booking() }
}

fn number_of(request: RequestId) -> usize {
    request.0.as_u64_pair().1 as usize
}

impl Default for World {
    fn default() -> Self {
        Self {
            log: Vec::new(),
            requests: Vec::new(),
            car: Car::default(),
            reservations: Default::default(),
            rentals: Default::default(),
            heard: Default::default(),
            policies: policies(),
            handled: [0; 5],
            down: [false; 3],
        }
    }
}

impl World {
    fn check_up(&self, context: &str) -> Result<(), Later> {
        let down = CONTEXTS.iter().zip(self.down).any(|(name, down)| *name == context && down);
        if down { Err(Later) } else { Ok(()) }
    }

    fn car(&mut self, command: &CarCommand) -> Result<(), CarRefusal> {
        for event in self.car.decide(command)? {
            self.car = std::mem::take(&mut self.car).evolve(&event);
            self.happened(Fact::Car(event));
        }
        Ok(())
    }

    /// Answers whether the business said yes.
    fn reservation(&mut self, n: usize, command: &ReservationCommand) -> bool {
        let Ok(events) = self.reservations[n].decide(command) else { return false };
        for event in events {
            self.reservations[n] = std::mem::take(&mut self.reservations[n]).evolve(&event);
            self.happened(Fact::Reservation(event));
        }
        true
    }

    fn rental(&mut self, n: usize, command: &RentalCommand) -> bool {
        let Ok(events) = self.rentals[n].decide(command) else { return false };
        for event in events {
            self.rentals[n] = std::mem::take(&mut self.rentals[n]).evolve(&event);
            self.happened(Fact::Rental(event));
        }
        true
    }

    fn happened(&mut self, fact: Fact) {
        self.requests.push(request_of(&fact));
        self.log.push(fact);
        self.check();
    }

    fn handle(&mut self, command: Command) -> Result<(), Later> {
        match command {
            Command::Allocate(booking) => {
                assert!(self.rental(number_of(booking.reservation_id), &RentalCommand::Allocate(booking)));
            }
            Command::CancelAllocation(booking) => {
                let n = number_of(booking.reservation_id);
                assert!(self.rental(n, &RentalCommand::CancelAllocation(booking)), "{:?}", self.log);
            }
            Command::CompleteUse(booking) => {
                let n = number_of(booking.reservation_id);
                assert!(self.rental(n, &RentalCommand::CompleteUse), "{:?}", self.log);
            }
            Command::Release(_, request, reason) => {
                self.car(&CarCommand::Release(request, reason)).expect("a release is never refused");
            }
            Command::ConfirmHold(car, request) => {
                let n = number_of(request);
                self.reservation(n, &ReservationCommand::Reject(request, car.clone()));
                if !self.reservations[n].needs(&car) {
                    let release = CarCommand::Release(request, ReleaseReason::ReservationRejected);
                    self.car(&release).expect("a release is never refused");
                }
            }
        }
        Ok(())
    }

    /// A policy handles an event; answers whether it is done with it.
    fn react(&mut self, policy: usize, event: usize) -> bool {
        let Some(fact) = self.log.get(event).cloned() else { return false };
        let policy = &self.policies[policy];
        if self.check_up(policy.context).is_err() {
            return false;
        }
        match (policy.react)(&fact) {
            Reaction::Ignore | Reaction::Done => true,
            Reaction::Now(command) | Reaction::MakeSure(command) | Reaction::MakeSureInTime(command, _) => {
                self.handle(command).is_ok()
            }
        }
    }

    /// The two halves of completing a use: the reservation decides, the rental follows.
    fn complete_use(&mut self, n: usize, dies: bool) {
        if !matches!(self.rentals[n], Rental::Allocated(_)) || self.down[2] {
            return;
        }
        if self.reservation(n, &ReservationCommand::Fulfil) && !dies {
            assert!(self.rental(n, &RentalCommand::CompleteUse));
        }
    }

    fn cancel_allocation(&mut self, n: usize) {
        if !matches!(self.rentals[n], Rental::Allocated(_)) || self.down[2] {
            return;
        }
        if self.reservation(n, &ReservationCommand::Cancel(CancelReason::AllocationCancelled)) {
            assert!(self.rental(n, &RentalCommand::CancelAllocation(booking_of(n))));
        }
    }

    fn step(&mut self, step: Step) {
        let Booking { car_id, car_name, .. } = booking();
        match step {
            Step::Register(total) => {
                self.car(&CarCommand::Register(car_id, car_name, number(total))).ok();
            }
            Step::SetStock(total) => {
                self.car(&CarCommand::Change(None, Some(number(total)))).ok();
            }
            Step::Hold(_) if self.down[0] => {}
            Step::Hold(n) => {
                let hold = CarCommand::Hold(booking_of(n).reservation_id, HeldFor::Reservation);
                self.heard[n] = Some(self.car(&hold));
            }
            Step::Reserve(_) if self.down[1] => {}
            Step::Reserve(n) => {
                if self.heard[n] == Some(Ok(())) {
                    self.reservation(n, &ReservationCommand::Reserve(booking_of(n)));
                }
            }
            Step::GiveUp(n) => {
                let Booking { reservation_id, car_id, .. } = booking_of(n);
                self.reservation(n, &ReservationCommand::Reject(reservation_id, car_id));
            }
            Step::Amend(n) => {
                let user_id = UserId::new("CCC").unwrap();
                self.reservation(n, &ReservationCommand::Amend(Booking { user_id, ..booking_of(n) }));
            }
            Step::CancelReservation(n) => {
                self.reservation(n, &ReservationCommand::Cancel(CancelReason::CustomerCancelled));
            }
            Step::CancelAllocation(n) => self.cancel_allocation(n),
            Step::CompleteUse(n) => self.complete_use(n, false),
            Step::CompleteUseAndDie(n) => self.complete_use(n, true),
            Step::React(policy) => {
                self.handled[policy] += usize::from(self.react(policy, self.handled[policy]));
            }
            Step::ReactAgain(policy, event) if event < self.handled[policy] => {
                self.react(policy, event);
            }
            Step::ReactAgain(..) => {}
            Step::GoesDown(context) => self.down[context] = true,
            Step::ComesBack(context) => self.down[context] = false,
        }
    }

    /// Everything works again, and everybody finishes what there is to do.
    fn come_to_rest(&mut self) {
        self.down = [false; 3];
        for _ in 0..2000 {
            (0..5).for_each(|policy| self.step(Step::React(policy)));
            if self.handled.iter().all(|handled| *handled == self.log.len()) {
                return;
            }
        }
        panic!("never comes to rest: {:?}", self.log);
    }

    fn events(&self, n: usize, is: impl Fn(&Fact) -> bool) -> usize {
        let request = Some(booking_of(n).reservation_id);
        self.log.iter().zip(&self.requests).filter(|(fact, of)| **of == request && is(fact)).count()
    }

    /// RC R1 to R4, after every event.
    fn check(&self) {
        if let Some(stock) = self.car.stock() {
            let held = (0..REQUESTS).filter(|n| self.holds(*n)).count();
            let (qty, total) = (u32::from(stock.qty), u32::from(stock.total));
            assert_eq!(total - qty, held as u32, "{:?}", self.log);
        }
        for n in 0..REQUESTS {
            for event in ["CarHeld", "CarReleased", "CarReserved", "ReservationCancelled", "CarAllocated"] {
                assert!(self.events(n, |fact| fact.name() == event) <= 1, "{event} twice: {:?}", self.log);
            }
            // R2, R4: in one way or the other.
            let ends = |fact: &Fact| {
                matches!(
                    fact,
                    Fact::Rental(RentalEvent::AllocationCancelled(_) | RentalEvent::UseCompleted(_))
                )
            };
            assert!(self.events(n, ends) <= 1, "{:?}", self.log);
            let decides = |fact: &Fact| {
                matches!(
                    fact,
                    Fact::Reservation(
                        ReservationEvent::ReservationCancelled(_) | ReservationEvent::ReservationFulfilled(_)
                    )
                )
            };
            assert!(self.events(n, decides) <= 1, "{:?}", self.log);
        }
    }

    /// Whether a request holds a car, told from the events alone.
    fn holds(&self, n: usize) -> bool {
        self.events(n, |fact| matches!(fact, Fact::Car(CarEvent::CarHeld(_))))
            > self.events(n, |fact| matches!(fact, Fact::Car(CarEvent::CarReleased(_))))
    }

    /// At rest a reservation has its car and its rental, or nothing of it is left.
    fn check_at_rest(&self) {
        for n in 0..REQUESTS {
            let (reservation, rental) = (&self.reservations[n], &self.rentals[n]);
            let stands = match reservation {
                Reservation::Nothing | Reservation::Rejected => {
                    assert_eq!(*rental, Rental::Nothing, "{:?}", self.log);
                    false
                }
                Reservation::Reserved(_) => {
                    assert!(matches!(rental, Rental::Allocated(_)), "{:?}", self.log);
                    true
                }
                Reservation::Cancelled(..) => {
                    assert!(matches!(rental, Rental::Cancelled(_)), "{:?}", self.log);
                    false
                }
                Reservation::Fulfilled(_) => {
                    assert!(matches!(rental, Rental::UseCompleted(_)), "{:?}", self.log);
                    false
                }
            };
            assert_eq!(self.holds(n), stands, "stock leaked: {:?}", self.log);
        }
    }
}

/// The request that a fact belongs to; a car as such belongs to none.
fn request_of(fact: &Fact) -> Option<RequestId> {
    let json: serde_json::Value = serde_json::from_slice(&fact.encode()).unwrap();
    let id = json.get("reservationId").or(json.pointer("/booking/reservationId"))?;
    id.as_str().unwrap().parse().ok()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// RC-I1 to RC-I10, RC-I12 to RC-I15, G1, G4, G6, G8.
    #[test]
    fn whatever_the_order_no_car_is_lost_or_given_twice(total in 0..4_u32, steps in steps()) {
        let mut world = World::default();
        world.step(Step::Register(total));
        steps.into_iter().for_each(|step| world.step(step));
        world.come_to_rest();
        world.check_at_rest();
    }

    /// The last event of a stream says all that is shown of it, though a car has more to remember.
    #[test]
    fn the_last_event_of_a_stream_says_all_that_is_shown(steps in steps()) {
        let mut world = World::default();
        world.step(Step::Register(3));
        steps.into_iter().for_each(|step| world.step(step));
        let car = world.log.iter().rfind(|fact| matches!(fact, Fact::Car(_)));
        prop_assert_eq!(car.and_then(Resource::after), Resource::car(&world.car));
        let events: Vec<_> = world.log.iter().filter_map(|fact| match fact {
            Fact::Car(event) => Some(event.clone()),
            Fact::Reservation(_) | Fact::Rental(_) => None,
        }).collect();
        prop_assert_eq!(&fold::<Car>(&events), &world.car);
        for n in 0..REQUESTS {
            let of = |is: fn(&Fact) -> bool| {
                let request = Some(booking_of(n).reservation_id);
                world.log.iter().rfind(|fact| is(fact) && request_of(fact) == request)
            };
            let reservation = of(|fact| matches!(fact, Fact::Reservation(_))).and_then(Resource::after);
            prop_assert_eq!(reservation, Resource::reservation(&world.reservations[n]));
            let rental = of(|fact| matches!(fact, Fact::Rental(_))).and_then(Resource::after);
            prop_assert_eq!(rental, Resource::rental(&world.rentals[n]));
        }
    }
}

/// A history that a person can read.
fn story(total: u32, steps: &[Step]) -> World {
    let mut world = World::default();
    world.step(Step::Register(total));
    steps.iter().for_each(|step| world.step(*step));
    world.come_to_rest();
    world.check_at_rest();
    world
}

fn free(world: &World) -> Capacity {
    world.car.stock().unwrap().qty
}

/// RC-F2, RC-F4: reserved and allocated; one car less.
#[test]
fn held_reserved_allocated() {
    let world = story(2, &[Step::Hold(0), Step::Reserve(0)]);
    assert_eq!((world.rentals[0].booking(), free(&world)), (Some(&booking_of(0)), number(1)));
}

/// RC-I2, RC-I15: the answer comes too late, the request has given up, the hold ends.
#[test]
fn a_hold_that_nobody_waited_for_ends() {
    let late = story(1, &[Step::GiveUp(0), Step::React(3), Step::Hold(0), Step::Reserve(0)]);
    assert_eq!((free(&late), &late.reservations[0]), (number(1), &Reservation::Rejected));
    let kept = story(1, &[Step::Hold(0), Step::GiveUp(0), Step::Reserve(0)]);
    assert_eq!((free(&kept), &kept.reservations[0]), (number(1), &Reservation::Rejected));
}

/// RC-I3: the process died between the hold and the reservation.
#[test]
fn a_hold_whose_request_died_ends() {
    assert_eq!(free(&story(1, &[Step::Hold(0)])), number(1));
}

/// RC-I6
#[test]
fn a_cancel_before_the_allocation_gives_the_car_back_once() {
    let cancelled = story(1, &[Step::Hold(0), Step::Reserve(0), Step::CancelReservation(0), Step::React(1)]);
    assert_eq!(free(&cancelled), number(1));
    assert_eq!(cancelled.events(0, |fact| fact.name() == "CarReleased"), 1);
}

/// RC-I9: the use was decided to be completed when the process died; the cancel comes too late.
#[test]
fn a_cancel_after_the_use_was_completed_is_refused_even_if_the_process_died_in_between() {
    let mut world = story(1, &[Step::Hold(0), Step::Reserve(0)]);
    world.step(Step::CompleteUseAndDie(0));
    assert!(!world.reservation(0, &ReservationCommand::Cancel(CancelReason::CustomerCancelled)));
    world.come_to_rest();
    world.check_at_rest();
    assert_eq!(free(&world), number(1));
}
