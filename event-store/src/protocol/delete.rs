//! Deleting a stream so that it may come back, or for good.

use bytes::Bytes;
use serde_json::Value;
use tonic::Status;
use uuid::Uuid;

use super::append::{Expected, Refusal};
use super::view::{DELETED, StreamState, TOMBSTONE, View};
use super::wire::streams::delete_req::options::ExpectedStreamRevision as DeleteAt;
use super::wire::streams::tombstone_req::options::ExpectedStreamRevision as TombstoneAt;
use super::wire::streams::{DeleteReq, DeleteResp, TombstoneReq, TombstoneResp, delete_resp, tombstone_resp};
use super::{convert, failure};
use crate::{Appended, Decoded, ExpectedRevision, NewEvent, StreamName};

pub(crate) async fn delete(view: &View, request: DeleteReq) -> Result<DeleteResp, Status> {
    let options = request.options.unwrap_or_default();
    let stream = convert::stream_name(options.stream_identifier)?;
    let expected = match options.expected_stream_revision {
        Some(DeleteAt::Revision(revision)) => Expected::Revision(revision),
        Some(DeleteAt::NoStream(())) => Expected::NoStream,
        Some(DeleteAt::Any(())) | None => Expected::Any,
        Some(DeleteAt::StreamExists(())) => Expected::StreamExists,
    };
    let _alone = view.lock_alone(&stream).await;
    let state = check(view, &stream, expected, false).await?;
    let deleted = view.describe(&stream, &state, "$tb", Value::from(DELETED)).await;
    let position = convert::to_wire(done(&stream, expected, deleted)?.position);
    let position = delete_resp::Position { commit_position: position, prepare_position: position };
    Ok(DeleteResp { position_option: Some(delete_resp::PositionOption::Position(position)) })
}

pub(crate) async fn tombstone(view: &View, request: TombstoneReq) -> Result<TombstoneResp, Status> {
    let options = request.options.unwrap_or_default();
    let stream = convert::stream_name(options.stream_identifier)?;
    let expected = match options.expected_stream_revision {
        Some(TombstoneAt::Revision(revision)) => Expected::Revision(revision),
        Some(TombstoneAt::NoStream(())) => Expected::NoStream,
        Some(TombstoneAt::Any(())) | None => Expected::Any,
        Some(TombstoneAt::StreamExists(())) => Expected::StreamExists,
    };
    let _alone = view.lock_alone(&stream).await;
    let state = check(view, &stream, expected, true).await?;
    let event = NewEvent {
        id: Uuid::new_v4(),
        event_type: TOMBSTONE.into(),
        data: Bytes::new(),
        metadata: Bytes::new(),
        decoded: Decoded::default(),
    };
    let at = state.last.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
    let appended = view.store.append(&stream, at, vec![event]).await.map_err(Refusal::from);
    let position = convert::to_wire(done(&stream, expected, appended)?.position);
    let position = tombstone_resp::Position { commit_position: position, prepare_position: position };
    Ok(TombstoneResp { position_option: Some(tombstone_resp::PositionOption::Position(position)) })
}

/// Whether the stream is where the client thinks. One that never was can be buried, not deleted.
async fn check(
    view: &View,
    stream: &StreamName,
    expected: Expected,
    bury: bool,
) -> Result<StreamState, Status> {
    let state = view.state(stream).await.map_err(|error| failure::read(&error))?;
    if state.tombstoned {
        return Err(failure::stream_deleted(stream));
    }
    let fits = match expected {
        Expected::Any => bury || state.last.is_some(),
        Expected::StreamExists => state.last.is_some(),
        Expected::NoStream => bury && state.is_gone(),
        Expected::Revision(revision) => state.last == Some(revision),
    };
    if fits { Ok(state) } else { Err(failure::wrong_expected_version(stream, expected, state.seen())) }
}

fn done(
    stream: &StreamName,
    expected: Expected,
    outcome: Result<Appended, Refusal>,
) -> Result<Appended, Status> {
    outcome.map_err(|refusal| match refusal {
        Refusal::WrongVersion { actual } => failure::wrong_expected_version(stream, expected, actual),
        Refusal::Deleted => failure::stream_deleted(stream),
        Refusal::Failed(status) => status,
    })
}
