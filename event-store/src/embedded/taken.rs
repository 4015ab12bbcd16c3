//! What is certain of an append before it is taken in, found out while nobody else waits for that.

use super::INLINE_READS;
use super::draft::Draft;
use super::intake::Answer;
use super::log::Log;
use crate::{AppendError, Appended, Direction};

impl Log {
    /// Whether the place of an append is taken in the segment that is written: gives back the last revision of its
    /// stream, which whatever waits can only make longer. Of an append that begins a stream it notes whether the
    /// segments that are full lack it: they never change, so they need not be asked again when it is judged.
    pub(crate) fn look_back(&self, draft: &mut Draft) -> Option<u64> {
        let first = draft.first()?;
        let state = self.state();
        if let Some(known) = state.growing.find(draft.stream) {
            // What takes more reads than that is found out when it is judged.
            let is_short = draft.count <= INLINE_READS as u64;
            return (first <= known.last && is_short).then_some(known.last);
        }
        if first == 0 {
            let older = state.older.clone();
            drop(state);
            let lacking = older.parts(draft.stream).next().is_none();
            draft.absent = if lacking { older.segments.len() } else { 0 };
        }
        None
    }

    /// The answer to an append whose place is taken: the first answer when these very events took
    /// it, a conflict otherwise.
    pub(crate) fn answer_taken(&self, draft: &Draft, actual: Option<u64>) -> Answer {
        let conflict = Err(AppendError::WrongRevision { actual });
        let Some(first) = draft.first() else { return conflict };
        if first.checked_add(draft.count - 1).is_none_or(|end| Some(end) > actual) {
            return conflict;
        }
        let (stream, ids) = draft.read();
        let plan = self.plan(&stream, first, Direction::Forwards, ids.len());
        let there = plan.and_then(|plan| plan.run());
        let there = there.map_err(|error| AppendError::Unavailable(error.to_string()))?;
        let same = there.iter().map(|event| event.id).eq(ids);
        match there.last() {
            Some(last) if same => Ok(Appended { revision: last.revision, position: last.position }),
            _ => conflict,
        }
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;
    use uuid::Uuid;

    use super::super::{EmbeddedStore, Options};
    use super::*;
    use crate::{Decoded, EventStore, ExpectedRevision, NewEvent, StreamName};

    fn event() -> NewEvent {
        NewEvent {
            id: Uuid::new_v4(),
            event_type: "Begun".into(),
            data: vec![b'x'; 900].into(),
            metadata: "".into(),
            decoded: Decoded::default(),
        }
    }

    async fn begin(store: &EmbeddedStore, name: &str) {
        let name = StreamName::new(name).unwrap();
        store.append(&name, ExpectedRevision::NoStream, vec![event()]).await.unwrap();
    }

    #[tokio::test]
    async fn a_stream_that_was_begun_meanwhile_is_found_in_a_segment_that_has_become_full() {
        let folder = tempfile::tempdir().unwrap();
        let store = Options::new().segment_bytes(4096).open(folder.path()).unwrap();
        let full = || store.log.state().older.segments.len();
        for number in 0..10 {
            begin(&store, &format!("before-{number}")).await;
        }
        let stream = StreamName::new("a-1").unwrap();
        let mut draft = Draft::new(store.log.store, &stream, ExpectedRevision::NoStream, &[event()]);
        assert_eq!(store.log.look_back(&mut draft), None);
        assert!(draft.absent > 0 && draft.absent == full());
        begin(&store, "a-1").await;
        for number in 0..10 {
            begin(&store, &format!("behind-{number}")).await;
        }
        assert!(full() > draft.absent);
        let conflict: Answer = Err(AppendError::WrongRevision { actual: Some(0) });
        assert_eq!(store.ask(smallvec![draft]).await.as_slice(), [conflict]);
    }
}
