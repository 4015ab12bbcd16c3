//! What `GET /openapi.json` says is what is served.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "../support/mod.rs"]
mod support;

mod requests;
mod routes;

use serde_json::Value;

use support::{Settings, TestApp};

/// The businesses that there are.
const SYSTEMS: [&str; 2] = ["elearning", "rentcar"];

async fn serve(system: &'static str) -> (TestApp, Value) {
    let app = TestApp::spawn_system(Settings::default(), system).await;
    let document = app.get("/openapi.json").await;
    (app, document)
}
