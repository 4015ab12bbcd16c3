//! How a request is carried through: what follows from what.

use super::{Application, ApplyEvent, CancelReason, DeliveryEvent, Fact, PaymentEvent};
use crate::kernel::{Policy, Reaction, RequestId, Shared};
use crate::payment::{PayFailed, PayGivenUp};

/// Why a payment is given up that could not be made for so long (EL-I14).
pub const NOT_PAID_IN_TIME: &str = "retries exhausted: it could not be paid in time";

/// What a policy wants done. Doing it again does nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Take the money for an application.
    Pay(Shared<Application>),
    /// Not to take the money any more, and to give back what was taken all the same; unless it was
    /// paid in time.
    GiveUpPayment(Shared<Application>),
    /// Cancel its delivery, then give the money back.
    CancelPayment(Shared<Application>),
    /// Deliver it.
    StartDelivery(Shared<Application>),
    /// Cancel the application itself.
    CancelApply(RequestId, CancelReason),
}

impl Command {
    /// The request that it concerns.
    pub fn request(&self) -> RequestId {
        match self {
            Self::Pay(application)
            | Self::GiveUpPayment(application)
            | Self::CancelPayment(application)
            | Self::StartDelivery(application) => application.id,
            Self::CancelApply(id, _) => *id,
        }
    }
}

/// The policies of this business.
pub fn policies() -> [Policy<Fact, Command>; 3] {
    let money =
        &["Applied", "ApplyCancelled", "PayCancelRequested", "PayCompleted", "PayFailed", "PayCancelled"];
    [
        Policy { name: "settle-payment", context: "payment", hears: money, react: settle_payment },
        Policy {
            name: "start-delivery",
            context: "delivery",
            hears: &["PayCompleted"],
            react: start_delivery,
        },
        Policy {
            name: "cancel-apply",
            context: "apply",
            hears: &["PayFailed", "PayGivenUp", "PayCancelled"],
            react: cancel_apply,
        },
    ]
}

/// Applied → pay, or give up when it cannot be paid for too long (EL-I14); cancelled → cancel the
/// payment. One policy, so that a cancel withdraws the payment that still waits (EL-I15) and none of
/// them races another. Where a request does these things itself (EL 1.4), this makes sure, unless the
/// payment is seen to have ended.
fn settle_payment(fact: &Fact) -> Reaction<Command> {
    match fact {
        Fact::Apply(ApplyEvent::Applied(event)) => {
            let application = || event.application.clone();
            Reaction::MakeSureInTime(Command::Pay(application()), Command::GiveUpPayment(application()))
        }
        Fact::Apply(ApplyEvent::ApplyCancelled(event)) => {
            Reaction::Now(Command::CancelPayment(event.application.clone()))
        }
        Fact::Payment(PaymentEvent::PayCancelRequested(event)) => {
            Reaction::MakeSure(Command::CancelPayment(event.sale.clone()))
        }
        // Money that comes after the cancel was requested settles nothing: it has to go back.
        Fact::Payment(PaymentEvent::PayCompleted(event)) if event.cancelling => Reaction::Ignore,
        Fact::Payment(
            PaymentEvent::PayCompleted(_) | PaymentEvent::PayFailed(_) | PaymentEvent::PayCancelled(_),
        ) => Reaction::Done,
        Fact::Payment(PaymentEvent::PayRequested(_) | PaymentEvent::PayGivenUp(_))
        | Fact::Delivery(DeliveryEvent::DeliveryStarted(_) | DeliveryEvent::DeliveryCancelled(_)) => {
            Reaction::Ignore
        }
    }
}

