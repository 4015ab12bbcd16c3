//! What monitoring systems read (OpenMetrics text): numbers that are taken when they are asked for, and
//! how long requests took.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use event_store::{Health, Position};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::family::{Family, MetricConstructor};
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::Operated;
use crate::policies::PolicyStatus;

/// The upper bounds of the times that are counted together, in seconds.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// What is told about each policy: the name, what it means, and the number.
type Told = (&'static str, &'static str, fn(&PolicyStatus) -> i64);

const TOLD: [Told; 5] = [
    ("running", "1 while it is at work", |policy| policy.running.into()),
    ("position", "Everything up to here is handled", |policy| number(policy.position)),
    ("open_reactions", "How many reactions are not done", |policy| policy.open as i64),
    ("retrying_reactions", "How many of them failed and are tried again", |policy| policy.retrying as i64),
    ("parked_reactions", "How many failed for good and wait for an operator", |policy| {
        policy.parked.len() as i64
    }),
];

/// A position, and -1 before the first event.
fn number(position: Option<Position>) -> i64 {
    position.map_or(-1, |position| position.0 as i64)
}

/// How long requests took, by method and status.
#[derive(Clone)]
pub(crate) struct Requests(Family<Kind, Histogram, Bounded>);

/// Requests that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    method: &'static str,
    status: u16,
}

#[derive(Clone)]
struct Bounded;

impl MetricConstructor<Histogram> for Bounded {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BOUNDS)
    }
}

impl Default for Requests {
    fn default() -> Self {
        Self(Family::new_with_constructor(Bounded))
    }
}

impl Requests {
    /// One was answered.
    pub(crate) fn count(&self, method: &'static str, status: StatusCode, took: Duration) {
        let kind = Kind { method, status: status.as_u16() };
        self.0.get_or_create(&kind).observe(took.as_secs_f64());
    }
}

/// The name of a method. One that nobody heard of must not make a row of its own.
pub(crate) fn method(method: &Method) -> &'static str {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE"];
    known.into_iter().find(|known| method == known).unwrap_or("other")
}

/// `GET /metrics`
pub(super) async fn show(State(operated): State<Arc<Operated>>) -> Response {
    let mut registry = Registry::with_prefix("girok");
    let head = Gauge::<i64>::default();
    head.set(number(operated.store.head().await.ok().flatten()));
    registry.register("store_head_position", "The last position of the log", head);
    let writable = Gauge::<i64>::default();
    writable.set((operated.store.health() == Health::Ready).into());
    registry.register("store_writable", "1 while events can be appended", writable);
    let running = Family::<[(&str, &str); 1], Gauge>::default();
    for context in operated.contexts.iter() {
        running.get_or_create(&[("context", context.name)]).set(context.is_running().into());
    }
    registry.register("context_running", "1 while it is at work", running);
    for (name, help, told) in TOLD {
        let family = Family::<[(&str, &str); 1], Gauge>::default();
        for policy in &operated.policies {
            let status = policy.status().borrow().clone();
            family.get_or_create(&[("policy", status.name)]).set(told(&status));
        }
        registry.register(format!("policy_{name}"), help, family);
    }
    let requests = operated.requests.0.clone();
    let help = "How long requests took";
    registry.register_with_unit("http_request_duration", help, Unit::Seconds, requests);
    let mut text = String::new();
    encode_registry(&mut text, &registry).expect("a string takes any text");
    text.push_str(&(operated.measures)().await);
    text.push_str("# EOF\n");
    let format = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, format)], text).into_response()
}
