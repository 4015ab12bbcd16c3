//! Whoever does something, over HTTP, and does not give up before there is an answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use command_api::http::Front;
use domain::kernel::RequestId;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use uuid::Uuid;

use crate::deed::{Deed, key_of, request_of};
use crate::script::{Act, Script};
use crate::world::Answer;

/// Somebody at one act.
pub(crate) struct Somebody<D> {
    pub(crate) front: Front,
    pub(crate) answers: Arc<Mutex<Vec<Answer>>>,
    pub(crate) index: usize,
    pub(crate) act: Act<D>,
    /// All acts of the same person.
    pub(crate) same: Vec<usize>,
}

/// The acts of whoever does this one.
pub(crate) fn same_person<D: Deed>(script: &Script<D>, index: usize) -> Vec<usize> {
    let who = script.acts[index].who;
    (0..script.acts.len()).filter(|other| script.acts[*other].who == who).collect()
}

impl<D: Deed> Somebody<D> {
    pub(crate) async fn persist(&self) {
        let act = self.act;
        if let Some(patience) = act.hangs_up {
            // Whatever comes of it, it is not heard, also when the answer was quicker.
            if timeout(Duration::from_millis(patience), self.send()).await.is_ok() {
                self.answers.lock().unwrap()[self.index].unheard += 1;
            }
        }
        for times in 1.. {
            let status = if act.twice {
                let (first, second) = tokio::join!(self.send(), self.send());
                first.max(second)
            } else {
                self.send().await
            };
            if !act.deed.asks_again(status, times) {
                self.answers.lock().unwrap()[self.index].status = Some(status);
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// The request that this is about, as far as this person was told.
    fn id(&self) -> RequestId {
        let answers = self.answers.lock().unwrap();
        let told = self.same.iter().find_map(|index| answers[*index].id);
        told.unwrap_or_else(|| request_of(self.act.who))
    }

    async fn send(&self) -> StatusCode {
        let (method, path, body) = self.act.deed.sent(&self.act, self.id());
        let cause = Uuid::from_u64_pair(self.act.who, self.act.deed.number());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("idempotency-key", key_of(self.act.who))
            .header("x-request-id", cause.to_string())
            .body(Body::from(body))
            .unwrap();
        self.answers.lock().unwrap()[self.index].unheard += 1;
        let response = self.front.clone().oneshot(request).await.unwrap();
        let mut answers = self.answers.lock().unwrap();
        let answer = &mut answers[self.index];
        answer.unheard -= 1;
        let place = response.headers().get("location").and_then(|place| place.to_str().ok());
        let id = place.and_then(|place| place.rsplit('/').next()?.parse().ok());
        answer.id = id.or(answer.id);
        response.status()
    }
}
