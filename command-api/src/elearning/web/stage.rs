//! Where an application stands, told from the three statuses on the wire, and what that means for its
//! student.

use domain::elearning::{ApplyStatus, DeliveryStatus, PayStatus};

use crate::web::row::{Step, Tone};

/// Where an application stands, as its student cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Not paid yet: the payment is tried again by itself (EL-I11, EL-I12).
    WaitsForPayment,
    /// Paid, and the delivery starts by itself.
    WaitsForDelivery,
    /// Paid, and on its way (EL-I1).
    BeingDelivered,
    /// To be cancelled, and the delivery has not confirmed yet: the money is kept until then (EL-I5).
    CancelWaitsForDelivery,
    /// To be cancelled; the delivery is stopped and the payment is being undone.
    CancelWaitsForPayment,
    /// Cancelled before it was paid; what is left of the payment is withdrawn (EL-I3, EL-I15).
    CancelledUnpaid,
    /// Cancelled, everywhere (EL-I2).
    Cancelled,
    /// The payment was refused for good (EL-I14).
    Refused,
}

impl Stage {
    /// Tells it from the three statuses.
    pub(super) fn of(apply: ApplyStatus, pay: PayStatus, delivery: DeliveryStatus) -> Self {
        match (apply, pay, delivery) {
            (_, PayStatus::Failed, _) => Self::Refused,
            (_, PayStatus::Cancelling, DeliveryStatus::Cancelled) => Self::CancelWaitsForPayment,
            (_, PayStatus::Cancelling, DeliveryStatus::None | DeliveryStatus::Started) => {
                Self::CancelWaitsForDelivery
            }
            (_, PayStatus::Cancelled, _) => Self::Cancelled,
            (ApplyStatus::Completed, PayStatus::Pending, _) => Self::WaitsForPayment,
            (ApplyStatus::Completed, PayStatus::Completed, DeliveryStatus::None) => Self::WaitsForDelivery,
            (ApplyStatus::Completed, PayStatus::Completed, DeliveryStatus::Started) => Self::BeingDelivered,
            (ApplyStatus::Cancelled, PayStatus::Pending, _) => Self::CancelledUnpaid,
            (
                ApplyStatus::Cancelled,
                PayStatus::Completed,
                DeliveryStatus::None | DeliveryStatus::Started,
            ) => Self::CancelWaitsForDelivery,
            (_, PayStatus::Completed, DeliveryStatus::Cancelled) => Self::CancelWaitsForPayment,
        }
    }

    /// Whether it makes sense to cancel it.
    pub(super) fn can_be_cancelled(self) -> bool {
        match self {
            Self::WaitsForPayment | Self::WaitsForDelivery | Self::BeingDelivered => true,
            Self::CancelWaitsForDelivery
            | Self::CancelWaitsForPayment
            | Self::CancelledUnpaid
            | Self::Cancelled
            | Self::Refused => false,
        }
    }

    /// How good the news is.
    pub(super) fn tone(self) -> Tone {
        match self {
            Self::BeingDelivered => Tone::Good,
            Self::WaitsForPayment
            | Self::WaitsForDelivery
            | Self::CancelWaitsForDelivery
            | Self::CancelWaitsForPayment => Tone::Waiting,
            Self::CancelledUnpaid | Self::Cancelled => Tone::Over,
            Self::Refused => Tone::Bad,
        }
    }

    /// How far application, payment and delivery are.
    pub(super) fn steps(self) -> [Step; 3] {
        match self {
            Self::WaitsForPayment => [Step::Done, Step::Now, Step::Ahead],
            Self::WaitsForDelivery => [Step::Done, Step::Done, Step::Now],
            Self::BeingDelivered => [Step::Done, Step::Done, Step::Done],
            Self::CancelWaitsForDelivery => [Step::Undone, Step::Done, Step::Now],
            Self::CancelWaitsForPayment => [Step::Undone, Step::Now, Step::Undone],
            Self::CancelledUnpaid | Self::Cancelled => [Step::Undone; 3],
            Self::Refused => [Step::Undone, Step::Failed, Step::Undone],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const APPLY: [ApplyStatus; 2] = [ApplyStatus::Completed, ApplyStatus::Cancelled];
    const PAY: [PayStatus; 5] = [
        PayStatus::Pending,
        PayStatus::Completed,
        PayStatus::Cancelling,
        PayStatus::Cancelled,
        PayStatus::Failed,
    ];
    const DELIVERY: [DeliveryStatus; 3] =
        [DeliveryStatus::None, DeliveryStatus::Started, DeliveryStatus::Cancelled];

    /// EL-I1, EL-I2, EL-I3, EL-I5, EL-I11, EL-I14, EL-I15: every combination there is, in the order of
    /// the three lists above.
    #[test]
    fn every_combination_of_the_statuses_is_one_stage() {
        use Stage::{
            BeingDelivered as Delivered, CancelWaitsForDelivery as Stopping,
            CancelWaitsForPayment as Undoing, Cancelled, CancelledUnpaid as Unpaid, Refused,
            WaitsForDelivery as Paid, WaitsForPayment as Paying,
        };
        let expected = [
            // The application stands.
            [Paying, Paying, Paying],
            [Paid, Delivered, Undoing],
            [Stopping, Stopping, Undoing],
            [Cancelled, Cancelled, Cancelled],
            [Refused, Refused, Refused],
            // It is cancelled.
            [Unpaid, Unpaid, Unpaid],
            [Stopping, Stopping, Undoing],
            [Stopping, Stopping, Undoing],
            [Cancelled, Cancelled, Cancelled],
            [Refused, Refused, Refused],
        ];
        let mut expected = expected.iter();
        for apply in APPLY {
            for pay in PAY {
                let stages = DELIVERY.map(|delivery| Stage::of(apply, pay, delivery));
                assert_eq!(Some(&stages), expected.next(), "{apply:?}, {pay:?}");
            }
        }
    }

    /// EL I5: what is cancelled is cancelled for ever, so nothing offers to do it again.
    #[test]
    fn what_is_cancelled_or_being_cancelled_has_no_cancel_button() {
        for pay in PAY {
            for delivery in DELIVERY {
                let stage = Stage::of(ApplyStatus::Cancelled, pay, delivery);
                assert!(!stage.can_be_cancelled(), "{stage:?}");
                assert_ne!(stage.tone(), Tone::Good);
            }
        }
    }
}
