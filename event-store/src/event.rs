use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::{Decoded, Position};

/// The longest stream name and the longest event type, in bytes.
pub(crate) const MAX_NAME: usize = 1024;

/// The name of a stream: 1 to 1024 bytes without control characters.
///
/// Everything before the first `-` is its *category*.
///
/// ```
/// let stream = event_store::StreamName::new("elearning.apply-0190").unwrap();
/// assert_eq!(stream.category(), "elearning.apply");
/// assert!(event_store::StreamName::new("").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamName(Arc<str>);

/// The text cannot name a stream: it is empty, longer than 1024 bytes or holds a control character.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a stream name has 1 to {MAX_NAME} bytes and no control characters")]
pub struct InvalidStreamName;

impl StreamName {
    /// Checks and wraps a name.
    ///
    /// # Errors
    /// When the text cannot name a stream.
    pub fn new(name: impl Into<Arc<str>>) -> Result<Self, InvalidStreamName> {
        let name = name.into();
        let fits = !name.is_empty() && name.len() <= MAX_NAME && !has_control(&name);
        if fits { Ok(Self(name)) } else { Err(InvalidStreamName) }
    }

    /// A name that was checked before it was stored.
    pub(crate) fn stored(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the first `-`, or the whole name when there is none.
    pub fn category(&self) -> &str {
        self.0.split_once('-').map_or(&self.0, |(category, _)| category)
    }
}

/// Names are ASCII nearly always, and there a byte is a character. All of them are looked at, many at once.
fn has_control(name: &str) -> bool {
    if name.is_ascii() {
        name.bytes().fold(false, |found, byte| found | byte.is_ascii_control())
    } else {
        name.chars().any(char::is_control)
    }
}

impl From<StreamName> for Arc<str> {
    fn from(name: StreamName) -> Self {
        name.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Borrow<str> for StreamName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// An event on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Chosen by the writer; appending the same ids again at the same revision is recognised.
    pub id: Uuid,
    /// The name on the wire, 1 to 1024 bytes.
    pub event_type: Cow<'static, str>,
    /// What happened, usually JSON. The store never looks inside.
    pub data: Bytes,
    /// About the event (correlation, causation, actor), usually JSON.
    pub metadata: Bytes,
    /// The same, for readers in this process.
    pub decoded: Decoded,
}

/// The same event for another log. What it says is read there again.
impl From<RecordedEvent> for NewEvent {
    fn from(RecordedEvent { id, event_type, data, metadata, .. }: RecordedEvent) -> Self {
        Self { id, event_type: event_type.to_string().into(), data, metadata, decoded: Decoded::default() }
    }
}

/// An event as the log holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedEvent {
    /// Its place in the whole log.
    pub position: Position,
    /// The stream it belongs to.
    pub stream: StreamName,
    /// Its number in that stream, from 0.
    pub revision: u64,
    /// Chosen by the writer.
    pub id: Uuid,
    /// The name on the wire.
    pub event_type: Arc<str>,
    /// What happened.
    pub data: Bytes,
    /// About the event.
    pub metadata: Bytes,
    /// The same, where it was written in this process a moment ago.
    pub decoded: Decoded,
    /// When the store took it, in microseconds since the Unix epoch (the store's wall clock: it
    /// orders nothing).
    pub recorded_at: u64,
}
