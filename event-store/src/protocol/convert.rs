//! Between the log's words and the wire's.

use std::collections::HashMap;

use uuid::Uuid;

use super::failure;
use super::wire::event_store::client::uuid::{Structured, Value};
use super::wire::streams::read_resp::{ReadEvent, read_event};
use super::wire::{StreamIdentifier, WireUuid};
use crate::{Decoded, NewEvent, Position, RecordedEvent, StreamName};
use bytes::Bytes;
use tonic::Status;

/// An event as a reader of the wire sees it: what a link points to, and the link.
pub(crate) struct Resolved {
    pub(crate) event: Option<RecordedEvent>,
    pub(crate) link: Option<RecordedEvent>,
}

impl Resolved {
    pub(crate) fn plain(event: RecordedEvent) -> Self {
        Self { event: Some(event), link: None }
    }

    /// What was read: the link where there is one.
    pub(crate) fn original(&self) -> Option<&RecordedEvent> {
        self.link.as_ref().or(self.event.as_ref())
    }
}

/// The first event of a log is at 1 on the wire, because subscriptions begin behind a position.
pub(crate) fn to_wire(position: Position) -> u64 {
    position.0.saturating_add(1)
}

/// The position of the log; `None` is before its beginning.
pub(crate) fn from_wire(position: u64) -> Option<Position> {
    position.checked_sub(1).map(Position)
}

pub(crate) fn stream_name(identifier: Option<StreamIdentifier>) -> Result<StreamName, Status> {
    let name = identifier.map(|identifier| identifier.stream_name).unwrap_or_default();
    let name = std::str::from_utf8(&name).map_err(|_| failure::invalid("the stream name is not UTF-8"))?;
    StreamName::new(name).map_err(|error| failure::invalid(&error.to_string()))
}

pub(crate) fn identifier(name: &str) -> StreamIdentifier {
    StreamIdentifier { stream_name: Bytes::copy_from_slice(name.as_bytes()) }
}

/// How a client wants to see ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UuidForm {
    Text,
    Structured,
}

impl UuidForm {
    pub(crate) fn of(self, id: Uuid) -> WireUuid {
        let value = match self {
            Self::Text => Value::String(id.to_string()),
            Self::Structured => {
                let (most, least) = id.as_u64_pair();
                Value::Structured(Structured {
                    most_significant_bits: most.cast_signed(),
                    least_significant_bits: least.cast_signed(),
                })
            }
        };
        WireUuid { value: Some(value) }
    }
}

pub(crate) fn uuid(id: Option<WireUuid>) -> Result<Uuid, Status> {
    match id.and_then(|id| id.value) {
        Some(Value::String(text)) => text.parse().map_err(|_| failure::invalid("an id is not a UUID")),
        Some(Value::Structured(id)) => Ok(Uuid::from_u64_pair(
            id.most_significant_bits.cast_unsigned(),
            id.least_significant_bits.cast_unsigned(),
        )),
        None => Err(failure::invalid("an id is missing")),
    }
}

/// What a client proposes, once it was found complete.
pub(crate) fn proposed(
    id: Option<WireUuid>,
    mut metadata: HashMap<String, String>,
    custom_metadata: Bytes,
    data: Bytes,
) -> Result<NewEvent, Status> {
    let id = uuid(id)?;
    let Some(event_type) = metadata.remove("type") else { return Err(failure::missing_property("type")) };
    if !metadata.contains_key("content-type") {
        return Err(failure::missing_property("content-type"));
    }
    Ok(NewEvent {
        id,
        event_type: event_type.into(),
        data,
        metadata: custom_metadata,
        decoded: Decoded::default(),
    })
}

fn recorded(event: RecordedEvent, form: UuidForm) -> read_event::RecordedEvent {
    let position = to_wire(event.position);
    // The log does not keep what the writer called the content; whatever looks like JSON is.
    let json = matches!(event.data.first(), None | Some(b'{' | b'['));
    let content_type = if json { "application/json" } else { "application/octet-stream" };
    let metadata = HashMap::from([
        ("type".to_owned(), event.event_type.to_string()),
        // In units of 100 ns.
        ("created".to_owned(), event.recorded_at.saturating_mul(10).to_string()),
        ("content-type".to_owned(), content_type.to_owned()),
    ]);
    read_event::RecordedEvent {
        id: Some(form.of(event.id)),
        stream_identifier: Some(identifier(event.stream.as_str())),
        stream_revision: event.revision,
        prepare_position: position,
        commit_position: position,
        metadata,
        custom_metadata: event.metadata,
        data: event.data,
    }
}

pub(crate) fn read_event(resolved: Resolved, form: UuidForm) -> ReadEvent {
    let position = resolved.original().map_or(0, |original| to_wire(original.position));
    ReadEvent {
        event: resolved.event.map(|event| recorded(event, form)),
        link: resolved.link.map(|link| recorded(link, form)),
        position: Some(read_event::Position::CommitPosition(position)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log says of its times what it likes; the wire counts them in a unit that is ten times smaller.
    #[test]
    fn the_last_moment_there_is_can_be_told() {
        let event = RecordedEvent {
            position: Position(0),
            stream: StreamName::stored("a-1"),
            revision: 0,
            id: Uuid::nil(),
            event_type: "Opened".into(),
            data: Bytes::new(),
            metadata: Bytes::new(),
            recorded_at: u64::MAX,
            decoded: Decoded::default(),
        };
        let told = recorded(event, UuidForm::Text);
        assert_eq!(told.metadata["created"], u64::MAX.to_string());
    }
}
