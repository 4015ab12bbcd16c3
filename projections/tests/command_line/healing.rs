//! Keys that were parked by a program that could not read their events (G11).

use crate::desk::Desk;
use crate::stories::wanted_by;

/// G11: the next program can read what the last one could not: `retry` makes the row what it would
/// always have been.
#[tokio::test]
async fn a_retry_by_a_program_that_can_read_the_event_heals_the_row() {
    let desk = Desk::with_students(2).await;
    assert_eq!(desk.says("replay my_page").code, 0);
    let id = wanted_by("student1", 0).id;
    let waits = |aggregate: &str, position: u32, revision: u32, name: &str| {
        format!("('my_page', '{id}', {position}, 'elearning.{aggregate}-{id}', {revision}, '{name}', 'odd')")
    };
    let waiting = [
        waits("apply", 0, 0, "Applied"),
        waits("payment", 1, 0, "PayRequested"),
        waits("payment", 2, 1, "PayCompleted"),
        waits("delivery", 3, 0, "DeliveryStarted"),
    ];
    desk.tamper(&format!("DELETE FROM my_page WHERE id = '{id}'")).await;
    desk.tamper(&format!("INSERT INTO parked VALUES {}", waiting.join(", "))).await;
    assert_eq!((desk.says("status").code, desk.says("verify my_page").code), (1, 1));

    let healed = desk.says(&format!("parked retry my_page {id} --format json"));
    assert_eq!(
        (healed.code, &healed.json()["applied"], &healed.json()["waiting"]),
        (0, &4.into(), &0.into())
    );
    assert_eq!((desk.says("status").code, desk.says("verify my_page").code), (0, 0));
    let again = desk.says(&format!("parked retry my_page {id}"));
    assert!(again.code == 1 && again.err.contains("nothing of my_page is parked under"), "{}", again.err);
}

/// G11: what still cannot be read stays where it is, and says why.
#[tokio::test]
async fn a_retry_that_does_not_help_says_why_and_exits_1() {
    let desk = Desk::with_students(1).await;
    desk.unreadable().await;
    assert_eq!(desk.says("replay my_page").code, 0);
    let retried = desk.says("parked retry my_page odd");
    assert_eq!(retried.code, 1);
    assert!(retried.out.contains("0 events applied, 1 still wait"), "{}", retried.out);
    assert!(retried.out.contains("malformed PayCompleted v1"), "{}", retried.out);
}

/// G11: an event that an operator skipped stays skipped: no later replay parks its key again.
#[tokio::test]
async fn a_replay_leaves_out_what_was_skipped_before() {
    let desk = Desk::with_students(1).await;
    desk.unreadable().await;
    assert_eq!((desk.says("replay my_page").code, desk.says("parked list").code), (0, 1));
    assert_eq!((desk.says("parked skip my_page odd").code, desk.says("parked list").code), (0, 0));
    assert_eq!((desk.says("replay my_page").code, desk.says("parked list").code), (0, 0));
    assert_eq!((desk.says("verify my_page").code, desk.says("status").code), (0, 0));
}
