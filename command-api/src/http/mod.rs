//! What every business needs to speak HTTP.

mod body;
mod error;
mod front;
mod hal;
mod request;

pub use body::{Fields, InvalidField};
pub use error::ApiError;
pub use front::{Answering, Front};
pub use hal::{Base, Hal, answer};
pub use request::{Caller, IfMatch, NewId, PathId, next_attempt};

pub(crate) use body::{MAX_BODY, required, short};
pub(crate) use front::current;
pub(crate) use hal::EVENT_POSITION;
pub(crate) use request::CAUSATION_ID;
