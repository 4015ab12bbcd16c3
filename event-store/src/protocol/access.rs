//! User and password, when the server is given one.

use std::path::Path;
use std::sync::Arc;
use std::{env, fs, io};

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tonic::Status;

use super::Settings;

/// The password that a file holds, or else a variable of the environment: never a command line, which
/// everybody on the machine can read. The end of the file's line is no part of it.
///
/// # Errors
/// When the file cannot be read, or there is neither, or it is empty.
pub fn password(file: Option<&Path>, variable: &str) -> io::Result<String> {
    let said = match file {
        Some(file) => {
            let told =
                |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", file.display()));
            fs::read_to_string(file).map_err(told)?.trim_end_matches(['\r', '\n']).to_owned()
        }
        None => env::var(variable).unwrap_or_default(),
    };
    if said.is_empty() {
        let nothing = format!("there is a user and no password: it belongs into a file or into {variable}");
        return Err(io::Error::new(io::ErrorKind::NotFound, nothing));
    }
    Ok(said)
}

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
