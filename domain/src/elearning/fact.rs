use super::{Apply, ApplyEvent, Delivery, DeliveryEvent, Payment, PaymentEvent, SYSTEM};
use crate::kernel::{Aggregate, DecodeError, Event, Subject};

/// Anything that can have happened in this business.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// To an application.
    Apply(ApplyEvent),
    /// To a payment.
    Payment(PaymentEvent),
    /// To a delivery.
    Delivery(DeliveryEvent),
}

impl Fact {
    /// The aggregates of this business.
    pub const AGGREGATES: [&'static str; 3] = [Apply::NAME, Payment::NAME, Delivery::NAME];

    /// Reads an event of the log; `None` when its stream is not of this business.
    ///
    /// # Errors
    /// When the event is of this business and cannot be read.
    pub fn decode(stream: &str, name: &str, version: u16, data: &[u8]) -> Result<Option<Self>, DecodeError> {
        let Some(Subject { system: SYSTEM, aggregate, .. }) = Subject::of(stream) else { return Ok(None) };
        match aggregate {
            Apply::NAME => ApplyEvent::decode(name, version, data).map(Self::Apply).map(Some),
            Payment::NAME => PaymentEvent::decode(name, version, data).map(Self::Payment).map(Some),
            Delivery::NAME => DeliveryEvent::decode(name, version, data).map(Self::Delivery).map(Some),
            _ => Ok(None),
        }
    }
}
