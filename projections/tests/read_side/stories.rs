//! What can happen to an application, as facts.

use domain::elearning::sample::{application, receipt};
use domain::elearning::{
    Application, Applied, ApplyCancelled, ApplyEvent, CancelReason, DeliveryEvent, Fact, PaymentEvent,
    StudentId,
};
use domain::kernel::{RequestId, Shared};
use domain::payment::{PayCancelRequested, PayCancelled, PayCompleted, PayFailed, PayRequested};
use uuid::Uuid;

/// The `n`th application, of this student.
pub(crate) fn wanted_by(student: &str, n: u64) -> Shared<Application> {
    let id = RequestId(Uuid::from_u64_pair(0x0190_0000_0000_7000, 0x8000_0000_0000_0000 + n));
    Shared::new(Application { id, student_id: StudentId::new(student).unwrap(), ..(*application()).clone() })
}

pub(crate) fn applied(sale: &Shared<Application>) -> Fact {
    Fact::Apply(ApplyEvent::Applied(Applied { application: sale.clone() }))
}

pub(crate) fn apply_cancelled(sale: &Shared<Application>, reason: CancelReason) -> Fact {
    Fact::Apply(ApplyEvent::ApplyCancelled(ApplyCancelled { application: sale.clone(), reason }))
}

pub(crate) fn requested(sale: &Shared<Application>) -> Fact {
    Fact::Payment(PaymentEvent::PayRequested(PayRequested { sale: sale.clone() }))
}

pub(crate) fn paid(sale: &Shared<Application>) -> Fact {
    let paid = PayCompleted { sale: sale.clone(), receipt: receipt(), cancelling: false };
    Fact::Payment(PaymentEvent::PayCompleted(paid))
}

pub(crate) fn paid_too_late(sale: &Shared<Application>) -> Fact {
    let paid = PayCompleted { sale: sale.clone(), receipt: receipt(), cancelling: true };
    Fact::Payment(PaymentEvent::PayCompleted(paid))
}

pub(crate) fn refused(sale: &Shared<Application>) -> Fact {
    let failed = PayFailed { sale: sale.clone(), reason: "card declined".to_owned() };
    Fact::Payment(PaymentEvent::PayFailed(failed))
}

pub(crate) fn pay_cancel_requested(sale: &Shared<Application>) -> Fact {
    let requested = PayCancelRequested { sale: sale.clone(), receipt: None };
    Fact::Payment(PaymentEvent::PayCancelRequested(requested))
}

pub(crate) fn pay_cancelled(sale: &Shared<Application>) -> Fact {
    Fact::Payment(PaymentEvent::PayCancelled(PayCancelled { sale: sale.clone() }))
}

pub(crate) fn started(sale: &Shared<Application>) -> Fact {
    Fact::Delivery(DeliveryEvent::started(sale.clone()))
}

pub(crate) fn delivery_cancelled(sale: &Shared<Application>) -> Fact {
    Fact::Delivery(DeliveryEvent::cancelled(sale.clone()))
}

/// Applied, paid, delivered.
pub(crate) fn happy(sale: &Shared<Application>) -> [Fact; 4] {
    [applied(sale), requested(sale), paid(sale), started(sale)]
}

/// Cancelled by the student, back to front.
pub(crate) fn cancelled(sale: &Shared<Application>) -> [Fact; 4] {
    [
        apply_cancelled(sale, CancelReason::StudentCancelled),
        pay_cancel_requested(sale),
        delivery_cancelled(sale),
        pay_cancelled(sale),
    ]
}
