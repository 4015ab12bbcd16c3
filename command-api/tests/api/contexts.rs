use std::sync::Arc;

use command_api::payment_provider::Simulation;
use event_store::{EventStore, MemoryStore};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Settings, TestApp, documents_application, spawn_app};

/// EL-N2.1; SPEC 1.7-12: the delivery follows when it is back.
#[tokio::test]
async fn applying_and_paying_work_while_delivery_is_down() {
    let app = spawn_app().await;
    app.stop("delivery").await;
    let (id, applied) = app.apply().await;
    assert_eq!(applied["payStatus"], "completed");
    app.settle().await;
    assert_eq!(app.my_page(&id).await["deliveryStatus"], "none");
    let down = app.send(Method::GET, &format!("/deliveries/{id}"), "").await;
    assert_eq!(down.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(down.json::<Value>().await.unwrap()["code"], "CONTEXT_STOPPED");

    app.start("delivery").await;
    app.until_last("delivery", &id, "DeliveryStarted").await;
    assert_eq!(app.my_page(&id).await["deliveryStatus"], "started");
}

/// EL-I5; SPEC 1.7-8 to 1.7-10.
#[tokio::test]
async fn a_cancel_waits_for_delivery_and_then_finishes_by_itself() {
    let app = spawn_app().await;
    let (id, _) = app.apply().await;
    app.until_last("delivery", &id, "DeliveryStarted").await;
    app.stop("delivery").await;
    assert_eq!(app.cancel(&id).await.status(), StatusCode::OK);
    app.until_last("payment", &id, "PayCancelRequested").await;
    assert_eq!(app.get(&format!("/pays/{id}")).await["applyStatus"], "completed");
    let direct = app.cancel_payment(&id).await;
    assert_eq!(direct.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(direct.headers().contains_key("retry-after"));
    assert_eq!(direct.json::<Value>().await.unwrap()["code"], "DELIVERY_UNAVAILABLE");
    let my_page = app.my_page(&id).await;
    assert_eq!((&my_page["applyStatus"], &my_page["payStatus"]), (&json!("cancelled"), &json!("cancelling")));

    app.start("delivery").await;
    app.until_last("payment", &id, "PayCancelled").await;
    app.settle().await;
    assert_eq!(app.story(&id).await.len(), 8, "nothing twice");
}

/// EL-I6: at most a started and cancelled pair, and the payment is cancelled last.
#[tokio::test]
async fn a_cancel_during_a_long_outage_of_delivery_ends_cancelled() {
    let app = spawn_app().await;
    app.stop("delivery").await;
    let (id, _) = app.apply().await;
    assert_eq!(app.cancel(&id).await.status(), StatusCode::OK);
    app.until_last("payment", &id, "PayCancelRequested").await;
    app.start("delivery").await;
    app.until_last("payment", &id, "PayCancelled").await;
    app.settle().await;
    let delivery = app.types("delivery", &id).await;
    assert!(
        delivery == ["DeliveryCancelled"] || delivery == ["DeliveryStarted", "DeliveryCancelled"],
        "{delivery:?}"
    );
    let story = app.story(&id).await;
    let place = |event: &str| story.iter().position(|happened| happened == event);
    assert!(place("DeliveryCancelled") < place("PayCancelled"), "{story:?}");
}

/// EL-I11; SPEC 1.7-11.
#[tokio::test]
async fn an_application_is_accepted_while_payment_is_down_and_paid_for_later_once() {
    let app = TestApp::spawn(Settings::impatient()).await;
    app.stop("payment").await;
    let (id, applied) = app.apply().await;
    assert_eq!(applied["payStatus"], "pending");
    assert_eq!(applied["message"], "Pay service is BUSY. Try again later");
    assert_eq!(app.my_page(&id).await["payStatus"], "pending");
    app.start("payment").await;
    app.until_last("delivery", &id, "DeliveryStarted").await;
    app.settle().await;
    assert_eq!(app.types("payment", &id).await, ["PayRequested", "PayCompleted"]);
}

/// EL-I11, EL-I13
#[tokio::test]
async fn an_outage_of_the_provider_defers_payments_and_each_is_made_once_afterwards() {
    let app = TestApp::spawn(Settings::impatient()).await;
    app.provider_outage(true);
    let mut ids = Vec::new();
    for _ in 0..30 {
        let (id, applied) = app.apply().await;
        assert_eq!(applied["payStatus"], "pending");
        ids.push(id);
    }
    app.provider_outage(false);
    for id in &ids {
        app.until_last("delivery", id, "DeliveryStarted").await;
    }
    app.settle().await;
    for id in &ids {
        assert_eq!(app.story(id).await.len(), 4, "one payment and one delivery");
    }
}

/// EL-I12, D11: a timeout is an unknown outcome.
#[tokio::test]
async fn a_payment_slower_than_the_patience_of_apply_completes_once() {
    let app = TestApp::spawn(Settings::impatient()).await;
    app.provider_takes(400);
    let (id, applied) = app.apply().await;
    assert_eq!(applied["payStatus"], "pending");
    app.until_last("delivery", &id, "DeliveryStarted").await;
    app.settle().await;
    assert_eq!(app.types("payment", &id).await, ["PayRequested", "PayCompleted"]);
    assert_eq!(app.my_page(&id).await["payStatus"], "completed");
}

/// EL-I15: the payment that was waiting is withdrawn.
#[tokio::test]
async fn an_unpaid_application_that_is_cancelled_while_payment_is_down_is_never_paid() {
    let app = TestApp::spawn(Settings::impatient()).await;
    app.stop("payment").await;
    let (id, _) = app.apply().await;
    assert_eq!(app.cancel(&id).await.status(), StatusCode::OK);
    app.start("payment").await;
    app.until_last("payment", &id, "PayCancelled").await;
    app.settle().await;
    let payment = app.types("payment", &id).await;
    assert!(!payment.contains(&"PayCompleted".to_owned()), "{payment:?}");
    assert!(!app.types("delivery", &id).await.contains(&"DeliveryStarted".to_owned()));
    assert_eq!(app.my_page(&id).await["applyStatus"], "cancelled");
}

/// EL-I3: cancelled while the provider is being asked.
#[tokio::test]
async fn a_cancel_while_the_payment_is_under_way_ends_with_nothing_paid_or_delivered() {
    let app = TestApp::spawn(Settings::impatient()).await;
    app.provider_takes(500);
    let (id, _) = app.apply().await;
    assert_eq!(app.cancel(&id).await.status(), StatusCode::OK);
    app.until_last("payment", &id, "PayCancelled").await;
    app.settle().await;
    assert!(!app.types("delivery", &id).await.contains(&"DeliveryStarted".to_owned()));
    let my_page = app.my_page(&id).await;
    assert_eq!((&my_page["applyStatus"], &my_page["payStatus"]), (&json!("cancelled"), &json!("cancelled")));
}

/// EL-I14
#[tokio::test]
async fn a_declined_payment_cancels_the_application_and_says_why() {
    let app = spawn_app().await;
    app.provider.simulate(Simulation { declined_pct: 100, ..Simulation::default() });
    let (id, applied) = app.apply().await;
    assert_eq!(applied["payStatus"], "failed");
    app.until_last("apply", &id, "ApplyCancelled").await;
    app.settle().await;
    let my_page = app.my_page(&id).await;
    assert_eq!((&my_page["applyStatus"], &my_page["payStatus"]), (&json!("cancelled"), &json!("failed")));
    let reason = app.get(&format!("/applies/{id}")).await["cancelReason"].clone();
    assert_eq!(reason, "the payment failed: card declined");
    assert_eq!(app.types("delivery", &id).await, Vec::<String>::new());
}

/// EL-I14, G5: refused is final, also for a client that repeats its request to the letter.
#[tokio::test]
async fn a_payment_that_was_declined_is_not_asked_for_again() {
    let app = spawn_app().await;
    app.provider.simulate(Simulation { declined_pct: 100, ..Simulation::default() });
    let apply = async || {
        let request = app.request(Method::POST, "/applies").header("idempotency-key", "click-1");
        let request = request.header("x-request-id", "01900000-0000-7000-8000-0000000000bb");
        let response = request.body(documents_application().to_string()).send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    let (_, declined) = apply().await;
    app.provider.simulate(Simulation::default());
    app.until_last("apply", declined["id"].as_str().unwrap(), "ApplyCancelled").await;
    let (status, again) = apply().await;
    assert_eq!((status, &again["applyStatus"]), (StatusCode::CREATED, &json!("cancelled")));
    app.settle().await;
    let payment = app.types("payment", declined["id"].as_str().unwrap()).await;
    assert_eq!(payment, ["PayRequested", "PayFailed"]);
}

/// G12: only the paths of the stopped context answer 503.
#[tokio::test]
async fn a_stopped_context_leaves_the_others_working() {
    let app = spawn_app().await;
    let (id, _) = app.apply().await;
    app.stop("apply").await;
    let refused = app.send(Method::POST, "/applies", documents_application().to_string()).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.get(&format!("/pays/{id}")).await["applyStatus"], "completed");
    assert_eq!(app.my_page(&id).await["payStatus"], "completed");
    app.start("apply").await;
    app.apply().await;
}

/// DESIGN 2: the same story with every context in a process of its own, the synchronous calls over
/// HTTP.
#[tokio::test]
async fn contexts_split_over_http_behave_as_in_one_process() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let process = |context| Settings {
        store: Arc::clone(&store),
        contexts: Some(vec![context]),
        ..Settings::default()
    };
    let delivery = TestApp::spawn(process("delivery")).await;
    let payment =
        TestApp::spawn(Settings { delivery_url: Some(delivery.url.clone()), ..process("payment") }).await;
    let app = TestApp::spawn(Settings { payment_url: Some(payment.url.clone()), ..process("apply") }).await;

    let (id, applied) = app.apply().await;
    assert_eq!(applied["payStatus"], "completed");
    app.until_last("delivery", &id, "DeliveryStarted").await;
    app.cancel(&id).await;
    app.until_last("payment", &id, "PayCancelled").await;
    payment.settle().await;
    assert_eq!(app.story(&id).await.len(), 8);
    let event = &app.events("delivery", &id).await[1];
    let metadata: Value = serde_json::from_slice(&event.metadata).unwrap();
    let cause = &app.events("payment", &id).await[2];
    assert_eq!(metadata["$causationId"], cause.id.to_string(), "the cause crosses processes");

    payment.stop("delivery").await;
    delivery.stop("delivery").await;
    let (other, _) = app.apply().await;
    let refused = payment.cancel_payment(&other).await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    delivery.start("delivery").await;
    app.until_last("payment", &other, "PayCancelled").await;
}

/// EL-I20, G13: told to stop, a process finishes what it began; another one goes on.
#[tokio::test]
async fn another_process_takes_up_what_the_last_one_left() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let first = TestApp::spawn(Settings { store: Arc::clone(&store), ..Settings::impatient() }).await;
    first.provider_outage(true);
    let (id, applied) = first.apply().await;
    assert_eq!(applied["payStatus"], "pending");
    first.stop_process().await;
    let second = TestApp::spawn(Settings { store, ..Settings::impatient() }).await;
    second.until_last("delivery", &id, "DeliveryStarted").await;
    assert_eq!(second.types("payment", &id).await, ["PayRequested", "PayCompleted"]);
    assert_eq!(second.my_page(&id).await["deliveryStatus"], "started");
}

