use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{TestApp, documents_application, spawn_app};

/// Sends a body and answers the status, the code and the fields that are named.
async fn refused(
    app: &TestApp,
    method: Method,
    path: &str,
    body: impl Into<reqwest::Body>,
) -> (u16, String, Vec<String>) {
    let response = app.send(method, path, body).await;
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{path}");
    let problem: Value = response.json().await.unwrap();
    assert_eq!(problem["status"], status);
    let fields = problem["errors"].as_array().cloned().unwrap_or_default();
    let fields = fields.iter().map(|error| error["field"].as_str().unwrap().to_owned()).collect();
    (status, problem["code"].as_str().unwrap().to_owned(), fields)
}

fn with(field: &str, value: Value) -> String {
    let mut body = documents_application();
    body[field] = value;
    body.to_string()
}

/// G14
#[tokio::test]
async fn what_makes_no_sense_is_refused_field_by_field_and_nothing_happens() {
    let app = spawn_app().await;
    for (field, value) in [
        ("qty", json!("abc")),
        ("qty", json!(0)),
        ("qty", json!(1.5)),
        ("qty", json!("99999999999999999999999")),
        ("qty", json!([1])),
        ("amount", json!(-1)),
        ("amount", json!("1e400")),
        ("amount", json!("NaN")),
        ("amount", json!(true)),
        ("bookId", Value::Null),
        ("bookId", json!("  ")),
        ("studentId", json!("x".repeat(256))),
        ("studentName", json!({ "first": "길동" })),
        ("applyStatus", json!("paid")),
        ("applyStatus", json!("cancelled")),
    ] {
        let answer = refused(&app, Method::POST, "/applies", with(field, value.clone())).await;
        assert_eq!(answer, (400, "INVALID_INPUT".to_owned(), vec![field.to_owned()]), "{field}: {value}");
    }
    let (status, _, fields) = refused(&app, Method::POST, "/applies", "{}").await;
    assert_eq!((status, fields), (400, ["studentId", "bookId", "qty", "amount"].map(str::to_owned).into()));
    for body in ["", "{", "[]", "qty=1", "\u{feff}", "{\"qty\": 1e}"] {
        let (status, code, _) = refused(&app, Method::POST, "/applies", body).await;
        assert_eq!((status, code.as_str()), (400, "MALFORMED_BODY"), "{body:?}");
    }
    assert_eq!(app.business_events().await, 0);
}

/// G14
#[tokio::test]
async fn what_is_not_served_is_refused_in_the_same_form() {
    let app = spawn_app().await;
    let (id, _) = app.apply().await;
    app.settle().await;
    let before = app.business_events().await;
    let one = format!("/applies/{id}");
    let my_page = format!("/myPages/{id}");
    let unknown = "/applies/01900000-0000-7000-8000-00000000ffff";
    for (method, path, status, code) in [
        (Method::GET, "/nothing", 404, "NO_SUCH_ROUTE"),
        (Method::DELETE, one.as_str(), 405, "METHOD_NOT_ALLOWED"),
        (Method::DELETE, "/applies", 405, "METHOD_NOT_ALLOWED"),
        (Method::POST, "/myPages", 405, "METHOD_NOT_ALLOWED"),
        (Method::PUT, my_page.as_str(), 405, "METHOD_NOT_ALLOWED"),
        (Method::GET, unknown, 404, "NOT_FOUND"),
        (Method::GET, "/applies/1", 404, "NOT_FOUND"),
        (Method::GET, "/pays/1", 404, "NOT_FOUND"),
        (Method::GET, "/deliveries/%00", 404, "NOT_FOUND"),
        (Method::POST, "/contexts/kitchen/stop", 404, "NOT_FOUND"),
    ] {
        let answer = refused(&app, method.clone(), path, "{}").await;
        assert_eq!(answer, (status, code.to_owned(), vec![]), "{method} {path}");
    }
    assert_eq!(app.business_events().await, before);
}

