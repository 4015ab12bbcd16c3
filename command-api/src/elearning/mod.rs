//! E-learning over HTTP: the routes of SPEC 1.2, the services behind them and the two synchronous
//! calls between its contexts.

mod apply;
mod delivery;
mod input;
mod openapi;
mod payment;
mod payment_routes;
mod reactions;
mod remote;
mod settings;
mod web;

use std::sync::Arc;

use axum::Router;
use clap::Args;
use domain::elearning::{Command, Fact, SYSTEM, policies};
use reqwest::Client;

pub use delivery::{CancelDelivery, DeliveryService};
pub use payment::{Paid, Pay, PaymentService};

pub use settings::Settings;

use crate::business::{Business, Environment, System};
use crate::calls::{CallSettings, Callee, Port, Remote};
use crate::payment_provider::{Provider, simulator};
use crate::policies::Handler;
use apply::ApplyService;
use reactions::Reactions;

/// The contexts of this business that write. MyPage only reads.
pub const CONTEXTS: [&str; 3] = ["apply", "payment", "delivery"];

/// This business, for `--system elearning`.
pub const BUSINESS: System =
    System { name: SYSTEM, contexts: &CONTEXTS, settings: Settings::augment_args, wire: settings::wire };

/// What this business needs beside its environment.
pub struct Parts {
    /// Who takes the money.
    pub provider: Provider,
    /// The call Apply → Payment.
    pub payment: CallSettings,
    /// The call Payment → Delivery.
    pub delivery: CallSettings,
    /// What kind of service this is; logged with every application.
    pub service_type: Arc<str>,
}

/// Wires this business up.
pub fn business(parts: Parts, environment: Environment) -> Business {
    let Parts { provider, payment, delivery, service_type } = parts;
    let executor = environment.executor();
    let context = |name| environment.context(name);

    let deliveries = Arc::new(DeliveryService::new(executor.clone(), context("delivery")));
    let callee: Arc<dyn Callee<CancelDelivery, ()>> = match delivery.url {
        None => Arc::clone(&deliveries) as _,
        Some(url) => Arc::new(Remote::new(Client::new(), url)),
    };
    let cancel_delivery = Port::new("delivery", delivery.port, callee);

    let payments = Arc::new(PaymentService::new(
        executor.clone(),
        context("payment"),
        provider.taker(),
        cancel_delivery,
    ));
    let here = payment.url.is_none().then(|| Arc::clone(&payments));
    let callee: Arc<dyn Callee<Pay, Paid>> = match payment.url {
        None => Arc::clone(&payments) as _,
        Some(url) => Arc::new(Remote::new(Client::new(), url)),
    };
    let pay = Port::new("payment", payment.port, callee);
    let applies = Arc::new(ApplyService::new(executor, context("apply"), pay, here, service_type));

    let api = Router::new()
        .merge(apply::router(Arc::clone(&applies)))
        .merge(payment_routes::router(Arc::clone(&payments)))
        .merge(delivery::router(Arc::clone(&deliveries)));
    let reactions: Arc<dyn Handler<Command>> = Arc::new(Reactions { applies, payments, deliveries });
    Business {
        api,
        policies: environment.run(SYSTEM, policies(), decode, &reactions),
        contexts: environment.contexts,
        description: openapi::description,
        page: web::router,
        simulators: simulator(provider),
    }
}

fn decode(
    event: &event_store::RecordedEvent,
    version: u16,
) -> Result<Option<Fact>, domain::kernel::DecodeError> {
    Fact::decode(event.stream.as_str(), &event.event_type, version, &event.data)
}
