//! Copies of the past.

use jiff::Timestamp;

use crate::desk::Desk;

/// DESIGN 7: `--as-of` a time shows everything that was recorded by then, and nothing later.
#[tokio::test]
async fn a_copy_as_of_a_time_ends_with_the_last_event_recorded_by_then() {
    let desk = Desk::with_students(1).await;
    desk.serves(1).await;
    let recorded = desk.recorded().await;
    let last_by = |time: u64| recorded.iter().rposition(|recorded| *recorded <= time).unwrap();
    let time = |microseconds: u64| Timestamp::from_microsecond(microseconds as i64).unwrap();

    let copied = desk.says(&format!("replay my_page --as-of {} --format json", time(recorded[3])));
    assert_eq!(copied.code, 0, "{}", copied.err);
    assert_eq!(copied.json()["position"], last_by(recorded[3]));
    assert_eq!(copied.json()["switched"], false);
    let earlier = desk.says(&format!("replay my_page --as-of {}", time(recorded[0] - 1)));
    assert!(earlier.code == 1 && earlier.err.contains("nothing was recorded by"), "{}", earlier.err);
    let never = desk.says("replay my_page --as-of yesterday");
    assert!(never.code == 1 && never.err.contains("takes a position or a time"), "{}", never.err);
}
