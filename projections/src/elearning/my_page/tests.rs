use std::sync::Arc;

use domain::elearning::sample::{application, receipt};
use domain::elearning::{
    Applied, ApplyCancelled, ApplyEvent, ApplyStatus, CancelReason, DeliveryEvent, DeliveryStatus, Fact,
    PayStatus, PaymentEvent,
};
use domain::kernel::Happened;
use domain::payment::{PayCancelRequested, PayCancelled, PayCompleted, PayFailed, PayRequested};
use event_store::Position;
use proptest::prelude::*;
use uuid::Uuid;

use super::row::{Placed, Row};
use super::table::encode;
use super::view::{WaitingFor, show, waiting_for};

fn applied() -> Fact {
    Fact::Apply(ApplyEvent::Applied(Applied { application: application() }))
}

fn apply_cancelled(reason: CancelReason) -> Fact {
    Fact::Apply(ApplyEvent::ApplyCancelled(ApplyCancelled { application: application(), reason }))
}

fn requested() -> Fact {
    Fact::Payment(PaymentEvent::PayRequested(PayRequested { sale: application() }))
}

fn paid(cancelling: bool) -> Fact {
    let paid = PayCompleted { sale: application(), receipt: receipt(), cancelling };
    Fact::Payment(PaymentEvent::PayCompleted(paid))
}

fn refused() -> Fact {
    let failed = PayFailed { sale: application(), reason: "card declined".to_owned() };
    Fact::Payment(PaymentEvent::PayFailed(failed))
}

fn pay_cancel_requested() -> Fact {
    let requested = PayCancelRequested { sale: application(), receipt: None };
    Fact::Payment(PaymentEvent::PayCancelRequested(requested))
}

fn pay_cancelled() -> Fact {
    Fact::Payment(PaymentEvent::PayCancelled(PayCancelled { sale: application() }))
}

fn started() -> Fact {
    Fact::Delivery(DeliveryEvent::started(application()))
}

fn delivery_cancelled() -> Fact {
    Fact::Delivery(DeliveryEvent::cancelled(application()))
}

/// What happened, in the order in which it happened, and how the row ends.
struct Story {
    name: &'static str,
    facts: Vec<Fact>,
    ends: (ApplyStatus, PayStatus, DeliveryStatus),
}

fn stories() -> Vec<Story> {
    use {ApplyStatus as A, DeliveryStatus as D, PayStatus as P};
    let by_student = || apply_cancelled(CancelReason::StudentCancelled);
    let by_refusal = || apply_cancelled(CancelReason::PaymentFailed { reason: "card declined".to_owned() });
    let story = |name, facts, ends| Story { name, facts, ends };
    vec![
        story(
            "EL-I1 happy path",
            vec![applied(), requested(), paid(false), started()],
            (A::Completed, P::Completed, D::Started),
        ),
        story(
            "EL-I2 cancelled after the delivery started",
            vec![
                applied(),
                requested(),
                paid(false),
                started(),
                by_student(),
                pay_cancel_requested(),
                delivery_cancelled(),
                pay_cancelled(),
            ],
            (A::Cancelled, P::Cancelled, D::Cancelled),
        ),
        story(
            "EL-I3 cancelled before the payment, which completes late",
            vec![
                applied(),
                requested(),
                by_student(),
                pay_cancel_requested(),
                paid(true),
                delivery_cancelled(),
                pay_cancelled(),
            ],
            (A::Cancelled, P::Cancelled, D::Cancelled),
        ),
        story(
            "EL-I5 cancelled while the delivery is down",
            vec![applied(), requested(), paid(false), started(), by_student(), pay_cancel_requested()],
            (A::Cancelled, P::Cancelling, D::Started),
        ),
        story(
            "EL-I6 cancelled before the delivery heard of it",
            vec![applied(), requested(), paid(false), by_student(), delivery_cancelled()],
            (A::Cancelled, P::Completed, D::Cancelled),
        ),
        story(
            "EL-I9 cancelled through its payment",
            vec![
                applied(),
                requested(),
                paid(false),
                started(),
                pay_cancel_requested(),
                delivery_cancelled(),
                pay_cancelled(),
                apply_cancelled(CancelReason::PaymentCancelled),
            ],
            (A::Cancelled, P::Cancelled, D::Cancelled),
        ),
        story(
            "EL-I14 refused for good",
            vec![applied(), requested(), refused(), by_refusal()],
            (A::Cancelled, P::Failed, D::None),
        ),
    ]
}

impl Story {
    /// The facts with their places, by stream.
    fn streams(&self) -> [Vec<Placed>; 3] {
        let mut streams: [Vec<Placed>; 3] = Default::default();
        for (place, fact) in (0..).zip(&self.facts) {
            let stream = match fact {
                Fact::Apply(_) => &mut streams[0],
                Fact::Payment(_) => &mut streams[1],
                Fact::Delivery(_) => &mut streams[2],
            };
            let revision = stream.len() as u64;
            let (position, time) = (Position(place), 1_700_000_000_000 + place);
            let happened = Arc::new(Happened { fact: fact.clone(), request: Uuid::nil(), time });
            stream.push(Placed { happened, revision, position });
        }
        streams
    }

