//! What is kept of one application, and what an event does to it.
//!
//! The three streams of an application arrive in any order of streams. Every part of the row
//! therefore depends on the newest event of each stream alone, or only ever grows (`cancelled`,
//! time, position): whatever the order, the same row.

use std::sync::Arc;

use domain::elearning::{
    Application, ApplyEvent, ApplyStatus, DeliveryEvent, DeliveryStatus, Fact, PayStatus, PaymentEvent,
};
use domain::kernel::{Happened, Shared};
use event_store::Position;

/// One application as its student sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// What was applied for.
    pub(super) application: Shared<Application>,
    /// Cancelled once, cancelled for ever: a payment or delivery that comes late does not bring it back.
    pub(super) apply_status: ApplyStatus,
    pub(super) pay_status: PayStatus,
    pub(super) delivery_status: DeliveryStatus,
    pub(super) cancel_reason: Option<String>,
    pub(super) fail_reason: Option<String>,
    /// When its latest event happened, in milliseconds since the Unix epoch.
    pub(super) updated_at: u64,
    /// The revision of the newest event of each stream; `None` when none was seen.
    pub(super) revisions: Revisions,
    /// The place of the last event that had an effect on it.
    pub(super) position: Position,
}

/// How far each stream of an application is in its row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Revisions {
    pub(super) apply: Option<u64>,
    pub(super) payment: Option<u64>,
    pub(super) delivery: Option<u64>,
}

/// A fact with its place.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) happened: Arc<Happened<Fact>>,
    pub(super) revision: u64,
    pub(super) position: Position,
}

impl Placed {
    /// What it is about.
    pub(super) fn application(&self) -> &Shared<Application> {
        application(&self.happened.fact)
    }
}

impl Row {
    /// The row after this event. An event that is in the row already changes nothing.
    pub(super) fn after(row: Option<Self>, event: &Placed) -> Self {
        let mut row = row.unwrap_or_else(|| Self::new(event));
        let fact = &event.happened.fact;
        if row.seen(fact) >= Some(event.revision) {
            return row;
        }
        // What was applied for is told by all three; should they differ, the application knows best.
        let Revisions { apply, payment, .. } = row.revisions;
        let knows_best = match fact {
            Fact::Apply(_) => true,
            Fact::Payment(_) => apply.is_none(),
            Fact::Delivery(_) => apply.is_none() && payment.is_none(),
        };
        if knows_best && row.application != *application(fact) {
            row.application = application(fact).clone();
        }
        match fact {
            Fact::Apply(fact) => {
                row.revisions.apply = Some(event.revision);
                row.apply(fact);
            }
            Fact::Payment(fact) => {
                row.revisions.payment = Some(event.revision);
                row.payment(fact);
            }
            Fact::Delivery(fact) => {
                row.revisions.delivery = Some(event.revision);
                row.delivery(fact);
            }
        }
        row.updated_at = row.updated_at.max(event.happened.time);
        row.position = row.position.max(event.position);
        row
    }

    /// Nothing has happened to it yet.
    fn new(event: &Placed) -> Self {
        Self {
            application: event.application().clone(),
            apply_status: ApplyStatus::Completed,
            pay_status: PayStatus::Pending,
            delivery_status: DeliveryStatus::None,
            cancel_reason: None,
            fail_reason: None,
            updated_at: event.happened.time,
            revisions: Revisions::default(),
            position: event.position,
        }
    }

    fn seen(&self, fact: &Fact) -> Option<u64> {
        match fact {
            Fact::Apply(_) => self.revisions.apply,
            Fact::Payment(_) => self.revisions.payment,
            Fact::Delivery(_) => self.revisions.delivery,
        }
    }

    fn apply(&mut self, event: &ApplyEvent) {
        match event {
            ApplyEvent::Applied(_) => {}
            ApplyEvent::ApplyCancelled(event) => {
                self.apply_status = ApplyStatus::Cancelled;
                self.cancel_reason = Some(event.reason.describe());
            }
        }
    }

    fn payment(&mut self, event: &PaymentEvent) {
        self.pay_status = match event {
            PaymentEvent::PayRequested(_) => PayStatus::Pending,
            PaymentEvent::PayCompleted(event) if event.cancelling => PayStatus::Cancelling,
            PaymentEvent::PayCompleted(_) => PayStatus::Completed,
            PaymentEvent::PayGivenUp(_) | PaymentEvent::PayCancelRequested(_) => PayStatus::Cancelling,
            PaymentEvent::PayFailed(event) => {
                self.fail_reason = Some(event.reason.clone());
                PayStatus::Failed
            }
            PaymentEvent::PayCancelled(_) => {
                self.apply_status = ApplyStatus::Cancelled;
                PayStatus::Cancelled
            }
        };
    }

    fn delivery(&mut self, event: &DeliveryEvent) {
        self.delivery_status = match event {
            DeliveryEvent::DeliveryStarted(_) => DeliveryStatus::Started,
            DeliveryEvent::DeliveryCancelled(_) => {
                self.apply_status = ApplyStatus::Cancelled;
                DeliveryStatus::Cancelled
            }
        };
    }
}

/// What every event of this business carries.
fn application(fact: &Fact) -> &Shared<Application> {
    match fact {
        Fact::Apply(ApplyEvent::Applied(event)) => &event.application,
        Fact::Apply(ApplyEvent::ApplyCancelled(event)) => &event.application,
        Fact::Payment(PaymentEvent::PayRequested(event)) => &event.sale,
        Fact::Payment(PaymentEvent::PayCompleted(event)) => &event.sale,
        Fact::Payment(PaymentEvent::PayFailed(event)) => &event.sale,
        Fact::Payment(PaymentEvent::PayGivenUp(event)) => &event.sale,
        Fact::Payment(PaymentEvent::PayCancelRequested(event)) => &event.sale,
        Fact::Payment(PaymentEvent::PayCancelled(event)) => &event.sale,
        Fact::Delivery(DeliveryEvent::DeliveryStarted(event)) => &event.application,
        Fact::Delivery(DeliveryEvent::DeliveryCancelled(event)) => &event.application,
    }
}
