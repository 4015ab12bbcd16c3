//! Many appends over one call, each answered by itself.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use prost::Message;
use prost_types::Any;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::{Code, Status, Streaming};
use uuid::Uuid;

use super::append::{Admitted, Collected, Expected, Refusal};
use super::convert::{self, UuidForm};
use super::failure;
use super::view::View;
use super::wire::event_store::client as shared;
use super::wire::google::rpc;
use super::wire::streams::batch_append_req::options::ExpectedStreamPosition;
use super::wire::streams::batch_append_req::{Options, ProposedMessage};
use super::wire::streams::batch_append_resp as resp;
use super::wire::streams::{BatchAppendReq, BatchAppendResp};
use crate::{Appended, MAX_APPEND_BYTES, NewEvent, StreamName};

/// How many appends of one call are under way at once; the next ones wait in the connection.
const UNDER_WAY: usize = 512;
/// How many bytes of events they may hold together: a client that sends faster than the disk takes it
/// waits in its own connection.
const ROOM: usize = MAX_APPEND_BYTES;
/// How many appends of one call may be waiting for their last part.
const UNFINISHED: usize = 128;

/// An append whose events came in several parts.
struct Open {
    stream: StreamName,
    expected: Expected,
    collected: Collected,
}

/// An append that is complete, or why it cannot be.
struct Ready {
    correlation: Uuid,
    stream: StreamName,
    expected: Expected,
    collected: Result<Collected, Status>,
}

/// An append on its way to the store.
struct Answering {
    correlation: Uuid,
    stream: StreamName,
    expected: Expected,
    admitted: Result<(Admitted, Vec<NewEvent>), Refusal>,
    /// Its part of the room, until it is answered.
    _room: Option<OwnedSemaphorePermit>,
}

pub(crate) fn call(
    view: Arc<View>,
    requests: Streaming<BatchAppendReq>,
) -> BoxStream<'static, Result<BatchAppendResp, Status>> {
    let (admitting, room) = (Arc::clone(&view), Arc::new(Semaphore::new(ROOM)));
    // One after the other: an append waits here for one before it that changes what is seen of its
    // stream, and so does everything behind it, so that the log has all in the order in which it came.
    let admitted = ready(requests).then(move |ready| {
        let (view, room) = (Arc::clone(&admitting), Arc::clone(&room));
        async move { Ok::<_, Status>(admit(&view, room, ready?).await) }
    });
    let answers = admitted.map(move |admitted| {
        let view = Arc::clone(&view);
        // Each goes as far as the store's queue when it is first looked at; the runtime's budget would
        // turn them round.
        tokio::task::unconstrained(async move { Ok(answer(&view, admitted?).await) })
    });
    answers.buffer_unordered(UNDER_WAY).boxed()
}

/// The appends that are complete, in the order in which they became so.
fn ready(mut requests: Streaming<BatchAppendReq>) -> impl Stream<Item = Result<Ready, Status>> {
    async_stream::try_stream! {
        let mut open: HashMap<Uuid, Open> = HashMap::new();
        let mut bytes = 0;
        while let Some(request) = requests.message().await? {
            let correlation = convert::uuid(request.correlation_id)?;
            let mut append = match (open.remove(&correlation), request.options) {
                (Some(append), _) => append,
                (None, Some(options)) => begin(options)?,
                (None, None) => Err(failure::invalid("the first part of an append says where to"))?,
            };
            let before = append.collected.bytes;
            let collected = collect(&mut append.collected, request.proposed_messages);
            if collected.is_err() || request.is_final {
                bytes -= before;
                let Open { stream, expected, collected: all } = append;
                yield Ready { correlation, stream, expected, collected: collected.map(|()| all) };
            } else {
                bytes += append.collected.bytes - before;
                open.insert(correlation, append);
                if bytes > 2 * MAX_APPEND_BYTES || open.len() > UNFINISHED {
                    Err(Status::resource_exhausted("too many appends were begun and not finished"))?;
                }
            }
        }
    }
}

fn collect(collected: &mut Collected, events: Vec<ProposedMessage>) -> Result<(), Status> {
    for event in events {
        collected.push(convert::proposed(event.id, event.metadata, event.custom_metadata, event.data)?)?;
    }
    Ok(())
}

fn begin(options: Options) -> Result<Open, Status> {
    let stream = convert::stream_name(options.stream_identifier)?;
    let expected = match options.expected_stream_position {
        Some(ExpectedStreamPosition::StreamPosition(revision)) => Expected::Revision(revision),
        Some(ExpectedStreamPosition::NoStream(())) => Expected::NoStream,
        Some(ExpectedStreamPosition::Any(())) => Expected::Any,
        Some(ExpectedStreamPosition::StreamExists(())) => Expected::StreamExists,
        None => return Err(failure::invalid("the expected revision is missing")),
    };
    Ok(Open { stream, expected, collected: Collected::default() })
}

