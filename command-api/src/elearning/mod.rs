//! E-learning over HTTP: the routes of SPEC 1.2, the services behind them and the two synchronous
//! calls between its contexts.

mod apply;
mod delivery;
mod input;
mod payment;
mod payment_routes;
mod reactions;
mod remote;

use std::sync::Arc;

use axum::Router;
use domain::elearning::{Command, Fact, SYSTEM, policies};
use event_store::EventStore;
use reqwest::Client;

pub use delivery::{CancelDelivery, DeliveryService};
pub use payment::{Paid, Pay, PaymentService};

use crate::calls::{Callee, Port, PortSettings};
use crate::context::Contexts;
use crate::execute::{Clock, Executor, schema_version};
use crate::payment_provider::PaymentProvider;
use crate::policies::{Runner, RunnerSettings};
use apply::ApplyService;
use reactions::Reactions;
use remote::Remote;

/// The contexts of this business that write. MyPage only reads.
pub const CONTEXTS: [&str; 3] = ["apply", "payment", "delivery"];

/// Where the callee of a synchronous call lives, and how the call is guarded.
#[derive(Debug, Clone)]
pub struct CallSettings {
    /// Its base URL; `None` when it lives in this process.
    pub url: Option<String>,
    /// Timeout, bulkhead and breaker.
    pub port: PortSettings,
}

/// What this business needs from the process that runs it.
pub struct Parts {
    /// Where events are kept.
    pub store: Arc<dyn EventStore>,
    /// Tells the time.
    pub clock: Clock,
    /// Who runs here.
    pub contexts: Contexts,
    /// Who takes the money.
    pub provider: Arc<dyn PaymentProvider>,
    /// The call Apply → Payment.
    pub payment: CallSettings,
    /// The call Payment → Delivery.
    pub delivery: CallSettings,
    /// How policies are run.
    pub runner: RunnerSettings,
    /// What kind of service this is; logged with every application.
    pub service_type: Arc<str>,
}

/// This business, ready to serve and to react.
pub struct Elearning {
    /// Its routes.
    pub router: Router,
    /// One runner per policy.
    pub runners: Vec<Runner<Fact, Command>>,
}

impl Elearning {
    /// Wires it up.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, clock, contexts, provider, payment, delivery, runner, service_type } = parts;
        let context = |name| contexts.find(name).expect("the contexts are those of this business").clone();
        let executor = Executor::new(Arc::clone(&store), Arc::clone(&clock));
        let client = Client::new();

        let deliveries = Arc::new(DeliveryService::new(executor.clone(), context("delivery")));
        let callee: Arc<dyn Callee<CancelDelivery, ()>> = match delivery.url {
            None => Arc::clone(&deliveries) as _,
            Some(url) => Arc::new(Remote::new(client.clone(), format!("{url}/deliveries"))),
        };
        let cancel_delivery = Port::new("delivery", delivery.port, callee);

        let payments =
            Arc::new(PaymentService::new(executor.clone(), context("payment"), provider, cancel_delivery));
        let callee: Arc<dyn Callee<Pay, Paid>> = match payment.url {
            None => Arc::clone(&payments) as _,
            Some(url) => Arc::new(Remote::new(client, format!("{url}/pays"))),
        };
        let pay = Port::new("payment", payment.port, callee);
        let applies = Arc::new(ApplyService::new(executor, context("apply"), pay, service_type));

        let router = Router::new()
            .merge(apply::router(Arc::clone(&applies)))
            .merge(payment_routes::router(Arc::clone(&payments)))
            .merge(delivery::router(Arc::clone(&deliveries)));
        let reactions = Arc::new(Reactions { applies, payments, deliveries });
        let runners = policies().map(|policy| {
            let context = context(policy.context);
            let (handler, store, clock) = (Arc::clone(&reactions), Arc::clone(&store), Arc::clone(&clock));
            Runner::new(policy, SYSTEM, context, decode, handler, store, clock, runner.clone())
        });
        Self { router, runners: runners.into() }
    }
}

fn decode(event: &event_store::RecordedEvent) -> Result<Option<Fact>, domain::kernel::DecodeError> {
    Fact::decode(event.stream.as_str(), &event.event_type, schema_version(event), &event.data)
}
