//! Examples that tests and documentation share.

use super::{
    Application, Applied, ApplyCancelled, ApplyEvent, BookId, CancelReason, DeliveryEvent, Fact,
    NOT_PAID_IN_TIME, PaymentEvent, StudentId,
};
use crate::kernel::{RequestId, Shared};
use crate::payment::{
    PayCancelRequested, PayCancelled, PayCompleted, PayFailed, PayGivenUp, PayRequested, Receipt,
};

/// The application of the documents: student1 wants ten of book 001.
pub fn application() -> Shared<Application> {
    Shared::new(Application {
        id: RequestId(uuid::uuid!("01900000-0000-7000-8000-000000000001")),
        student_id: StudentId::new("student1").expect("not blank"),
        student_name: Some("홍길동".to_owned()),
        book_id: BookId::new("001").expect("not blank"),
        book_name: Some("book001".to_owned()),
        qty: "10".parse().expect("a quantity"),
        amount: "1000".parse().expect("an amount"),
        address: Some("seoul".to_owned()),
    })
}

/// The same request with another quantity.
pub fn another_application() -> Shared<Application> {
    Shared::new(Application { qty: "11".parse().expect("a quantity"), ..(*application()).clone() })
}

/// The reference of the provider for the money of [`application`].
pub fn receipt() -> Receipt {
    Receipt("receipt-1".into())
}

/// Every event of this business once; `PayCompleted` twice, in time and too late.
pub fn every_fact() -> Vec<Fact> {
    let sale = application;
    let paid = |cancelling| PayCompleted { sale: sale(), receipt: receipt(), cancelling };
    let cancelled = ApplyCancelled { application: sale(), reason: CancelReason::StudentCancelled };
    let cancel_requested = PayCancelRequested { sale: sale(), receipt: Some(receipt()) };
    vec![
        Fact::Apply(ApplyEvent::Applied(Applied { application: sale() })),
        Fact::Apply(ApplyEvent::ApplyCancelled(cancelled)),
        Fact::Payment(PaymentEvent::PayRequested(PayRequested { sale: sale() })),
        Fact::Payment(PaymentEvent::PayCompleted(paid(false))),
        Fact::Payment(PaymentEvent::PayCompleted(paid(true))),
        Fact::Payment(PaymentEvent::PayFailed(PayFailed {
            sale: sale(),
            reason: "card declined".to_owned(),
        })),
        Fact::Payment(PaymentEvent::PayGivenUp(PayGivenUp {
            sale: sale(),
            reason: NOT_PAID_IN_TIME.to_owned(),
        })),
        Fact::Payment(PaymentEvent::PayCancelRequested(cancel_requested)),
        Fact::Payment(PaymentEvent::PayCancelled(PayCancelled { sale: sale() })),
        Fact::Delivery(DeliveryEvent::started(sale())),
        Fact::Delivery(DeliveryEvent::cancelled(sale())),
    ]
}
