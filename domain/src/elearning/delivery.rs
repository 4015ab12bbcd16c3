//! The delivery of the course material (배송).

use serde::{Deserialize, Serialize};
use std::convert::Infallible;

use super::{Application, Fact, SYSTEM};
use crate::kernel::{Aggregate, Shared, wire};

/// Where a delivery stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Delivery {
    /// Not started.
    #[default]
    Nothing,
    /// On its way.
    Started(Shared<Application>),
    /// Cancelled, or forestalled before it started. Final.
    Cancelled(Shared<Application>),
}

/// What can be asked of a delivery. It never says no: what cannot be is not done.
#[derive(Debug, Clone, PartialEq)]
pub enum DeliveryCommand {
    /// Deliver what was applied for.
    Start(Shared<Application>),
    /// Take it back, or make sure that it never starts.
    Cancel(Shared<Application>),
}

/// What can have happened to a delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum DeliveryEvent {
    /// It started (배송시작됨).
    DeliveryStarted(DeliveryStarted),
    /// It was cancelled (배송취소됨).
    DeliveryCancelled(DeliveryCancelled),
}

wire! { DeliveryEvent {
    DeliveryStarted = "DeliveryStarted" v 1,
    DeliveryCancelled = "DeliveryCancelled" v 1,
} }

/// Payload of [`DeliveryEvent::DeliveryStarted`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryStarted {
    /// What is delivered, and where to.
    pub application: Shared<Application>,
}

/// Payload of [`DeliveryEvent::DeliveryCancelled`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeliveryCancelled {
    /// What is not delivered.
    pub application: Shared<Application>,
}

impl DeliveryEvent {
    /// The delivery of this started.
    pub fn started(application: Shared<Application>) -> Self {
        Self::DeliveryStarted(DeliveryStarted { application })
    }

    /// The delivery of this was cancelled.
    pub fn cancelled(application: Shared<Application>) -> Self {
        Self::DeliveryCancelled(DeliveryCancelled { application })
    }
}

impl Aggregate for Delivery {
    const SYSTEM: &'static str = SYSTEM;
    const NAME: &'static str = "delivery";
    type Command = DeliveryCommand;
    type Event = DeliveryEvent;
    type Fact = Fact;
    type Refusal = Infallible;

    fn decide(&self, command: &DeliveryCommand) -> Result<Vec<DeliveryEvent>, Infallible> {
        Ok(match (self, command) {
            (Self::Nothing, DeliveryCommand::Start(application)) => {
                vec![DeliveryEvent::started(application.clone())]
            }
            // A tombstone: the start that comes late finds it.
            (Self::Nothing, DeliveryCommand::Cancel(application))
            | (Self::Started(application), DeliveryCommand::Cancel(_)) => {
                vec![DeliveryEvent::cancelled(application.clone())]
            }
            (Self::Started(_) | Self::Cancelled(_), DeliveryCommand::Start(_))
            | (Self::Cancelled(_), DeliveryCommand::Cancel(_)) => vec![],
        })
    }

    fn evolve(self, event: &DeliveryEvent) -> Self {
        match event.clone() {
            DeliveryEvent::DeliveryStarted(event) => Self::Started(event.application),
            DeliveryEvent::DeliveryCancelled(event) => Self::Cancelled(event.application),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::application;
    use super::*;
    use crate::kernel::spec::given;

    fn started() -> DeliveryEvent {
        DeliveryEvent::started(application())
    }

    fn cancelled() -> DeliveryEvent {
        DeliveryEvent::cancelled(application())
    }

    fn start() -> DeliveryCommand {
        DeliveryCommand::Start(application())
    }

    fn cancel() -> DeliveryCommand {
        DeliveryCommand::Cancel(application())
    }

    /// EL-F4, EL-I1
    #[test]
    fn a_delivery_starts_once() {
        given::<Delivery>([]).when(start()).then([started()]);
        given::<Delivery>([started()]).when(start()).then_nothing();
    }

    /// EL-F7, EL-I2, EL-I8
    #[test]
    fn a_started_delivery_is_cancelled_once() {
        given::<Delivery>([started()]).when(cancel()).then([cancelled()]);
        given::<Delivery>([started(), cancelled()]).when(cancel()).then_nothing();
    }

    /// EL-I3, EL-I4, EL-I6: the cancel that came first wins.
    #[test]
    fn a_delivery_that_was_cancelled_first_never_starts() {
        given::<Delivery>([]).when(cancel()).then([cancelled()]);
        given::<Delivery>([cancelled()]).when(start()).then_nothing();
    }
}
