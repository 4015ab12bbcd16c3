//! Appends whose place in their stream is taken.

use super::INLINE_READS;
use super::draft::Draft;
use super::log::Log;
use super::writer::Answer;
use crate::{AppendError, Appended, Direction};

impl Log {
    /// What is certain of an append before the writer sees it: the place that it asks for is taken in the
    /// segment that is written, and whatever waits can only make its stream longer.
    pub(crate) fn taken(&self, draft: &Draft) -> Option<Answer> {
        let first = draft.first()?;
        let last = self.state().growing.find(draft.stream)?.last;
        // What takes more reads than that is left to the writer.
        let is_short = draft.count <= INLINE_READS as u64;
        (first <= last && is_short).then(|| self.answer_taken(draft, first, Some(last)))
    }

    /// The answer to an append whose place is taken: the first answer when these very events took
    /// it, a conflict otherwise.
    pub(crate) fn answer_taken(&self, draft: &Draft, first: u64, actual: Option<u64>) -> Answer {
        let conflict = Err(AppendError::WrongRevision { actual });
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
