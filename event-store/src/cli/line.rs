//! An event as a line of JSON. What is not JSON on one line is in base 64, so that every byte comes
//! back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use event_store::{Append, Decoded, ExpectedRevision, NewEvent, RecordedEvent, StreamName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    stream: String,
    revision: u64,
    id: Uuid,
    #[serde(rename = "type")]
    event_type: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    data: Option<Box<RawValue>>,
    #[serde(rename = "data64", skip_serializing_if = "Option::is_none", default)]
    data_64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    metadata: Option<Box<RawValue>>,
    #[serde(rename = "metadata64", skip_serializing_if = "Option::is_none", default)]
    metadata_64: Option<String>,
}

impl From<&RecordedEvent> for Line {
    fn from(event: &RecordedEvent) -> Self {
        let ((data, data_64), (metadata, metadata_64)) = (payload(&event.data), payload(&event.metadata));
        Self {
            stream: event.stream.to_string(),
            revision: event.revision,
            id: event.id,
            event_type: event.event_type.to_string(),
            data,
            data_64,
            metadata,
            metadata_64,
        }
    }
}

impl Line {
    /// What has to be appended, so that the event is again where it was.
    ///
    /// # Errors
    /// What is wrong with the line.
    pub(crate) fn read(json: &str) -> Result<Append, String> {
        let line: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let stream =
            StreamName::new(line.stream.as_str()).map_err(|error| format!("{}: {error}", line.stream))?;
        let event = NewEvent {
            id: line.id,
            event_type: line.event_type.into(),
            data: bytes(line.data, line.data_64)?,
            metadata: bytes(line.metadata, line.metadata_64)?,
            decoded: Decoded::default(),
        };
        let before = line.revision.checked_sub(1);
        let expected = before.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
        Ok(Append { stream, expected, events: vec![event] })
    }
}

fn payload(bytes: &[u8]) -> (Option<Box<RawValue>>, Option<String>) {
    let json: Option<Box<RawValue>> = serde_json::from_slice(bytes).ok();
    match json.filter(|json| json.get().as_bytes() == bytes && !bytes.contains(&b'\n') && bytes != b"null") {
        Some(json) => (Some(json), None),
        None => (None, Some(STANDARD.encode(bytes))),
    }
}

fn bytes(json: Option<Box<RawValue>>, base64: Option<String>) -> Result<Bytes, String> {
    match (json, base64) {
        (Some(json), _) => Ok(Bytes::from(json.get().to_owned())),
        (None, Some(text)) => STANDARD.decode(text).map(Bytes::from).map_err(|error| error.to_string()),
        (None, None) => Err("data or metadata is missing".to_owned()),
    }
}