async fn admit(view: &View, room: Arc<Semaphore>, ready: Ready) -> Answering {
    let Ready { correlation, stream, expected, collected } = ready;
    let bytes = collected.as_ref().map_or(0, |collected| collected.bytes as u32);
    // No append is larger than all the room, and nobody closes it.
    let room = room.acquire_many_owned(bytes).await.ok();
    let admitted = match collected {
        Ok(collected) => {
            view.admit(stream.clone(), expected).await.map(|admitted| (admitted, collected.events))
        }
        Err(status) => Err(Refusal::Failed(status)),
    };
    Answering { correlation, stream, expected, admitted, _room: room }
}

async fn answer(view: &View, answering: Answering) -> BatchAppendResp {
    let Answering { correlation, stream, expected, admitted, _room } = answering;
    let outcome = match admitted {
        Ok((admitted, events)) => view.append(admitted, events).await,
        Err(refusal) => Err(refusal),
    };
    let result = match outcome {
        Ok(appended) => resp::Result::Success(success(appended)),
        Err(refusal) => resp::Result::Error(error(&stream, expected, refusal)),
    };
    BatchAppendResp {
        correlation_id: Some(UuidForm::Structured.of(correlation)),
        result: Some(result),
        stream_identifier: Some(convert::identifier(stream.as_str())),
        expected_stream_position: Some(match expected {
            Expected::Revision(revision) => resp::ExpectedStreamPosition::StreamPosition(revision),
            Expected::NoStream => resp::ExpectedStreamPosition::NoStream(()),
            Expected::Any => resp::ExpectedStreamPosition::Any(()),
            Expected::StreamExists => resp::ExpectedStreamPosition::StreamExists(()),
        }),
    }
}

fn success(appended: Appended) -> resp::Success {
    let position = convert::to_wire(appended.position);
    let position = shared::AllStreamPosition { commit_position: position, prepare_position: position };
    resp::Success {
        current_revision_option: Some(resp::success::CurrentRevisionOption::CurrentRevision(
            appended.revision,
        )),
        position_option: Some(resp::success::PositionOption::Position(position)),
    }
}

fn details(name: &str, message: &impl Message) -> Option<Any> {
    let type_url = format!("type.googleapis.com/event_store.client.{name}");
    Some(Any { type_url, value: message.encode_to_vec() })
}

fn error(stream: &StreamName, expected: Expected, refusal: Refusal) -> rpc::Status {
    let (code, message, details) = match refusal {
        Refusal::WrongVersion { actual } => {
            use shared::wrong_expected_version::{CurrentStreamRevisionOption, ExpectedStreamPositionOption};
            let current = actual.map_or(CurrentStreamRevisionOption::CurrentNoStream(()), |revision| {
                CurrentStreamRevisionOption::CurrentStreamRevision(revision)
            });
            let asked = match expected {
                Expected::Revision(at) => ExpectedStreamPositionOption::ExpectedStreamPosition(at),
                Expected::NoStream => ExpectedStreamPositionOption::ExpectedNoStream(()),
                Expected::Any => ExpectedStreamPositionOption::ExpectedAny(()),
                Expected::StreamExists => ExpectedStreamPositionOption::ExpectedStreamExists(()),
            };
            let wrong = shared::WrongExpectedVersion {
                current_stream_revision_option: Some(current),
                expected_stream_position_option: Some(asked),
            };
            let message = failure::wrong_expected_version(stream, expected, actual).message().to_owned();
            (Code::AlreadyExists, message, details("WrongExpectedVersion", &wrong))
        }
        Refusal::Deleted => {
            let deleted =
                shared::StreamDeleted { stream_identifier: Some(convert::identifier(stream.as_str())) };
            let message = failure::stream_deleted(stream).message().to_owned();
            (Code::NotFound, message, details("StreamDeleted", &deleted))
        }
        Refusal::Failed(status) => {
            let exception = status.metadata().get("exception").and_then(|name| name.to_str().ok());
            let details = match exception {
                Some("maximum-append-size-exceeded") => {
                    let size = MAX_APPEND_BYTES as u32;
                    let too_large = shared::MaximumAppendSizeExceeded { max_append_size: size };
                    details("MaximumAppendSizeExceeded", &too_large)
                }
                Some("access-denied") => details("AccessDenied", &shared::AccessDenied {}),
                _ if status.code() == Code::InvalidArgument => {
                    details("BadRequest", &shared::BadRequest { message: status.message().to_owned() })
                }
                _ => details("Unknown", &shared::Unknown {}),
            };
            (status.code(), status.message().to_owned(), details)
        }
    };
    // The numbers of gRPC's codes and of this enumeration are the same.
    rpc::Status { code: code as i32, message, details }
}
