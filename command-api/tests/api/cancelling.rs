use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestApp, documents_application, spawn_app};

/// Everything that was cancelled says so, and the address is kept.
async fn all_cancelled(app: &TestApp, id: &str) {
    app.settle().await;
    for path in ["applies", "pays", "deliveries"] {
        assert_eq!(app.get(&format!("/{path}/{id}")).await["applyStatus"], "cancelled", "{path}");
    }
    let my_page = app.my_page(id).await;
    for field in ["applyStatus", "payStatus", "deliveryStatus"] {
        assert_eq!(my_page[field], "cancelled", "{field}");
    }
    assert_eq!(my_page["deliveryAddress"], "seoul");
}

async fn applied_and_delivered(app: &TestApp) -> String {
    let (id, _) = app.apply().await;
    app.until_last("delivery", &id, "DeliveryStarted").await;
    id
}

/// EL-F6, EL-F7, EL-N1.1, EL-I2; SPEC 1.7-7: the delivery is cancelled before the payment.
#[tokio::test]
async fn a_student_cancels_and_all_of_it_is_undone_in_the_right_order() {
    let app = spawn_app().await;
    let id = applied_and_delivered(&app).await;
    let response = app.cancel(&id).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.json::<Value>().await.unwrap()["applyStatus"], "cancelled");
    app.until_last("payment", &id, "PayCancelled").await;
    all_cancelled(&app, &id).await;
    let undone = ["ApplyCancelled", "PayCancelRequested", "DeliveryCancelled", "PayCancelled"];
    assert_eq!(app.story(&id).await[4..], undone);
}

/// C1.12, C2.8: every event names the request it belongs to and the event it follows from.
#[tokio::test]
async fn every_event_says_what_it_belongs_to_and_what_it_follows_from() {
    let app = spawn_app().await;
    let id = applied_and_delivered(&app).await;
    app.cancel(&id).await;
    app.until_last("payment", &id, "PayCancelled").await;
    app.settle().await;
    let mut causes = Vec::new();
    let mut all = Vec::new();
    for aggregate in ["apply", "payment", "delivery"] {
        all.extend(app.events(aggregate, &id).await);
    }
    for event in &all {
        let metadata: Value = serde_json::from_slice(&event.metadata).unwrap();
        assert_eq!(metadata["$correlationId"], id.as_str());
        let cause = all.iter().find(|cause| metadata["$causationId"] == cause.id.to_string());
        causes.push((event.event_type.to_string(), cause.map(|cause| cause.event_type.to_string())));
    }
    let cause_of = |event: &str| causes.iter().find(|(of, _)| of == event).unwrap().1.as_deref();
    for (event, cause) in [
        ("Applied", None),
        ("PayRequested", Some("Applied")),
        ("PayCompleted", Some("PayRequested")),
        ("DeliveryStarted", Some("PayCompleted")),
        ("ApplyCancelled", None),
        ("PayCancelRequested", Some("ApplyCancelled")),
        ("DeliveryCancelled", Some("PayCancelRequested")),
        ("PayCancelled", Some("PayCancelRequested")),
    ] {
        assert_eq!(cause_of(event), cause, "{event}");
    }
}

/// EL-I8: at once and later.
#[tokio::test]
async fn cancelling_twice_is_cancelling_once() {
    let app = spawn_app().await;
    let id = applied_and_delivered(&app).await;
    let (first, second) = tokio::join!(app.cancel(&id), app.cancel(&id));
    assert_eq!((first.status(), second.status()), (StatusCode::OK, StatusCode::OK));
    app.until_last("payment", &id, "PayCancelled").await;
    assert_eq!(app.cancel(&id).await.status(), StatusCode::OK);
    all_cancelled(&app, &id).await;
    assert_eq!(app.story(&id).await.len(), 8);
}

/// EL-I9, EL-I10; D7: through the payment itself, under both spellings, also while the student
/// cancels.
#[tokio::test]
async fn cancelling_the_payment_cancels_the_application_too() {
    let app = spawn_app().await;
    let id = applied_and_delivered(&app).await;
    let cancelled = json!({ "applyStatus": "cancelled" }).to_string();
    let response = app.send(Method::PUT, &format!("/pay/{id}"), cancelled).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.json::<Value>().await.unwrap()["applyStatus"], "cancelled");
    app.until_last("apply", &id, "ApplyCancelled").await;
    all_cancelled(&app, &id).await;

    let other = applied_and_delivered(&app).await;
    let (pay, apply) = tokio::join!(app.cancel_payment(&other), app.cancel(&other));
    assert_eq!((pay.status(), apply.status()), (StatusCode::OK, StatusCode::OK));
    app.until_last("payment", &other, "PayCancelled").await;
    all_cancelled(&app, &other).await;
    assert_eq!(app.story(&other).await.len(), 8);
}

/// EL-I19, SPEC 1.3: what a `PUT` may say and what not.
#[tokio::test]
async fn an_application_is_cancelled_or_stays_what_it_is() {
    let app = spawn_app().await;
    let id = applied_and_delivered(&app).await;
    let path = format!("/applies/{id}");
    let put = async |changes: Value| {
        let mut body = documents_application();
        body.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let response = app.send(Method::PUT, &path, body.to_string()).await;
        (response.status(), response.json::<Value>().await.unwrap())
    };
    assert_eq!(put(json!({})).await.0, StatusCode::OK, "it is completed");
    let (status, problem) = put(json!({ "qty": 11 })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("APPLY_IS_IMMUTABLE")));
    let (status, cancelled) =
        put(json!({ "applyStatus": "applyCancelled", "qty": 99, "address": "busan" })).await;
    assert_eq!(status, StatusCode::OK, "the synonym of an earlier version");
    assert_eq!((&cancelled["qty"], &cancelled["address"]), (&json!(10), &json!("seoul")));
    let (status, problem) = put(json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("APPLY_ALREADY_CANCELLED")));
    let unknown = "/applies/01900000-0000-7000-8000-00000000ffff";
    let response = app.send(Method::PUT, unknown, documents_application().to_string()).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

/// G8: the revision that the student saw is the one that is changed.
#[tokio::test]
async fn a_change_of_something_that_changed_since_is_refused() {
    let app = spawn_app().await;
    let id = applied_and_delivered(&app).await;
    let path = format!("/applies/{id}");
    let etag = app.send(Method::GET, &path, "").await.headers()["etag"].clone();
    let cancel = async || {
        let request = app.request(Method::PATCH, &path).header("if-match", etag.clone());
        request.body(r#"{"applyStatus":"cancelled"}"#).send().await.unwrap()
    };
    assert_eq!(cancel().await.status(), StatusCode::OK);
    let stale = cancel().await;
    assert_eq!(stale.status(), StatusCode::PRECONDITION_FAILED);
    assert_eq!(stale.json::<Value>().await.unwrap()["code"], "PRECONDITION_FAILED");
}
