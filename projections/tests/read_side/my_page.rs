//! What the student sees in each case of the specification.

use axum::http::StatusCode;
use domain::elearning::{Application, CancelReason};
use domain::kernel::Shared;
use serde_json::{Value, json};

use crate::stories::*;
use crate::support::World;

/// The statuses of a row: application, payment, delivery.
fn statuses(row: &Value) -> [&str; 3] {
    ["applyStatus", "payStatus", "deliveryStatus"].map(|field| row[field].as_str().unwrap())
}

/// EL-I1: and the four resources all say completed.
#[tokio::test]
async fn an_application_that_is_paid_and_delivered_is_completed_everywhere() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    let position = world.happened(happy(&sale)).await;

    let row = world.my_page(sale.id, position).await;
    assert_eq!(statuses(&row), ["completed", "completed", "started"]);
    assert_eq!(
        (&row["bookQty"], &row["deliveryAddress"], &row["waitingFor"]),
        (&json!(10), &json!("seoul"), &Value::Null)
    );
    for name in ["applies", "pays", "deliveries"] {
        let list = world.get(&format!("/{name}?after={position}")).await;
        assert_eq!(list.items(name)[0]["applyStatus"], "completed", "{name}");
        assert_eq!(list.items(name)[0]["id"], json!(sale.id), "{name}");
    }
}

/// EL 1.5: what somebody wrote is shown as it was written, whatever it means to the database.
#[tokio::test]
async fn a_text_of_any_characters_is_shown_as_it_was_written() {
    let world = World::running().await;
    let odd =
        ["\"(a\\,{b}')\"", "\n\t\r\u{1}\u{7f}'';--", "null", "NULL", "", " ", "\\u0041 \\\\", "가🎉\u{2028}"];
    for (n, text) in (1..).zip(odd) {
        let (student_name, book_name) = (Some(text.to_owned()), None);
        let sale =
            Shared::new(Application { student_name, book_name, ..(*wanted_by("student1", n)).clone() });
        let position = world.happened(happy(&sale)).await;
        let row = world.my_page(sale.id, position).await;
        assert_eq!((&row["studentName"], &row["bookName"]), (&json!(text), &Value::Null));
        let list = world.get(&format!("/applies?size=100&after={position}")).await;
        let shown = list.items("applies").iter().find(|item| item["id"] == json!(sale.id));
        assert_eq!(shown.unwrap()["studentName"], text);
    }
}

/// EL-I2: all cancelled, the address kept.
#[tokio::test]
async fn a_cancelled_application_is_cancelled_everywhere_and_keeps_its_address() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    world.happened(happy(&sale)).await;
    let position = world.happened(cancelled(&sale)).await;

    let row = world.my_page(sale.id, position).await;
    assert_eq!(statuses(&row), ["cancelled", "cancelled", "cancelled"]);
    assert_eq!(
        (&row["deliveryAddress"], &row["cancelReason"]),
        (&json!("seoul"), &json!("cancelled by the student"))
    );
    for (name, address) in [("applies", "address"), ("pays", "address"), ("deliveries", "deliveryAddress")] {
        let list = world.get(&format!("/{name}?after={position}")).await;
        assert_eq!(list.items(name)[0]["applyStatus"], "cancelled", "{name}");
        assert_eq!(list.items(name)[0][address], "seoul", "{name}");
    }
}

/// EL-I3: the payment that completes late does not bring it back.
#[tokio::test]
async fn an_application_cancelled_before_its_payment_stays_cancelled_when_the_money_comes() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    world.happened([applied(&sale), requested(&sale)]).await;
    let [apply_cancelled, pay_cancel_requested, delivery_cancelled, pay_cancelled] = cancelled(&sale);

    let then = [
        (apply_cancelled, ["cancelled", "pending", "none"]),
        (pay_cancel_requested, ["cancelled", "cancelling", "none"]),
        (paid_too_late(&sale), ["cancelled", "cancelling", "none"]),
        (delivery_cancelled, ["cancelled", "cancelling", "cancelled"]),
        (pay_cancelled, ["cancelled", "cancelled", "cancelled"]),
    ];
    for (fact, expected) in then {
        let position = world.happened([fact]).await;
        assert_eq!(statuses(&world.my_page(sale.id, position).await), expected);
    }
}