/// G3, C2.10: each event is handled by one of them; when that one dies the other takes over without
/// a gap; when it is told to stop it hands over at once.
#[tokio::test]
async fn of_two_replicas_one_reacts_and_the_other_takes_over() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let replica = || {
        let lease = Some(std::time::Duration::from_millis(600));
        TestApp::spawn(Settings { store: Arc::clone(&store), lease, ..Settings::default() })
    };
    let first = replica().await;
    first.until_policy("start-delivery", true).await;
    let second = replica().await;
    let mut ids = Vec::new();
    for _ in 0..10 {
        ids.push(first.apply().await.0);
        ids.push(second.apply().await.0);
    }
    first.until_last("delivery", &ids[19], "DeliveryStarted").await;
    second.until_policy("start-delivery", false).await;
    first.kill_process().await;
    let (orphan, _) = second.apply().await;
    second.until_last("delivery", &orphan, "DeliveryStarted").await;
    let third = replica().await;
    second.until_policy("settle-payment", true).await;
    second.stop_process().await;
    let (last, _) = third.apply().await;
    third.until_last("delivery", &last, "DeliveryStarted").await;
    third.settle().await;
    for id in ids.iter().chain([&orphan, &last]) {
        assert_eq!(third.story(id).await.len(), 4, "nothing twice, nothing lost");
    }
}
