//! Rows as they change, as server-sent events.
//!
//! Nothing is buffered for a reader: it asks for the rows that changed since the last one it was
//! sent, first when it connects and then whenever the projection has changed rows. A slow reader
//! costs nothing and misses nothing but the states in between.

use std::collections::VecDeque;
use std::convert::Infallible;

use async_trait::async_trait;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Response, Sse};
use event_store::Position;
use futures::{StreamExt, stream};

use super::Reads;
use crate::checkpoint::number;

/// Where the changed rows of a screen come from.
#[async_trait]
pub(crate) trait Changes: Send + Sync + 'static {
    /// Rows whose last change is behind this position (-1 is the beginning), in the order of their
    /// last change; not necessarily all of them, but none only when there are none.
    async fn since(&self, position: i64) -> Result<Vec<Change>, sqlx::Error>;
}

/// A row that changed.
pub(crate) struct Change {
    /// The position of its last change.
    pub(crate) position: Position,
    /// Its JSON, in one line.
    pub(crate) json: String,
}

/// Sends every row that changed behind `after`, then every one that changes, until the client goes
/// or the process does.
pub(crate) fn live(reads: &Reads, changes: impl Changes, after: Option<Position>) -> Response {
    let state = State { reads: reads.clone(), changes, last: number(after), waiting: VecDeque::new() };
    let rows = stream::unfold(state, |mut state| async {
        let change = state.next().await?;
        let event = Event::default().event("row").id(change.position.to_string()).data(change.json);
        Some((Ok::<_, Infallible>(event), state))
    });
    // Sent at once, so that the client knows that it is connected.
    let hello = Event::default().retry(reads.options.reconnect);
    let events = stream::iter([Ok(hello)]).chain(rows);
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        // A proxy that collects the answer would hold it back for ever.
        (HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    (headers, Sse::new(events).keep_alive(KeepAlive::new().interval(reads.options.heartbeat))).into_response()
}

struct State<C> {
    reads: Reads,
    changes: C,
    /// The position of the last row that was sent or waits to be.
    last: i64,
    waiting: VecDeque<Change>,
}

impl<C: Changes> State<C> {
    async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Some(change);
            }
            // Looked at before the rows are read: what is committed in between is read or waits.
            let changed = self.reads.progress.borrow_and_update().changed;
            match self.changes.since(self.last).await {
                Ok(rows) => self.waiting.extend(rows),
                Err(error) => {
                    // The client connects again and goes on behind the last row that it got.
                    tracing::warn!(%error, "a stream of changes ends early");
                    return None;
                }
            }
            if let Some(change) = self.waiting.back() {
                self.last = number(Some(change.position));
                continue;
            }
            tokio::select! {
                biased;
                () = self.reads.shutdown.cancelled() => return None,
                news = self.reads.progress.wait_for(|progress| progress.changed > changed) => news.ok()?,
            };
        }
    }
}
