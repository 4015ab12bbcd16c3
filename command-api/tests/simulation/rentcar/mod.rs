//! Customers reserve the few cars that there are, cancel and bring them back; an admin changes how many
//! there are; the car context is slow or down.

mod checks;
mod history;

use std::sync::Arc;

use axum::http::StatusCode;
use command_api::business::{Business, Environment};
use command_api::config::Delay;
use command_api::rentcar::{CONTEXTS, Parts, business};
use domain::kernel::RequestId;
use domain::rentcar::SYSTEM;
use serde_json::{Value, json};

use crate::deed::Deed;
use crate::random::Random;
use crate::read_side::word;
use crate::script::{Act, Down, Fault, Script, random_crashes};
use crate::world::{Ending, call};

/// How often a customer tries to get a car that does not answer.
const HOPE: u32 = 3;

/// What customers and admins do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    /// Of this car there are so many in all.
    Stock(u64, u64),
    /// Reserve this car.
    Reserve(u64),
    CancelByPatch,
    CancelByDelete,
    BringBack,
    /// The admin takes the car back.
    TakeBack,
}

/// How fast everything is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// How long the car takes to say that it is held, in milliseconds. Patience ends at 1000.
    car_takes: (u64, u64),
    /// How many of a hundred appends take about a second: holds that come after patience ended.
    stalls: u64,
}

impl Deed for Errand {
    const CONTEXTS: &'static [&'static str] = &CONTEXTS;
    const SYSTEM: &'static str = SYSTEM;
    const MY_PAGE: &'static str = "rentcar_my_page";
    type Circumstances = Pace;
    type Outside = ();

    fn random(seed: u64) -> Script<Self> {
        let mut random = Random::new(seed);
        let cars = 1 + random.below(2);
        let mut acts = Vec::new();
        for car in 0..cars {
            acts.push(Act::plain(0, 100 + car, Self::Stock(car, 1 + random.below(3))));
        }
        for admin in 0..random.below(3) {
            let stock = Self::Stock(random.below(cars), random.below(4));
            acts.push(Act::random(random.below(6_000), 200 + admin, stock, &mut random));
        }
        for customer in 0..2 + random.below(5) {
            let reserves = 20 + random.below(3_000);
            acts.push(Act::random(reserves, customer, Self::Reserve(random.below(cars)), &mut random));
            let then = [
                (35, Self::CancelByPatch),
                (20, Self::CancelByDelete),
                (35, Self::BringBack),
                (20, Self::TakeBack),
            ];
            for (percent, errand) in then {
                if random.percent(percent) {
                    let at = reserves + random.below(6_000);
                    acts.push(Act::random(at, customer, errand, &mut random));
                }
            }
        }
        let faults = (0..random.below(4)).map(|_| {
            let from = random.below(5_000);
            let context = ["car", "car", "reservation", "rental"][random.below(4) as usize];
            Fault { from, to: from + random.below(6_000), down: Down::Context(context) }
        });
        let faults = faults.collect();
        let crashes = random_crashes(&mut random);
        let car_takes = [(0, 0), (0, 50), (800, 1_100), (990, 1_010)][random.below(4) as usize];
        let stalls = if random.percent(50) { 10 } else { 0 };
        Script { seed, acts, faults, crashes, circumstances: Pace { car_takes, stalls } }
    }

    fn plainer(pace: &Pace) -> Option<Pace> {
        (pace.stalls > 0).then_some(Pace { stalls: 0, ..*pace })
    }

    fn stalls(pace: &Pace) -> u64 {
        pace.stalls
    }

    fn outside(_: &Script<Self>) {}

    fn business(script: &Script<Self>, _: &Arc<()>, environment: Environment) -> Business {
        let (shortest, longest) = script.circumstances.car_takes;
        business(Parts { car: call(1_000), car_delay: Delay(shortest, longest) }, environment)
    }

    fn sent(self, act: &Act<Self>, id: RequestId) -> (&'static str, String, String) {
        let status = |status: &str| json!({ "status": status }).to_string();
        match self {
            Self::Stock(car, total) => ("PUT", format!("/cars/{car}"), json!({ "qty": total }).to_string()),
            Self::Reserve(car) => {
                let body = json!({ "carId": car, "userId": format!("customer-{}", act.who) });
                ("POST", "/reservations".to_owned(), body.to_string())
            }
            Self::CancelByPatch => ("PATCH", format!("/reservations/{id}"), status("Cancelled")),
            Self::CancelByDelete => ("DELETE", format!("/reservations/{id}"), String::new()),
            Self::BringBack => ("PATCH", format!("/rentals/{id}"), status("UseCompleted")),
            Self::TakeBack => ("PATCH", format!("/rentals/{id}"), status("AllocationCancelled")),
        }
    }

    fn number(self) -> u64 {
        match self {
            Self::Stock(..) => 0,
            Self::Reserve(_) => 1,
            Self::CancelByPatch => 2,
            Self::CancelByDelete => 3,
            Self::BringBack => 4,
            Self::TakeBack => 5,
        }
    }

    fn asks_again(self, status: StatusCode, times: u32) -> bool {
        let gives_up = matches!(self, Self::Reserve(_)) && times >= HOPE;
        status == StatusCode::SERVICE_UNAVAILABLE && !gives_up
    }

    fn shows(row: &Value, story: &[&str]) -> bool {
        let (reservation, rental) = (word(row, "reservation_status"), word(row, "rental_status"));
        match story {
            _ if story.contains(&"ReservationCancelled") => {
                reservation == "Cancelled" && ["", "Cancelled"].contains(&rental)
            }
            _ if story.contains(&"UseCompleted") => rental == "UseCompleted",
            _ => (reservation, rental) == ("Success", "Allocated"),
        }
    }

    fn wrong(script: &Script<Self>, ending: &Ending<Self>) -> Option<String> {
        checks::wrong(script, ending)
    }
}

