use smallvec::SmallVec;
use uuid::Uuid;

use super::frame::{self, Frame};
use super::index::StreamHash;
use crate::{Decoded, ExpectedRevision, NewEvent, StreamName};

/// An append on its way into the log: a frame without its place, and what has to be known of it to judge it.
pub(crate) struct Draft {
    pub(crate) stream: StreamHash,
    pub(crate) expected: ExpectedRevision,
    /// How many events, never 0.
    pub(crate) count: u64,
    pub(crate) frame: Vec<u8>,
    /// What its events say.
    pub(crate) decoded: SmallVec<[Decoded; 1]>,
    /// So many of the oldest segments are known not to have its stream.
    pub(crate) absent: usize,
}

impl Draft {
    pub(crate) fn new(
        store: Uuid,
        stream: &StreamName,
        expected: ExpectedRevision,
        events: &[NewEvent],
    ) -> Self {
        let hash = StreamHash::new(store, stream.as_str());
        let (count, frame) = (events.len() as u64, frame::draft(stream, events));
        let decoded = events.iter().map(|event| event.decoded.clone()).collect();
        Self { stream: hash, expected, count, frame, decoded, absent: 0 }
    }

    /// The revision that it asks for its first event; `None` for whatever comes next.
    pub(crate) fn first(&self) -> Option<u64> {
        match self.expected {
            ExpectedRevision::NoStream => Some(0),
            ExpectedRevision::Exact(revision) => Some(revision.saturating_add(1)),
            ExpectedRevision::Any => None,
        }
    }

    /// The name of its stream and the ids of its events: for a question that is hardly ever asked.
    pub(crate) fn read(&self) -> (StreamName, Vec<Uuid>) {
        let frame = Frame::parse(&self.frame).expect("a draft is a frame but for its place");
        (StreamName::stored(frame.stream), frame.events().map(|event| event.id).collect())
    }
}
