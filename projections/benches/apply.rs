//! How many events per second the two projections of e-learning bring into SQLite together, and how
//! many pages per second students then get from it (router and rows, no network).
//!
//! `cargo bench -p projections --bench apply -- [events]` (default 400,000): a log of students who
//! apply, pay and are delivered to, one in ten of whom cancels.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::Request;
use domain::elearning::sample::{application, receipt};
use domain::elearning::{
    Application, Applied, ApplyCancelled, ApplyEvent, CancelReason, DeliveryEvent, Fact, PaymentEvent,
    StudentId,
};
use domain::kernel::{Event, Metadata, RequestId};
use domain::payment::{PayCancelRequested, PayCancelled, PayCompleted, PayRequested};
use event_store::{EventStore, ExpectedRevision, MemoryStore, NewEvent, StreamName};
use projections::{Database, ReadSide, elearning};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

/// How many pages are asked for in all, and by how many students at once.
const PAGES: usize = 40_000;
const READERS: usize = 16;

/// How many students are on their way at the same time.
const AT_ONCE: usize = 64;

#[tokio::main]
async fn main() {
    let wanted = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(400_000);
    let store = Arc::new(MemoryStore::default());
    let events = fill(&store, wanted).await;

    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("read.db").display());
    let database = Database::open(&url).await.expect("a database");
    let shutdown = CancellationToken::new();
    let start = Instant::now();
    let system = elearning::system();
    let side = ReadSide::start(store.clone(), database, &system, shutdown.clone());
    let side = side.await.expect("an empty database");
    let head = store.head().await.expect("memory answers");
    for name in ["resources", "my_page"] {
        let mut progress = side.progress(name).expect("it runs");
        let done = progress.wait_for(|progress| progress.considered == head || progress.stopped.is_some());
        assert_eq!(done.await.expect("it runs").stopped, None);
    }
    report(events, "events into two projections", start);

    let start = Instant::now();
    let students = events / 20;
    let readers = (0..READERS).map(|reader| {
        let router = side.router();
        tokio::spawn(async move {
            for n in 0..PAGES / READERS {
                let student = (reader + n * 7919) % students;
                let page = Request::get(format!("/myPages?studentId=student{student}")).body(Body::empty());
                let page = router.clone().oneshot(page.expect("a request")).await.expect("no failure");
                assert!(page.status().is_success());
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.expect("no panic");
    }
    report(PAGES, "pages of a student", start);
    shutdown.cancel();
    side.stopped().await;
}

fn report(count: usize, what: &str, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} {what} in {seconds:.2} s: {:.0}/s", count as f64 / seconds);
}

/// Appends the stories of students, interleaved, and returns how many events that made.
async fn fill(store: &MemoryStore, wanted: usize) -> usize {
    let mut appended = 0;
    let mut number = 0;
    while appended < wanted {
        let mut stories: Vec<_> = (number..number + AT_ONCE).map(|n| story(n).into_iter()).collect();
        number += AT_ONCE;
        loop {
            let mut moved = 0;
            for (id, fact) in stories.iter_mut().filter_map(Iterator::next) {
                append(store, id, &fact).await;
                moved += 1;
            }
            appended += moved;
            if moved == 0 {
                break;
            }
        }
    }
    appended
}

fn story(number: usize) -> Vec<(RequestId, Fact)> {
    let id = RequestId(Uuid::now_v7());
    let student_id = StudentId::new(format!("student{}", number / 4)).expect("not blank");
    let sale = Application { id, student_id, ..application() };
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

async fn append(store: &MemoryStore, id: RequestId, fact: &Fact) {
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
    };
    store.append(&stream, ExpectedRevision::Any, vec![event]).await.expect("memory takes it");
}
