//! Car rental over HTTP: the routes of SPEC 5.2, the services behind them and the synchronous call from
//! reservation to car, which rejects when the car does not answer (D1).

mod car;
mod hold;
mod input;
mod openapi;
mod reactions;
mod rental;
mod reservation;
mod settings;
mod web;

use std::sync::Arc;

use axum::Router;
use clap::Args;
use domain::kernel::DecodeError;
use domain::rentcar::{Command, Fact, SYSTEM, policies};
use event_store::RecordedEvent;
use reqwest::Client;

pub use settings::Settings;

use crate::business::{Business, Environment, System};
use crate::calls::{CallSettings, Callee, Port, Remote};
use crate::config::Delay;
use crate::policies::Handler;
use car::CarService;
use hold::{Held, Hold};
use reactions::Reactions;
use rental::RentalService;
use reservation::ReservationService;

/// The contexts of this business that write. MyPage only reads.
pub const CONTEXTS: [&str; 3] = ["car", "reservation", "rental"];

/// This business, for `--system rentcar`.
pub const BUSINESS: System =
    System { name: SYSTEM, contexts: &CONTEXTS, settings: Settings::augment_args, wire: settings::wire };

/// What this business needs beside its environment.
pub struct Parts {
    /// The call Reservation → Car.
    pub car: CallSettings,
    /// How much longer the car context takes to answer.
    pub car_delay: Delay,
}

/// Wires this business up.
pub fn business(parts: Parts, environment: Environment) -> Business {
    let Parts { car, car_delay } = parts;
    let executor = environment.executor();
    let cars = Arc::new(CarService::new(executor.clone(), environment.context("car"), car_delay));
    let callee: Arc<dyn Callee<Hold, Held>> = match car.url {
        None => Arc::clone(&cars) as _,
        Some(url) => Arc::new(Remote::new(Client::new(), url)),
    };
    let hold = Port::new("car", car.port, callee);
    let reservations =
        Arc::new(ReservationService::new(executor.clone(), environment.context("reservation"), hold));
    let rentals = Arc::new(RentalService::new(executor.clone(), environment.context("rental")));

    let api = Router::new()
        .merge(car::router(Arc::clone(&cars)))
        .merge(reservation::router(reservations))
        .merge(rental::router(rentals));
    let reactions: Arc<dyn Handler<Command>> = Arc::new(Reactions { executor });
    Business {
        api,
        policies: environment.run(SYSTEM, policies(), decode, &reactions),
        contexts: environment.contexts,
        description: openapi::description,
        page: web::router,
        simulators: Router::new(),
    }
}

fn decode(event: &RecordedEvent, version: u16) -> Result<Option<Fact>, DecodeError> {
    Fact::decode(event.stream.as_str(), &event.event_type, version, &event.data)
}
