//! User and password, when the server is given one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tonic::Status;

use super::Settings;

/// What clients ask before they say who they are.
const OPEN: [&str; 3] = ["/event_store.client.server_features.", "/event_store.client.gossip.", "/info"];

/// Lets a call through that carries the right user and password, or any when none is needed.
pub(crate) async fn check(State(settings): State<Arc<Settings>>, request: Request, next: Next) -> Response {
    let Some((user, password)) = &settings.credentials else { return next.run(request).await };
    if OPEN.iter().any(|open| request.uri().path().starts_with(open)) {
        return next.run(request).await;
    }
    let sent = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let sent =
        sent.and_then(|value| value.strip_prefix("Basic ")).and_then(|sent| STANDARD.decode(sent).ok());
    let expected = format!("{user}:{password}");
    if sent.is_some_and(|sent| same(&sent, expected.as_bytes())) {
        return next.run(request).await;
    }
    let refused = Status::unauthenticated("user and password are missing or wrong");
    refused.into_http::<axum::body::Body>().into_response()
}

/// Takes as long for a near miss as for a wild guess.
fn same(sent: &[u8], expected: &[u8]) -> bool {
    let differences = sent.iter().zip(expected).fold(0, |all, (sent, expected)| all | (sent ^ expected));
    sent.len() == expected.len() && differences == 0
}
