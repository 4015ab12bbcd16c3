//! Appending as the protocol promises it: four kinds of expectation, recognised repeats, and
//! streams that were deleted.

use bytes::Bytes;
use serde_json::Value;
use tonic::{Status, Streaming};
use uuid::Uuid;

use super::linked::Linked;
use super::persistent::{CONFIGURATION, is_change};
use super::view::{Lock, METADATA, StreamState, View, described};
use super::wire::streams::append_req::options::ExpectedStreamRevision;
use super::wire::streams::append_resp::success::{CurrentRevisionOption, PositionOption};
use super::wire::streams::append_resp::wrong_expected_version as wrong;
use super::wire::streams::append_resp::{Position, Result as Outcome, Success, WrongExpectedVersion};
use super::wire::streams::{AppendReq, AppendResp, append_req};
use super::{IDENTITY, convert, failure};
use crate::{
    AppendError, Appended, Decoded, Direction, ExpectedRevision, MAX_APPEND_BYTES, MAX_APPEND_EVENTS,
    NewEvent, StreamName,
};

/// Where the client thinks the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expected {
    Revision(u64),
    NoStream,
    Any,
    StreamExists,
}

/// Why an append did not happen.
pub(crate) enum Refusal {
    WrongVersion { actual: Option<u64> },
    Deleted,
    Failed(Status),
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::WrongRevision { actual } => Self::WrongVersion { actual },
            error => Self::Failed(failure::append(&error)),
        }
    }
}

impl From<crate::ReadError> for Refusal {
    fn from(error: crate::ReadError) -> Self {
        Self::Failed(failure::read(&error))
    }
}

/// An append that may be made. What was seen of its stream stays so until it was.
pub(crate) struct Admitted {
    stream: StreamName,
    expected: Expected,
    /// `None` when it was not looked at: a stream that has no event has nothing to look at.
    state: Option<StreamState>,
    lock: Lock,
}

impl View {
    /// Waits for whoever changes what is seen of the stream, and looks at it.
    pub(crate) async fn admit(&self, stream: StreamName, expected: Expected) -> Result<Admitted, Refusal> {
        if Linked::of(stream.as_str()).is_some() || stream.as_str() == IDENTITY {
            let message = format!("Stream '{stream}' is computed; nobody writes to it.");
            return Err(Refusal::Failed(failure::access_denied(&message)));
        }
        let lock = self.lock(&stream).await;
        let admitted = Admitted { stream, expected, state: None, lock };
        if expected == Expected::NoStream { Ok(admitted) } else { self.look(admitted).await }
    }

    async fn look(&self, admitted: Admitted) -> Result<Admitted, Refusal> {
        let Admitted { stream, expected, mut lock, .. } = admitted;
        let mut state = self.state(&stream).await?;
        if state.is_deleted() && matches!(lock, Lock::Shared { .. }) {
            drop(lock);
            lock = self.lock_alone(&stream).await;
            state = self.state(&stream).await?;
        }
        if state.tombstoned && described(&stream).is_none() {
            return Err(Refusal::Deleted);
        }
        Ok(Admitted { stream, expected, state: Some(state), lock })
    }

    /// Makes an append; when this is first polled, it goes as far as the store's queue.
    pub(crate) async fn append(
        &self,
        mut admitted: Admitted,
        events: Vec<NewEvent>,
    ) -> Result<Appended, Refusal> {
        // A log that moves brings its groups with it; anything else would keep the server from starting.
        if admitted.stream.as_str() == CONFIGURATION && !events.iter().all(is_change) {
            return Err(Refusal::Failed(failure::invalid("an event is no change of a group")));
        }
        if admitted.state.is_none() {
            match self.store.append(&admitted.stream, ExpectedRevision::NoStream, events.clone()).await {
                Err(AppendError::WrongRevision { .. }) => admitted = self.look(admitted).await?,
                answer => return Ok(answer?),
            }
        }
        let Admitted { stream, expected, state, lock: _lock } = admitted;
        match state.unwrap_or_default() {
            state if state.is_deleted() => self.reopen(&stream, expected, events, &state).await,
            state => self.append_to_visible(&stream, expected, events, &state).await,
        }
    }

    async fn append_to_visible(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
        state: &StreamState,
    ) -> Result<Appended, Refusal> {
        let expected = match expected {
            Expected::NoStream => return Err(Refusal::WrongVersion { actual: state.last }),
            Expected::StreamExists if state.last.is_none() => {
                return Err(Refusal::WrongVersion { actual: None });
            }
            Expected::Revision(revision) => ExpectedRevision::Exact(revision),
            Expected::Any | Expected::StreamExists => {
                if let Some(before) = self.appended_before(stream, &events).await? {
                    return Ok(before);
                }
                ExpectedRevision::Any
            }
        };
        Ok(self.store.append(stream, expected, events).await?)
    }

    /// Whether the stream ends with these very events. With an expectation of any revision this is
    /// the only sign of a repeat.
    async fn appended_before(
        &self,
        stream: &StreamName,
        events: &[NewEvent],
    ) -> Result<Option<Appended>, Refusal> {
        let end = self.store.read_stream(stream, u64::MAX, Direction::Backwards, events.len()).await?;
        let same = end.iter().rev().map(|event| event.id).eq(events.iter().map(|event| event.id));
        let last = end.first().filter(|_| same);
        Ok(last.map(|last| Appended { revision: last.revision, position: last.position }))
    }

