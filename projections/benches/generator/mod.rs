//! A log of students who apply, pay and are delivered to, one in ten of whom cancels.

#[allow(dead_code, reason = "only one benchmark has students beside it")]
pub(crate) mod steady;

use domain::elearning::sample::{application, receipt};
use domain::elearning::{
    Application, Applied, ApplyCancelled, ApplyEvent, CancelReason, DeliveryEvent, Fact, PaymentEvent,
    StudentId,
};
use domain::kernel::{Event, Metadata, RequestId, Shared};
use domain::payment::{PayCancelRequested, PayCancelled, PayCompleted, PayRequested};
use event_store::{Decoded, EventStore, ExpectedRevision, NewEvent, StreamName};
use futures::future::join_all;
use uuid::Uuid;

/// How many students are on their way at the same time.
const AT_ONCE: usize = 512;

/// Appends the stories of students, interleaved, and returns how many events that made.
pub(crate) async fn fill(store: &dyn EventStore, wanted: usize) -> usize {
    let mut appended = 0;
    let mut number = 0;
    while appended < wanted {
        let mut stories: Vec<_> = (number..number + AT_ONCE).map(|n| story(n).into_iter()).collect();
        number += AT_ONCE;
        loop {
            let next: Vec<_> = stories.iter_mut().filter_map(Iterator::next).collect();
            if next.is_empty() {
                break;
            }
            join_all(next.iter().map(|(id, fact)| append(store, *id, fact))).await;
            appended += next.len();
        }
    }
    appended
}

fn story(number: usize) -> Vec<(RequestId, Fact)> {
    let id = RequestId(Uuid::now_v7());
    let student_id = StudentId::new(format!("student{}", number / 4)).expect("not blank");
    let sale = Shared::new(Application { id, student_id, ..(*application()).clone() });
    let (applied, receipt) = (Applied { application: sale.clone() }, receipt());
    let paid = PayCompleted { sale: sale.clone(), receipt: receipt.clone(), cancelling: false };
    let mut facts = vec![
        Fact::Apply(ApplyEvent::Applied(applied)),
        Fact::Payment(PaymentEvent::PayRequested(PayRequested { sale: sale.clone() })),
        Fact::Payment(PaymentEvent::PayCompleted(paid)),
        Fact::Delivery(DeliveryEvent::started(sale.clone())),
    ];
    if number.is_multiple_of(10) {
        let (application, reason) = (sale.clone(), CancelReason::StudentCancelled);
        let requested = PayCancelRequested { sale: sale.clone(), receipt: Some(receipt) };
        facts.extend([
            Fact::Apply(ApplyEvent::ApplyCancelled(ApplyCancelled { application, reason })),
            Fact::Payment(PaymentEvent::PayCancelRequested(requested)),
            Fact::Delivery(DeliveryEvent::cancelled(sale.clone())),
            Fact::Payment(PaymentEvent::PayCancelled(PayCancelled { sale })),
        ]);
    }
    facts.into_iter().map(|fact| (id, fact)).collect()
}

async fn append(store: &dyn EventStore, id: RequestId, fact: &Fact) {
    let (aggregate, name, data) = match fact {
        Fact::Apply(event) => ("apply", event.name(), event.encode()),
        Fact::Payment(event) => ("payment", event.name(), event.encode()),
        Fact::Delivery(event) => ("delivery", event.name(), event.encode()),
    };
    let stream = StreamName::new(format!("elearning.{aggregate}-{id}")).expect("a name");
    let metadata = Metadata {
        correlation_id: id.0,
        causation_id: id.0,
        actor: "student:student1".into(),
        time: 1_700_000_000_000,
        schema_version: 1,
    };
    let event = NewEvent {
        id: Uuid::now_v7(),
        event_type: name.into(),
        data: data.into(),
        metadata: metadata.encode().into(),
        decoded: Decoded::default(),
    };
    store.append(&stream, ExpectedRevision::Any, vec![event]).await.expect("the store takes it");
}
