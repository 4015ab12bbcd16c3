use std::process::{Command, Output};
use std::sync::Arc;

use event_store::{Decoded, Direction, EventStore, ExpectedRevision, MemoryStore, NewEvent, StreamName};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Settings, TestApp, spawn_app};

/// An application whose payment nobody can read: `start-delivery` has parked it.
async fn parked(app: &TestApp) -> String {
    app.stop("payment").await;
    let (id, _) = app.apply().await;
    let metadata = json!({
        "$correlationId": id, "$causationId": id, "actor": "test", "time": 0, "schemaVersion": 1,
    });
    let poison = NewEvent {
        id: "01900000-0000-7000-8000-00000000dead".parse().unwrap(),
        event_type: "PayCompleted".into(),
        data: "{}".into(),
        metadata: metadata.to_string().into(),
        decoded: Decoded::default(),
    };
    let stream = StreamName::new(format!("elearning.payment-{id}")).unwrap();
    app.store.append(&stream, ExpectedRevision::NoStream, vec![poison]).await.unwrap();
    app.until_parked("start-delivery", 1).await;
    id
}

async fn order(app: &TestApp, id: &str, order: &str, body: &str) -> (StatusCode, Value) {
    let path = format!("/policies/start-delivery/parked/{id}/{order}");
    let response = app.send(Method::POST, &path, body.to_owned()).await;
    (response.status(), response.json().await.unwrap())
}

/// G11: what cannot be read waits for an operator, who sees what and why.
#[tokio::test]
async fn an_operator_looks_retries_and_skips() {
    let app = spawn_app().await;
    let id = parked(&app).await;
    let listed = app.get("/policies/start-delivery/parked").await;
    assert_eq!((&listed[0]["key"], &listed[0]["eventType"]), (&json!(id), &json!("PayCompleted")));
    assert_eq!(listed[0]["stream"], format!("elearning.payment-{id}"));
    assert!(listed[0]["error"].as_str().unwrap().contains("malformed PayCompleted v1"), "{listed}");
    let health = app.get("/actuator/health").await;
    assert_eq!(health, json!({"status": "UP", "warnings": ["policy start-delivery has parked 1"]}));

    let (status, retried) = order(&app, &id, "retry", r#"{"by": "kim"}"#).await;
    assert_eq!((status, &retried["by"]), (StatusCode::ACCEPTED, &json!("kim")));
    app.until("it is parked again", async || {
        app.get("/policies/start-delivery/parked").await[0]["ordered"] == false
    })
    .await;

    let (status, skipped) = order(&app, &id, "skip", "").await;
    assert_eq!((status, &skipped["reactions"][0]["key"]), (StatusCode::ACCEPTED, &json!(id)));
    app.until_parked("start-delivery", 0).await;
    assert_eq!(app.get("/policies/start-delivery/parked").await, json!([]));
    assert_eq!(app.get("/actuator/health").await, json!({"status": "UP"}));
}

/// What was skipped stays skipped, and what is parked stays parked, when the process is another one.
#[tokio::test]
async fn an_order_outlives_the_process_that_took_it() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let settings = || Settings { store: Arc::clone(&store), ..Settings::default() };
    let first = TestApp::spawn(settings()).await;
    let id = parked(&first).await;
    first.kill_process().await;
    let second = TestApp::spawn(settings()).await;
    second.until_parked("start-delivery", 1).await;
    second.stop("delivery").await;
    let (status, _) = order(&second, &id, "skip", "").await;
    assert_eq!(status, StatusCode::ACCEPTED, "the policy rests, and the order is taken");
    second.kill_process().await;
    let third = TestApp::spawn(settings()).await;
    third.until_policy("start-delivery", true).await;
    third.settle().await;
    assert_eq!(third.get("/policies/start-delivery/parked").await, json!([]));
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused() {
    let app = spawn_app().await;
    for (path, status, code) in [
        ("/policies/nobody/parked/1/retry", StatusCode::NOT_FOUND, "NOT_FOUND"),
        ("/policies/start-delivery/parked/1/retry", StatusCode::NOT_FOUND, "NOT_FOUND"),
        ("/policies/start-delivery/parked/1/forget", StatusCode::NOT_FOUND, "NO_SUCH_ROUTE"),
    ] {
        let response = app.send(Method::POST, path, "").await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.json::<Value>().await.unwrap()["code"], code, "{path}");
    }
    let body = app.send(Method::POST, "/policies/start-delivery/parked/1/skip", "no").await;
    assert_eq!(body.status(), StatusCode::BAD_REQUEST);
    let policies = app.get("/policies").await;
    let names: Vec<_> = policies.as_array().unwrap().iter().map(|policy| policy["name"].clone()).collect();
    assert_eq!(names, ["settle-payment", "start-delivery", "cancel-apply"]);
}

/// Runs the subcommand against a running application.
async fn command(app: &TestApp, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_command-api"));
    command.arg("parked").args(arguments).args(["--url", &app.url]).env("USER", "kim");
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// The same from a terminal.
#[tokio::test]
async fn an_operator_asks_from_a_terminal() {
    let app = spawn_app().await;
    let nothing = command(&app, &["list"]).await;
    assert_eq!(nothing, (Some(0), "nothing is parked\n".to_owned(), String::new()));
    let id = parked(&app).await;
    let (code, out, _) = command(&app, &["list"]).await;
    assert_eq!(code, Some(1), "something is");
    assert!(out.starts_with(&format!("start-delivery {id}: PayCompleted at ")), "{out}");
    let (_, out, _) = command(&app, &["list", "start-delivery", "--format", "json"]).await;
    let listed: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&listed[0]["policy"], &listed[0]["key"]), (&json!("start-delivery"), &json!(id)));

    let (code, out, _) = command(&app, &["skip", "start-delivery", &id]).await;
    assert_eq!(code, Some(0));
    assert!(out.starts_with(&format!("skipped: start-delivery {id}: PayCompleted")), "{out}");
    let (code, out, error) = command(&app, &["retry", "start-delivery", &id]).await;
    let expected = "error: there is no such parked reaction (NOT_FOUND)\n";
    assert_eq!((code, out.as_str(), error.as_str()), (Some(1), "", expected));
    let (code, ..) = command(&app, &["forget", "start-delivery", &id]).await;
    assert_eq!(code, Some(2), "no such order");
    let stream = StreamName::new("elearning.parked-start-delivery").unwrap();
    let log = app.store.read_stream(&stream, 0, Direction::Forwards, usize::MAX).await.unwrap();
    let skip: Value = serde_json::from_slice(&log[1].data).unwrap();
    assert_eq!(skip["by"], "kim");
}
