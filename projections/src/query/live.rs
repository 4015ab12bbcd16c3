//! Rows as they change, as server-sent events.
//!
//! Nothing is buffered for a reader: it asks for the rows that changed since the last one it was
//! sent, first when it connects and then whenever the projection has changed rows. A slow reader
//! costs nothing and misses nothing but the states in between.
//!
//! Rows come in the order of their positions, which several workers need not keep. So only those are sent
//! that nothing can come before any more. A row that was healed is behind everybody's back: it is sent
//! before any row that changed later, under the id of the last one.

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
use crate::database::{ANSWER, within};
use crate::healed;
use crate::progress::Progress;

/// Where the changed rows of a screen come from.
#[async_trait]
pub(crate) trait Changes: Send + Sync + 'static {
    /// Rows whose last change is behind this position (-1 is the beginning), in the order of their
    /// last change; not necessarily all of them, but none only when there are none.
    async fn since(&self, position: i64) -> Result<Vec<Change>, sqlx::Error>;

    /// The row of this id, if the reader may see it.
    async fn one(&self, id: &str) -> Result<Option<Change>, sqlx::Error>;
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
    let (last, waiting) = (number(after), VecDeque::new());
    let state = State { reads: reads.clone(), changes, last, healed: None, waiting };
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
    /// The number of the last healed row that was looked at; `None` before the first look.
    healed: Option<i64>,
    waiting: VecDeque<Change>,
}

impl<C: Changes> State<C> {
    async fn next(&mut self) -> Option<Change> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Some(change);
            }
            // Looked at before the rows are read: what is committed in between is read or waits.
            let Progress { considered, changed, healed, .. } =
                self.reads.progress.borrow_and_update().clone();
            if let Err(error) = within(ANSWER, self.look(considered, healed)).await {
                // The client connects again and goes on behind the last row that it got.
                tracing::warn!(%error, "a stream of changes ends early");
                return None;
            }
            if !self.waiting.is_empty() {
                continue;
            }
            tokio::select! {
                biased;
                () = self.reads.shutdown.cancelled() => return None,
                news = self.reads.progress.wait_for(|progress| {
                    progress.changed > changed || progress.healed > healed
                }) => news.ok()?,
            };
        }
    }

    /// Looks for what is to be sent next: what was healed up to this number, and rows up to a position.
    async fn look(&mut self, through: Option<Position>, healed: i64) -> Result<(), sqlx::Error> {
        if self.healed < Some(healed) {
            self.look_for_healed().await?;
            self.healed = self.healed.max(Some(healed));
        }
        let rows = self.changes.since(self.last).await?;
        self.waiting.extend(rows.into_iter().filter(|row| Some(row.position) <= through));
        self.last = self.waiting.back().map_or(self.last, |row| number(Some(row.position)));
        Ok(())
    }

    async fn look_for_healed(&mut self) -> Result<(), sqlx::Error> {
        let (readers, projection) = (self.reads.database.readers(), self.reads.projection);
        let known = self.healed.unwrap_or_default();
        for (number, id) in healed::since(readers, projection, known, self.last).await? {
            let row = self.changes.one(&id).await?;
            // One that this reader has not had yet comes by its position.
            if let (Some(row), Ok(last)) = (row, u64::try_from(self.last).map(Position))
                && row.position <= last
            {
                self.waiting.push_back(Change { position: last, ..row });
            }
            self.healed = Some(number);
        }
        Ok(())
    }
}