    /// The row when the facts arrive in the order in which they happened.
    fn row(&self) -> Row {
        let mut events = self.streams().concat();
        events.sort_by_key(|event| event.position);
        events.iter().fold(None, |row, event| Some(Row::after(row, event))).unwrap()
    }
}

/// Calls `check` with the row of every order that keeps each stream's own order.
fn every_order(row: Option<Row>, streams: [&[Placed]; 3], check: &mut impl FnMut(Row)) {
    if streams.iter().all(|stream| stream.is_empty()) {
        return check(row.unwrap());
    }
    for index in 0..3 {
        if let [next, rest @ ..] = streams[index] {
            let mut left = streams;
            left[index] = rest;
            every_order(Some(Row::after(row.clone(), next)), left, check);
        }
    }
}

/// EL-I1, I2, I3, I5, I6, I9, I14 as the student sees their end; EL-I2: the address is kept.
#[test]
fn every_story_ends_as_the_specification_says() {
    for story in stories() {
        let row = story.row();
        assert_eq!((row.apply_status, row.pay_status, row.delivery_status), story.ends, "{}", story.name);
        assert_eq!(row.application, application(), "{}", story.name);
    }
}

/// G4, EL-I17: in whatever order the streams arrive, the row is the same to its last column.
#[test]
fn the_order_of_streams_makes_no_difference() {
    let mut orders = 0;
    for story in stories() {
        let (expected, streams) = (story.row(), story.streams());
        every_order(None, streams.each_ref().map(Vec::as_slice), &mut |row| {
            orders += 1;
            assert_eq!(row, expected, "{}", story.name);
        });
    }
    assert!(orders > 1000, "{orders}");
}

/// EL-I3: once cancelled, MyPage says cancelled throughout.
#[test]
fn what_is_cancelled_never_comes_back() {
    for story in stories() {
        let mut events = story.streams().concat();
        events.sort_by_key(|event| event.position);
        let mut row: Option<Row> = None;
        for event in &events {
            let was = row.as_ref().map(|row| row.apply_status);
            let now = Row::after(row, event);
            assert!(was != Some(ApplyStatus::Cancelled) || now.apply_status == ApplyStatus::Cancelled);
            row = Some(now);
        }
    }
}

/// EL-F5: the page says what comes next by itself.
#[test]
fn the_page_says_what_the_student_waits_for() {
    let after = |facts: Vec<Fact>| {
        let ends = (ApplyStatus::Completed, PayStatus::Pending, DeliveryStatus::None);
        let row = Story { name: "", facts, ends }.row();
        waiting_for(row.apply_status, row.pay_status, row.delivery_status)
    };
    let by_student = || apply_cancelled(CancelReason::StudentCancelled);
    assert_eq!(after(vec![applied()]), Some(WaitingFor::Payment));
    assert_eq!(after(vec![applied(), requested()]), Some(WaitingFor::Payment));
    assert_eq!(after(vec![applied(), requested(), paid(false)]), Some(WaitingFor::Delivery));
    assert_eq!(after(vec![applied(), requested(), paid(false), started()]), None);
    assert_eq!(after(vec![applied(), requested(), by_student()]), None);
    assert_eq!(
        after(vec![applied(), requested(), paid(false), pay_cancel_requested()]),
        Some(WaitingFor::Delivery)
    );
}

/// EL 1.5: the columns by their names; the amount as a double.
#[test]
fn a_row_is_shown_with_the_names_of_the_documents() {
    let row = Story { name: "", facts: vec![applied()], ends: stories()[0].ends }.row();
    let shown = show(&encode(row), None).unwrap();
    assert_eq!((shown.id.as_str(), shown.position), ("01900000-0000-7000-8000-000000000001", Position(0)));
    let json: serde_json::Value = serde_json::from_str(&shown.json).unwrap();
    let expected = serde_json::json!({
        "id": "01900000-0000-7000-8000-000000000001", "studentId": "student1", "studentName": "홍길동",
        "bookId": "001", "bookName": "book001", "bookQty": 10, "amount": 1000.0,
        "applyStatus": "completed", "deliveryAddress": "seoul", "payStatus": "pending",
        "deliveryStatus": "none", "waitingFor": "payment", "cancelReason": null, "failReason": null,
        "updatedAt": "2023-11-14T22:13:20Z", "position": 0,
    });
    assert_eq!(json, expected);
}

proptest! {
    /// G1, G4: any order of streams, any event again at any later time, and again.
    #[test]
    fn repeats_make_no_difference(
        story in 0..stories().len(),
        picks in prop::collection::vec((0..3_usize, 0..64_usize, any::<bool>()), 0..64),
    ) {
        let story = &stories()[story];
        let streams = story.streams();
        let mut left = streams.each_ref().map(Vec::as_slice);
        let (mut row, mut delivered) = (None, Vec::<&Placed>::new());
        // When the picks run out, what is left comes stream by stream.
        let rest = (0..3_usize).flat_map(|stream| [(stream, 0, false); 8]);
        for (stream, earlier, again) in picks.into_iter().chain(rest) {
            if again && !delivered.is_empty() {
                row = Some(Row::after(row, delivered[earlier % delivered.len()]));
            } else if let [next, behind @ ..] = left[stream] {
                left[stream] = behind;
                delivered.push(next);
                row = Some(Row::after(row, next));
            }
        }
        prop_assert_eq!(row, Some(story.row()));
    }
}
