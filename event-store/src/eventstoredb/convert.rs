//! Between our words and the client's.

use eventstore::{CurrentRevision, Error, EventData, ResolvedEvent};

use super::connection::Trouble;
use crate::{AppendError, Decoded, ExpectedRevision, NewEvent, Position, RecordedEvent, StreamName};

/// `None` for a position that no log ever reaches.
pub(super) fn to_wire(position: Position) -> Option<eventstore::Position> {
    let commit = position.0.checked_add(1)?;
    Some(eventstore::Position { commit, prepare: commit })
}

pub(super) fn from_wire(position: eventstore::Position) -> Position {
    Position(position.commit.saturating_sub(1))
}

pub(super) fn expected(expected: ExpectedRevision) -> eventstore::ExpectedRevision {
    match expected {
        ExpectedRevision::NoStream => eventstore::ExpectedRevision::NoStream,
        ExpectedRevision::Exact(revision) => eventstore::ExpectedRevision::Exact(revision),
        ExpectedRevision::Any => eventstore::ExpectedRevision::Any,
    }
}

pub(super) fn proposed(event: &NewEvent) -> EventData {
    // What the content is called is only a label: the bytes are sent as they are.
    EventData::binary(&*event.event_type, event.data.clone()).id(event.id).metadata(event.metadata.clone())
}

pub(super) fn recorded(resolved: ResolvedEvent) -> Result<RecordedEvent, Trouble> {
    let event = resolved.event.ok_or(Trouble::Nonsense("an event without an event"))?;
    let stream = StreamName::new(event.stream_id.as_str());
    // The client's own time has whole seconds only; this one counts 100 ns.
    let created = event.metadata.get("created").and_then(|ticks| ticks.parse::<u64>().ok());
    Ok(RecordedEvent {
        position: from_wire(event.position),
        stream: stream.map_err(|_| Trouble::Nonsense("a stream name that no stream can have"))?,
        revision: event.revision,
        id: event.id,
        event_type: event.event_type.into(),
        data: event.data,
        metadata: event.custom_metadata,
        recorded_at: created.unwrap_or(0) / 10,
        decoded: Decoded::default(),
    })
}

/// An answer of the server, or trouble on the way to it.
pub(super) fn append_error(trouble: Trouble) -> Result<AppendError, Trouble> {
    let Trouble::Client(error) = trouble else { return Err(trouble) };
    match error {
        Error::WrongExpectedVersion { current, .. } => {
            let actual = match current {
                CurrentRevision::Current(revision) => Some(revision),
                CurrentRevision::NoStream => None,
            };
            Ok(AppendError::WrongRevision { actual })
        }
        Error::ResourceDeleted => Ok(AppendError::Invalid("the stream was deleted for good".to_owned())),
        Error::AccessDenied => Ok(AppendError::Unavailable("access denied".to_owned())),
        Error::UnsupportedFeature => Ok(AppendError::Unavailable("the server has no appends".to_owned())),
        // By the numbers of gRPC.
        Error::Grpc { code, message } => match i32::from(code) {
            3 => Ok(AppendError::Invalid(message)),
            // A connection that is cut for its manners has the same number.
            8 if message == AppendError::Full.to_string() => Ok(AppendError::Full),
            10 => Ok(AppendError::Unavailable(message)),
            _ => Err(Trouble::Client(Error::Grpc { code, message })),
        },
        error => Err(Trouble::Client(error)),
    }
}