/// EL-I5: while the delivery is down, MyPage says that the cancel waits for it.
#[tokio::test]
async fn a_cancel_that_waits_for_the_delivery_says_so() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    world.happened(happy(&sale)).await;
    let reason = CancelReason::StudentCancelled;
    let position = world.happened([apply_cancelled(&sale, reason), pay_cancel_requested(&sale)]).await;

    let row = world.my_page(sale.id, position).await;
    assert_eq!(statuses(&row), ["cancelled", "cancelling", "started"]);
    assert_eq!(row["waitingFor"], "delivery");
    let pays = world.get(&format!("/pays?after={position}")).await;
    assert_eq!(pays.items("pays")[0]["applyStatus"], "completed", "as the documents keep it");
}

/// EL-I9: cancelled through `/pays/{id}`, the application shows it too.
#[tokio::test]
async fn a_payment_cancelled_directly_cancels_the_application_too() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    world.happened(happy(&sale)).await;
    let facts = [
        pay_cancel_requested(&sale),
        delivery_cancelled(&sale),
        pay_cancelled(&sale),
        apply_cancelled(&sale, CancelReason::PaymentCancelled),
    ];
    let position = world.happened(facts).await;

    let row = world.my_page(sale.id, position).await;
    assert_eq!(statuses(&row), ["cancelled", "cancelled", "cancelled"]);
    assert_eq!(row["cancelReason"], "the payment was cancelled");
    let applies = world.get(&format!("/applies?after={position}")).await;
    assert_eq!(applies.items("applies")[0]["id"], json!(sale.id));
}

/// EL-I14
#[tokio::test]
async fn a_payment_refused_for_good_is_shown_with_its_reason() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    let reason = CancelReason::PaymentFailed { reason: "card declined".to_owned() };
    let facts = [applied(&sale), requested(&sale), refused(&sale), apply_cancelled(&sale, reason)];
    let position = world.happened(facts).await;

    let row = world.my_page(sale.id, position).await;
    assert_eq!(statuses(&row), ["cancelled", "failed", "none"]);
    assert_eq!((&row["failReason"], &row["waitingFor"]), (&json!("card declined"), &Value::Null));
}

/// EL-I16: MyPage was down during everything.
#[tokio::test]
async fn what_happened_while_the_read_side_was_down_is_there_when_it_returns() {
    let mut world = World::running().await;
    let (first, second) = (wanted_by("student1", 1), wanted_by("student1", 2));
    let position = world.happened(happy(&first)).await;
    world.my_page(first.id, position).await;
    world.stop().await;
    world.happened(cancelled(&first)).await;
    let position = world.happened(happy(&second)).await;

    world.start().await.unwrap();
    assert_eq!(statuses(&world.my_page(first.id, position).await), ["cancelled", "cancelled", "cancelled"]);
    assert_eq!(statuses(&world.my_page(second.id, position).await), ["completed", "completed", "started"]);
}

/// EL-I17: the streams come in any order.
#[tokio::test]
async fn a_payment_seen_before_its_application_makes_the_row() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    let position = world.happened([requested(&sale), paid(&sale)]).await;
    let row = world.my_page(sale.id, position).await;
    assert_eq!((statuses(&row), &row["studentName"]), (["completed", "completed", "none"], &json!("홍길동")));

    let position = world.happened([started(&sale), applied(&sale)]).await;
    let row = world.my_page(sale.id, position).await;
    assert_eq!(statuses(&row), ["completed", "completed", "started"]);
}

/// EL-I20: the rows outlive the process, and nothing is applied twice.
#[tokio::test]
async fn a_restart_finds_everything_where_it_was() {
    let mut world = World::running().await;
    let sale = wanted_by("student1", 1);
    let position = world.happened(happy(&sale)).await;
    world.my_page(sale.id, position).await;
    world.considered("resources", position).await;
    let before = world.rows().await;
    world.stop().await;

    assert_eq!(world.rows().await, before);
    world.start().await.unwrap();
    assert_eq!(world.get("/myPages").await.header("as-of"), Some("3"), "it goes on from its checkpoint");
    assert_eq!(world.rows().await, before);
}

/// EL 1.2: an unknown id, and one that is none.
#[tokio::test]
async fn an_application_that_nobody_made_is_not_found() {
    let world = World::running().await;
    for id in ["01900000-0000-7000-8000-0000000000ff", "1"] {
        let answer = world.get(&format!("/myPages/{id}")).await;
        assert_eq!((answer.status, &answer.body["code"]), (StatusCode::NOT_FOUND, &json!("NOT_FOUND")));
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    }
}