/// Every named story: reserve, cancel in each way, bring back, a car that answers too late, no car left.
pub(crate) fn named_stories() -> Vec<(&'static str, Script<Errand>)> {
    let story = |car_takes: u64, errands: &[(u64, u64, Errand)]| {
        let mut acts = vec![Act::plain(0, 100, Errand::Stock(0, 1))];
        acts.extend(errands.iter().map(|(at, who, errand)| Act::plain(*at, *who, *errand)));
        Script::story(acts, Pace { car_takes: (car_takes, car_takes), stalls: 0 })
    };
    let reserve = (10, 1, Errand::Reserve(0));
    let rental_down = Fault { from: 0, to: 8_000, down: Down::Context("rental") };
    let car_down = Fault { from: 100, to: 8_000, down: Down::Context("car") };
    vec![
        ("reserve", story(10, &[reserve])),
        ("the car answers just in time", story(990, &[reserve])),
        ("the car answers too late", story(1_050, &[reserve])),
        ("two want the last car", story(10, &[reserve, (10, 2, Errand::Reserve(0))])),
        ("cancel", story(10, &[reserve, (500, 1, Errand::CancelByPatch)])),
        (
            "cancel before it is allocated",
            story(10, &[reserve, (500, 1, Errand::CancelByDelete)]).with(rental_down),
        ),
        (
            "cancel while the car is down",
            story(10, &[reserve, (500, 1, Errand::CancelByDelete)]).with(car_down),
        ),
        ("bring it back", story(10, &[reserve, (500, 1, Errand::BringBack)])),
        ("take it back", story(10, &[reserve, (500, 1, Errand::TakeBack)])),
        (
            "cancel and bring back at once",
            story(10, &[reserve, (500, 1, Errand::CancelByPatch), (500, 1, Errand::BringBack)]),
        ),
        (
            "somebody else gets what came back",
            story(10, &[reserve, (500, 1, Errand::CancelByPatch), (1_500, 2, Errand::Reserve(0))]),
        ),
    ]
}
