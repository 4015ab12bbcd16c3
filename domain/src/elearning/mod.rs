//! E-learning: a student applies for course material, pays, and it is delivered.
//!
//! [`Apply`] is the request, the payment of an [`Application`] and the [`Delivery`] follow from it,
//! all under one id. [`policies`] ties them: applied → pay, paid → deliver, cancelled → cancel the
//! delivery, then the payment. [`Resource`] is how the documents show them.

mod application;
mod apply;
mod delivery;
mod fact;
mod fulfilment;
mod resource;
pub mod sample;

use crate::kernel::Shared;

pub use application::{Application, BookId, StudentId};
pub use apply::{Applied, Apply, ApplyCancelled, ApplyCommand, ApplyEvent, ApplyRefusal, CancelReason};
pub use delivery::{Delivery, DeliveryCancelled, DeliveryCommand, DeliveryEvent, DeliveryStarted};
pub use fact::Fact;
pub use fulfilment::{Command, NOT_PAID_IN_TIME, policies};
pub use resource::{ApplyStatus, DeliveryStatus, Particulars, PayStatus, Resource};

/// The name of this business in streams and on the command line.
pub const SYSTEM: &str = "elearning";

/// The payment of an application.
pub type Payment = crate::payment::Payment<Shared<Application>>;

/// What can have happened to the payment of an application.
pub type PaymentEvent = crate::payment::PaymentEvent<Shared<Application>>;
