//! A callee behind a URL.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Response};
use serde::Serialize;
use uuid::Uuid;

use super::CallError;
use crate::execute::{Last, Origin};
use crate::http::{CAUSATION_ID, EVENT_POSITION};
use event_store::Position;

/// When an answer is given up that nobody waits for any more: until then its call takes a place among those
/// that may be under way, and a host that is gone never answers.
const GIVEN_UP: Duration = Duration::from_secs(60);

/// A context in another process.
pub struct Remote {
    client: Client,
    url: String,
}

impl Remote {
    /// The context that answers at this URL.
    pub fn new(client: Client, url: String) -> Self {
        Self { client, url }
    }

    /// Asks at a path of it. Whatever it answers is an answer, unless it says that it is down.
    ///
    /// # Errors
    /// [`CallError::Down`] when it was not reached, [`CallError::Unavailable`] when it failed.
    pub async fn post(
        &self,
        path: &str,
        question: &(impl Serialize + Sync),
        id: Uuid,
        origin: &Origin,
    ) -> Result<Response, CallError> {
        let request = self
            .client
            .post(format!("{}{path}", self.url))
            .timeout(GIVEN_UP)
            .header("idempotency-key", id.to_string())
            .header(CAUSATION_ID.as_str(), origin.cause.to_string())
            .json(question);
        let answer = request.send().await.map_err(|error| match error.is_connect() {
            true => CallError::Down(error.without_url().to_string()),
            false => CallError::Unavailable(error.without_url().to_string()),
        })?;
        match answer.status() {
            status if status.is_server_error() => {
                Err(CallError::Unavailable(format!("{}{path} answered {status}", self.url)))
            }
            _ => Ok(answer),
        }
    }
}

/// The answer, unless it is a no.
///
/// # Errors
/// [`CallError::Refused`] with what it says.
pub async fn accepted(answer: Response) -> Result<Response, CallError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let reason = answer.text().await.map_err(|error| CallError::Unavailable(error.to_string()))?;
    Err(CallError::Refused(format!("{status}: {reason}")))
}

/// Where the callee says its last event is.
pub fn last(headers: &HeaderMap) -> Option<Last> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim_matches('"').parse().ok();
    let (position, revision) = (Position(number(EVENT_POSITION.as_str())?), number("etag")?);
    // Whoever asked over HTTP needs the place, not the id.
    Some(Last { id: Uuid::nil(), revision, position })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::time::{pause, timeout};

    use super::*;

    /// G6: the calls that may be under way are not used up for ever by a callee that is gone.
    #[tokio::test]
    async fn a_callee_that_never_answers_is_given_up_one_day() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let origin = Origin { correlation: Uuid::nil(), cause: Uuid::nil(), actor: "test".into() };
        let remote = Remote::new(Client::new(), url);
        // Whenever all wait, time goes on at once.
        pause();
        let call = remote.post("/pays", &(), Uuid::nil(), &origin);
        let answer = timeout(2 * GIVEN_UP, call).await.unwrap();
        assert!(matches!(answer, Err(CallError::Unavailable(_))), "{answer:?}");
    }
}
