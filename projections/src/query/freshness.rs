//! How new an answer is, and waiting until it is new enough (DESIGN 7, freshness contract).

use std::convert::Infallible;

use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponseParts, ResponseParts};
use event_store::Position;

use super::{QueryError, Reads};
use crate::progress::Progress;

const AS_OF: HeaderName = HeaderName::from_static("as-of");
const LAG: HeaderName = HeaderName::from_static("lag");
const DEGRADED: HeaderName = HeaderName::from_static("degraded");

/// What a client wants to see in the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Freshness {
    /// `after=`: the effect of everything up to here.
    pub(crate) after: Option<Position>,
    /// `strict=true`: rather no answer than an older one.
    pub(crate) strict: bool,
}

/// How new an answer is, as its headers say it.
#[derive(Debug, Clone)]
pub(crate) struct AsOf {
    /// `As-Of`: everything up to here is in the answer, and perhaps more. No header before the first
    /// event.
    position: Option<Position>,
    /// `Lag`: how many positions the log was ahead.
    lag: u64,
    /// `Degraded`: why the rows do not follow the log any more, or at the moment.
    degraded: Option<HeaderValue>,
}

impl Reads {
    /// Waits, as long as the options say, for what the client wants to see. To be called before the
    /// rows are read: they can then only be newer than what this says.
    pub(crate) async fn as_of(&self, freshness: Freshness) -> Result<AsOf, QueryError> {
        let enough = |progress: &Progress| progress.considered >= freshness.after;
        // A worker that stopped will not come any further.
        let settled = |progress: &Progress| enough(progress) || progress.stopped.is_some();
        if !settled(&self.progress.borrow()) {
            let mut progress = self.progress.clone();
            // Not in time, or shutting down: what there is speaks for itself.
            let _late = tokio::time::timeout(self.options.wait, progress.wait_for(settled)).await;
        }
        let progress = self.progress.borrow().clone();
        let as_of = self.say(&progress).await;
        match freshness.after {
            Some(after) if freshness.strict && !enough(&progress) => Err(QueryError::NotYet(after, as_of)),
            _ => Ok(as_of),
        }
    }

    async fn say(&self, progress: &Progress) -> AsOf {
        // While the store does not answer, its head is what the worker last heard.
        let head = self.store.head().await.ok().flatten();
        let degraded = progress.stopped.as_ref().or(progress.trouble.as_ref());
        AsOf {
            position: progress.considered,
            lag: progress.lag(head),
            degraded: degraded.map(|reason| header(reason)),
        }
    }
}

impl IntoResponseParts for AsOf {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        let headers = parts.headers_mut();
        if let Some(position) = self.position {
            headers.insert(AS_OF, HeaderValue::from(position.0));
        }
        headers.insert(LAG, HeaderValue::from(self.lag));
        if let Some(degraded) = self.degraded {
            headers.insert(DEGRADED, degraded);
        }
        Ok(parts)
    }
}

/// A text as a header: what a header cannot carry becomes a question mark.
fn header(text: &str) -> HeaderValue {
    let plain = |char: char| if char == ' ' || char.is_ascii_graphic() { char } else { '?' };
    let text: String = text.chars().map(plain).collect();
    HeaderValue::from_str(&text).expect("plain characters make a header")
}
