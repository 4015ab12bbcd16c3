//! How the businesses change: HTTP in, events out, policies between; the only writer of events.

pub mod calls;
pub mod context;
pub mod execute;
pub mod http;
pub mod payment_provider;
pub mod policies;