    /// Appends to a stream that was deleted: what is new is seen, what was deleted stays hidden.
    async fn reopen(
        &self,
        stream: &StreamName,
        expected: Expected,
        events: Vec<NewEvent>,
        state: &StreamState,
    ) -> Result<Appended, Refusal> {
        let last = state.last.unwrap_or(0);
        match expected {
            Expected::Revision(revision) if revision != last => {
                return Err(Refusal::WrongVersion { actual: state.last });
            }
            Expected::StreamExists => return Err(Refusal::WrongVersion { actual: None }),
            Expected::Revision(_) | Expected::NoStream | Expected::Any => {}
        }
        // First the mark, then the events: until these are in, the stream is as gone as before. A
        // copy, or an append that did not get further, has left the mark already.
        if state.metadata.truncated_before() != last + 1 {
            self.describe(stream, state, "$tb", Value::from(last + 1)).await?;
        }
        Ok(self.store.append(stream, ExpectedRevision::Exact(last), events).await?)
    }

    /// Changes one entry of a stream's metadata.
    pub(crate) async fn describe(
        &self,
        stream: &StreamName,
        state: &StreamState,
        key: &str,
        value: Value,
    ) -> Result<Appended, Refusal> {
        let of = StreamName::new(format!("$${stream}"))
            .map_err(|error| Refusal::Failed(failure::invalid(&error.to_string())))?;
        let mut all = state.metadata.all.clone();
        all.insert(key.to_owned(), value);
        let event = NewEvent {
            id: Uuid::new_v4(),
            event_type: METADATA.into(),
            data: Bytes::from(Value::Object(all).to_string()),
            metadata: Bytes::new(),
            decoded: Decoded::default(),
        };
        let expected = state.metadata.revision.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
        Ok(self.store.append(&of, expected, vec![event]).await?)
    }
}

/// Collects the events of one append and refuses more than an append may hold.
#[derive(Default)]
pub(crate) struct Collected {
    pub(crate) events: Vec<NewEvent>,
    pub(crate) bytes: usize,
}

impl Collected {
    pub(crate) fn push(&mut self, event: NewEvent) -> Result<(), Status> {
        self.bytes += event.event_type.len() + event.data.len() + event.metadata.len();
        if self.bytes > MAX_APPEND_BYTES || self.events.len() == MAX_APPEND_EVENTS {
            return Err(failure::append_too_large());
        }
        self.events.push(event);
        Ok(())
    }
}

pub(crate) async fn call(view: &View, mut requests: Streaming<AppendReq>) -> Result<AppendResp, Status> {
    let Some(AppendReq { content: Some(append_req::Content::Options(options)) }) = requests.message().await?
    else {
        return Err(failure::invalid("the first message of an append says where to"));
    };
    let stream = convert::stream_name(options.stream_identifier)?;
    let expected = match options.expected_stream_revision {
        Some(ExpectedStreamRevision::Revision(revision)) => Expected::Revision(revision),
        Some(ExpectedStreamRevision::NoStream(())) => Expected::NoStream,
        Some(ExpectedStreamRevision::Any(())) => Expected::Any,
        Some(ExpectedStreamRevision::StreamExists(())) => Expected::StreamExists,
        None => return Err(failure::invalid("the expected revision is missing")),
    };
    let mut collected = Collected::default();
    while let Some(request) = requests.message().await? {
        let Some(append_req::Content::ProposedMessage(event)) = request.content else {
            return Err(failure::invalid("only events follow the first message of an append"));
        };
        collected.push(convert::proposed(event.id, event.metadata, event.custom_metadata, event.data)?)?;
    }
    let outcome = match view.admit(stream.clone(), expected).await {
        Ok(admitted) => view.append(admitted, collected.events).await,
        Err(refusal) => Err(refusal),
    };
    let result = match outcome {
        Ok(appended) => Outcome::Success(success(appended)),
        Err(Refusal::WrongVersion { actual }) => Outcome::WrongExpectedVersion(conflict(expected, actual)),
        Err(Refusal::Deleted) => return Err(failure::stream_deleted(&stream)),
        Err(Refusal::Failed(status)) => return Err(status),
    };
    Ok(AppendResp { result: Some(result) })
}

fn success(appended: Appended) -> Success {
    let position = convert::to_wire(appended.position);
    let position = Position { commit_position: position, prepare_position: position };
    Success {
        current_revision_option: Some(CurrentRevisionOption::CurrentRevision(appended.revision)),
        position_option: Some(PositionOption::Position(position)),
    }
}

/// Old clients read the fields with a version in their names, newer ones the others.
fn conflict(expected: Expected, actual: Option<u64>) -> WrongExpectedVersion {
    let current = actual.map_or(wrong::CurrentRevisionOption::CurrentNoStream(()), |revision| {
        wrong::CurrentRevisionOption::CurrentRevision(revision)
    });
    let old_current = actual.map_or(wrong::CurrentRevisionOption2060::NoStream2060(()), |revision| {
        wrong::CurrentRevisionOption2060::CurrentRevision2060(revision)
    });
    let (expected, old_expected) = match expected {
        Expected::Revision(revision) => (
            wrong::ExpectedRevisionOption::ExpectedRevision(revision),
            Some(wrong::ExpectedRevisionOption2060::ExpectedRevision2060(revision)),
        ),
        // There was no word for it then.
        Expected::NoStream => (wrong::ExpectedRevisionOption::ExpectedNoStream(()), None),
        Expected::Any => (
            wrong::ExpectedRevisionOption::ExpectedAny(()),
            Some(wrong::ExpectedRevisionOption2060::Any2060(())),
        ),
        Expected::StreamExists => (
            wrong::ExpectedRevisionOption::ExpectedStreamExists(()),
            Some(wrong::ExpectedRevisionOption2060::StreamExists2060(())),
        ),
    };
    WrongExpectedVersion {
        current_revision_option: Some(current),
        current_revision_option_20_6_0: Some(old_current),
        expected_revision_option: Some(expected),
        expected_revision_option_20_6_0: old_expected,
    }
}
