//! What all businesses share; no business noun lives here.

mod aggregate;
mod event;
mod fact;
mod happened;
pub mod hold;
mod id;
mod json;
mod metadata;
mod money;
mod policy;
mod quantity;
mod shared;
pub mod spec;

pub use aggregate::{Aggregate, fold};
pub use event::{DecodeError, Event, FIRST_VERSION};
pub use happened::Happened;
pub use id::{InvalidText, RequestId, Subject, stream};
pub use json::from_json;
pub use metadata::Metadata;
pub use money::{InvalidMoney, Money};
pub use policy::{Policy, Reaction};
pub use quantity::{InvalidQuantity, Quantity};
pub use shared::Shared;

pub(crate) use event::wire;
pub(crate) use fact::facts;
pub(crate) use id::{shared_text, text_id};
