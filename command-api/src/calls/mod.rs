//! Synchronous calls between contexts: one port type with timeout, bulkhead, breaker and idempotency
//! key, whether the callee lives in this process or behind a URL.

mod breaker;
mod http;
mod port;

pub use breaker::{Breaker, BreakerSettings, BreakerState};
pub use http::{Remote, accepted, last};
pub use port::{CallError, CallSettings, Callee, Entered, Port, PortSettings};