/// Paid → deliver, unless the money came too late.
fn start_delivery(fact: &Fact) -> Reaction<Command> {
    match fact {
        Fact::Payment(PaymentEvent::PayCompleted(event)) if !event.cancelling => {
            Reaction::Now(Command::StartDelivery(event.sale.clone()))
        }
        Fact::Payment(
            PaymentEvent::PayCompleted(_)
            | PaymentEvent::PayRequested(_)
            | PaymentEvent::PayFailed(_)
            | PaymentEvent::PayGivenUp(_)
            | PaymentEvent::PayCancelRequested(_)
            | PaymentEvent::PayCancelled(_),
        )
        | Fact::Apply(_)
        | Fact::Delivery(_) => Reaction::Ignore,
    }
}

/// Payment cancelled, refused or given up → the application is cancelled too. Whether money has to go
/// back first is not the student's to wait for.
fn cancel_apply(fact: &Fact) -> Reaction<Command> {
    match fact {
        Fact::Payment(PaymentEvent::PayCancelled(event)) => {
            Reaction::Now(Command::CancelApply(event.sale.id, CancelReason::PaymentCancelled))
        }
        Fact::Payment(PaymentEvent::PayFailed(PayFailed { sale, reason }))
        | Fact::Payment(PaymentEvent::PayGivenUp(PayGivenUp { sale, reason })) => {
            let reason = CancelReason::PaymentFailed { reason: reason.clone() };
            Reaction::Now(Command::CancelApply(sale.id, reason))
        }
        Fact::Payment(
            PaymentEvent::PayRequested(_)
            | PaymentEvent::PayCompleted(_)
            | PaymentEvent::PayCancelRequested(_),
        )
        | Fact::Apply(_)
        | Fact::Delivery(_) => Reaction::Ignore,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{application, every_fact};
    use super::*;
    use crate::kernel::spec;

    /// What each policy does about each event, as one table.
    fn reactions(react: fn(&Fact) -> Reaction<Command>) -> Vec<(&'static str, Reaction<Command>)> {
        spec::reactions(react, every_fact(), Fact::name)
    }

    /// EL-I2, EL-I5, EL-I9, EL-I11, EL-I12; EL-I14: not for ever.
    #[test]
    fn what_a_request_began_with_its_payment_is_finished_even_when_the_request_died() {
        let expected = [
            (
                "Applied",
                Reaction::MakeSureInTime(Command::Pay(application()), Command::GiveUpPayment(application())),
            ),
            ("ApplyCancelled", Reaction::Now(Command::CancelPayment(application()))),
            ("PayCompleted", Reaction::Done),
            ("PayFailed", Reaction::Done),
            ("PayCancelRequested", Reaction::MakeSure(Command::CancelPayment(application()))),
            ("PayCancelled", Reaction::Done),
        ];
        assert_eq!(reactions(settle_payment), expected);
    }

    /// EL-F3, EL-I1; EL-I3: the second `PayCompleted` of the table came after the cancel.
    #[test]
    fn delivery_starts_when_the_payment_is_completed_in_time() {
        let expected = [("PayCompleted", Reaction::Now(Command::StartDelivery(application())))];
        assert_eq!(reactions(start_delivery), expected);
    }

    /// EL-I9, EL-I14
    #[test]
    fn a_payment_that_ended_ends_the_application() {
        let cancel = |reason| Reaction::Now(Command::CancelApply(application().id, reason));
        let failed = |reason: &str| cancel(CancelReason::PaymentFailed { reason: reason.to_owned() });
        let expected = [
            ("PayFailed", failed("card declined")),
            ("PayGivenUp", failed(NOT_PAID_IN_TIME)),
            ("PayCancelled", cancel(CancelReason::PaymentCancelled)),
        ];
        assert_eq!(reactions(cancel_apply), expected);
    }

    #[test]
    fn a_policy_hears_exactly_the_events_that_it_may_react_to() {
        for policy in policies() {
            let mut reacts: Vec<_> = reactions(policy.react).into_iter().map(|(event, _)| event).collect();
            reacts.sort_unstable();
            reacts.dedup();
            let mut hears = policy.hears.to_vec();
            hears.sort_unstable();
            assert_eq!(reacts, hears, "{}", policy.name);
        }
    }
}
