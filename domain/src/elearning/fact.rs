use super::{ApplyEvent, DeliveryEvent, PaymentEvent};
use crate::kernel::facts;

facts! {
    /// To an application.
    Apply(ApplyEvent),
    /// To a payment.
    Payment(PaymentEvent),
    /// To a delivery.
    Delivery(DeliveryEvent),
}