/// G14: ten megabytes are not read to the end.
#[tokio::test]
async fn a_body_that_is_far_too_large_is_refused() {
    let app = spawn_app().await;
    let body = with("address", json!("x".repeat(100_000)));
    let (status, code, _) = refused(&app, Method::POST, "/applies", body).await;
    assert_eq!((status, code.as_str()), (413, "BODY_TOO_LARGE"));
    // The server may hang up while the client is still sending: no answer is an answer too.
    let body = with("address", json!("x".repeat(10_000_000)));
    if let Ok(response) = app.request(Method::POST, "/applies").body(body).send().await {
        assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
    assert_eq!(app.business_events().await, 0);
}

/// SPEC 0.2, 1.2: texts or numbers, and the four fields of the load test suffice.
#[tokio::test]
async fn the_bodies_of_the_documents_are_understood() {
    let app = spawn_app().await;
    let siege = r#"{"studentId":"test123", "bookId":"bok123", "qty": "11", "amount":"2000"}"#;
    let numbers = r#"{"studentId":1, "bookId":2, "qty": 11, "amount":2000.50, "unknown": {"a": []}}"#;
    for (body, student, amount) in [(siege, "test123", "2000.0"), (numbers, "1", "2000.5")] {
        let response = app.send(Method::POST, "/applies", body).await;
        assert_eq!(response.status(), StatusCode::CREATED, "{body}");
        assert_eq!(response.headers()["content-type"], "application/hal+json");
        let applied: Value = response.json().await.unwrap();
        assert_eq!(
            (applied["studentId"].as_str().unwrap(), &*applied["amount"].to_string()),
            (student, amount)
        );
        assert_eq!((&applied["qty"], &applied["address"]), (&json!(11), &Value::Null));
    }
}

/// G5: a retry gets the first answer; the key with another body is refused; no key, another order.
#[tokio::test]
async fn a_retry_with_the_same_key_is_the_same_application() {
    let app = spawn_app().await;
    let post = async |key: &'static str, body: String| {
        app.request(Method::POST, "/applies").header("idempotency-key", key).body(body).send().await.unwrap()
    };
    let body = || documents_application().to_string();
    let first = post("click-1", body()).await;
    let retry = post("click-1", body()).await;
    assert_eq!((first.status(), retry.status()), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.headers()["location"], retry.headers()["location"]);
    // Not even a client that repeats its request id with another body gets past this.
    let other = app
        .request(Method::POST, "/applies")
        .header("idempotency-key", "click-1")
        .header("x-request-id", first.headers()["x-request-id"].clone())
        .body(with("qty", json!(11)));
    let other = other.send().await.unwrap();
    assert_eq!(other.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.json::<Value>().await.unwrap()["code"], "IDEMPOTENCY_KEY_REUSED");
    assert_ne!(post("click-2", body()).await.headers()["location"], first.headers()["location"]);
    app.settle().await;
    assert_eq!(app.business_events().await, 8, "two applications, paid and delivered");

    let id = first.headers()["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
    app.cancel(&id).await;
    app.until_last("payment", &id, "PayCancelled").await;
    let late = post("click-1", body()).await;
    assert_eq!(late.status(), StatusCode::CREATED);
    assert_eq!(late.json::<Value>().await.unwrap()["applyStatus"], "cancelled");
}

/// EL 1.2, D8: the internal commands keep their routes and are idempotent by the request id.
#[tokio::test]
async fn the_commands_between_contexts_can_be_sent_by_hand() {
    let app = spawn_app().await;
    let id = "01900000-0000-7000-8000-0000000000aa";
    let mut pay = documents_application();
    pay["id"] = id.into();
    for _ in 0..2 {
        let response = app.send(Method::POST, "/pays", pay.to_string()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.json::<Value>().await.unwrap()["payStatus"], "completed");
    }
    app.until_last("delivery", id, "DeliveryStarted").await;
    pay["applyStatus"] = "cancelled".into();
    pay["deliveryAddress"] = "seoul".into();
    for _ in 0..2 {
        let response = app.send(Method::POST, "/deliveries", pay.to_string()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        assert_eq!(response.json::<Value>().await.unwrap()["deliveryAddress"], "seoul");
    }
    let again = app.send(Method::POST, &format!("/deliveries/{id}/cancel"), "").await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(app.types("delivery", id).await, ["DeliveryStarted", "DeliveryCancelled"]);
}
