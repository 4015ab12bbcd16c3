//! How trouble is said on the wire: a code, a sentence, and an `exception` in the trailers that
//! the clients look at.

use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

use super::append::Expected;
use crate::{AppendError, MAX_APPEND_BYTES, ReadError, StreamName};

fn exception(code: Code, message: &str, name: &'static str, more: &[(&'static str, String)]) -> Status {
    let mut trailers = MetadataMap::new();
    trailers.insert("exception", MetadataValue::from_static(name));
    for (key, value) in more {
        // A stream name that a header cannot hold stays in the message only.
        if let Ok(value) = value.parse::<MetadataValue<_>>() {
            trailers.insert(*key, value);
        }
    }
    Status::with_metadata(code, message, trailers)
}

pub(crate) fn invalid(message: &str) -> Status {
    Status::invalid_argument(message)
}

pub(crate) fn missing_property(name: &str) -> Status {
    let message = format!("Required metadata property '{name}' is missing.");
    let more = [("required-metadata-property", name.to_owned())];
    exception(Code::InvalidArgument, &message, "missing-required-metadata-property", &more)
}

pub(crate) fn stream_deleted(stream: &StreamName) -> Status {
    let message = format!("Event stream '{stream}' is deleted.");
    let more = [("stream-name", stream.to_string())];
    exception(Code::FailedPrecondition, &message, "stream-deleted", &more)
}

/// The Python client reads the text of this one.
pub(crate) fn wrong_expected_version(stream: &StreamName, expected: Expected, actual: Option<u64>) -> Status {
    let number = |number: Option<u64>| number.map_or("-1".to_owned(), |number| number.to_string());
    let expected = match expected {
        Expected::Revision(revision) => revision.to_string(),
        Expected::NoStream => "-1".to_owned(),
        Expected::Any => "-2".to_owned(),
        Expected::StreamExists => "-4".to_owned(),
    };
    let message = format!(
        "Operation failed due to WrongExpectedVersion. Stream: {stream}, Expected version: {expected}, \
         Actual version: {}.",
        number(actual)
    );
    let more = [
        ("stream-name", stream.to_string()),
        ("expected-version", expected),
        ("actual-version", number(actual)),
    ];
    exception(Code::FailedPrecondition, &message, "wrong-expected-version", &more)
}

pub(crate) fn append_too_large() -> Status {
    let message = format!("Maximum append size of {MAX_APPEND_BYTES} bytes exceeded.");
    let more = [("maximum-append-size", MAX_APPEND_BYTES.to_string())];
    exception(Code::InvalidArgument, &message, "maximum-append-size-exceeded", &more)
}

pub(crate) fn access_denied(message: &str) -> Status {
    exception(Code::PermissionDenied, message, "access-denied", &[])
}

pub(crate) fn stopping() -> Status {
    Status::unavailable("the server is shutting down")
}

pub(crate) fn append(error: &AppendError) -> Status {
    match error {
        AppendError::Invalid(reason) => invalid(reason),
        AppendError::Full => Status::resource_exhausted(error.to_string()),
        // Not `Unavailable`: clients would look for another node.
        AppendError::Unavailable(reason) => Status::aborted(reason),
        AppendError::Unknown(_) => Status::unknown(error.to_string()),
        AppendError::WrongRevision { .. } => Status::failed_precondition(error.to_string()),
    }
}

pub(crate) fn read(error: &ReadError) -> Status {
    match error {
        ReadError::BeyondHead { .. } => {
            invalid(&format!("Trying to read from an invalid position: {error}."))
        }
        ReadError::Damaged(_) => Status::data_loss(error.to_string()),
        ReadError::Unavailable(_) => Status::unavailable(error.to_string()),
    }
}

fn group(code: Code, name: &'static str, message: &str, stream: &str, group: &str) -> Status {
    let more = [("stream-name", stream.to_owned()), ("group-name", group.to_owned())];
    exception(code, message, name, &more)
}

pub(crate) fn no_group(stream: &str, name: &str) -> Status {
    let message = format!("Subscription group '{name}' on stream '{stream}' does not exist.");
    group(Code::NotFound, "persistent-subscription-does-not-exist", &message, stream, name)
}

pub(crate) fn group_exists(stream: &str, name: &str) -> Status {
    let message = format!("Subscription group '{name}' on stream '{stream}' exists.");
    group(Code::AlreadyExists, "persistent-subscription-exists", &message, stream, name)
}

pub(crate) fn dropped(stream: &str, name: &str) -> Status {
    let message = format!("Subscription group '{name}' on stream '{stream}' was dropped.");
    group(Code::Cancelled, "persistent-subscription-dropped", &message, stream, name)
}

pub(crate) fn too_many_subscribers(stream: &str, name: &str) -> Status {
    let message = format!("Maximum subscriptions reached for group '{name}' on stream '{stream}'.");
    group(Code::FailedPrecondition, "maximum-subscribers-reached", &message, stream, name)
}
