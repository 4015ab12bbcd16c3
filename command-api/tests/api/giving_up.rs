use std::sync::Arc;
use std::time::Duration;

use event_store::{EventStore, MemoryStore};
use serde_json::json;

use crate::support::{Settings, TestApp};

const REASON: &str = "retries exhausted: it could not be paid in time";

/// EL-I14: the application ends in time; whether the provider has money of it is settled when it is
/// back.
#[tokio::test]
async fn an_application_that_cannot_be_paid_is_cancelled_and_says_why() {
    let give_up_after = Duration::from_millis(500);
    let app = TestApp::spawn(Settings { give_up_after, ..Settings::impatient() }).await;
    app.provider_outage(true);
    let (id, applied) = app.apply().await;
    assert_eq!(applied["payStatus"], "pending");
    app.until_last("apply", &id, "ApplyCancelled").await;
    let reason = app.get(&format!("/applies/{id}")).await["cancelReason"].clone();
    assert_eq!(reason, format!("the payment failed: {REASON}"));
    let my_page = app.my_page(&id).await;
    assert_eq!((&my_page["applyStatus"], &my_page["payStatus"]), (&json!("cancelled"), &json!("cancelling")));

    app.provider_outage(false);
    app.until_last("payment", &id, "PayFailed").await;
    app.settle().await;
    let my_page = app.my_page(&id).await;
    assert_eq!((&my_page["payStatus"], &my_page["failReason"]), (&json!("failed"), &json!(REASON)));
    assert_eq!(app.types("payment", &id).await, ["PayRequested", "PayGivenUp", "PayFailed"]);
    assert_eq!(app.types("delivery", &id).await, ["DeliveryCancelled"]);
}

/// EL-I14, EL-I20: the time runs from the application on, whichever process looks at the clock.
#[tokio::test]
async fn a_process_that_starts_when_the_time_is_up_gives_up() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let settings = || Settings { store: Arc::clone(&store), ..Settings::impatient() };
    let first = TestApp::spawn(settings()).await;
    first.provider_outage(true);
    let (id, _) = first.apply().await;
    first.until_last("payment", &id, "PayRequested").await;
    first.stop_process().await;
    let give_up_after = Duration::from_millis(1);
    let second = TestApp::spawn(Settings { give_up_after, ..settings() }).await;
    second.until_last("payment", &id, "PayFailed").await;
    second.settle().await;
    assert_eq!(second.types("payment", &id).await, ["PayRequested", "PayGivenUp", "PayFailed"]);
    assert_eq!(second.my_page(&id).await["applyStatus"], "cancelled");
}

/// EL-I14: who has paid keeps what was paid for, however old it becomes.
#[tokio::test]
async fn what_is_paid_is_not_given_up() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let first = TestApp::spawn(Settings {
        store: Arc::clone(&store),
        // Its policy never looks.
        head_start: Duration::from_secs(3600),
        ..Settings::default()
    });
    let first = first.await;
    let (id, applied) = first.apply().await;
    assert_eq!(applied["payStatus"], "completed");
    first.stop_process().await;
    let give_up_after = Duration::from_millis(1);
    let second = TestApp::spawn(Settings { store, give_up_after, ..Settings::impatient() }).await;
    second.until_last("delivery", &id, "DeliveryStarted").await;
    second.settle().await;
    assert_eq!(second.types("payment", &id).await, ["PayRequested", "PayCompleted"]);
    assert_eq!(second.my_page(&id).await["deliveryStatus"], "started");
}
