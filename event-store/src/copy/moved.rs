//! Where a place of one log lies in its copy.

use super::{CHUNK, CopyError, moves};
use crate::{Direction, EventStore, Filter, Position, ReadError, RecordedEvent};

/// A log, and what to say when it cannot be read.
pub(super) struct Side<'a>(pub(super) &'a dyn EventStore, pub(super) fn(ReadError) -> CopyError);

impl Side<'_> {
    async fn read(
        &self,
        after: Option<Position>,
        direction: Direction,
    ) -> Result<(Vec<RecordedEvent>, Option<Position>, bool), CopyError> {
        let batch = self.0.read_all(after, direction, &Filter::all(), CHUNK).await.map_err(self.1)?;
        Ok((batch.events.into_iter().filter(moves).collect(), batch.through, batch.at_end))
    }

    /// The event, if it is here and can be seen in its stream.
    async fn sees(&self, event: &RecordedEvent) -> Result<Option<Position>, CopyError> {
        let there = self.0.read_stream(&event.stream, event.revision, Direction::Forwards, 1).await;
        let same = there.map_err(self.1)?.pop().filter(|there| there.id == event.id);
        Ok(same.map(|same| same.position))
    }
}

/// Maps a checkpoint: the position in `to`, which is a [`copy`](super::copy()) of `from`, that has the
/// same events before and behind it. `None` is the beginning of both.
///
/// A log that was copied between stores of this crate, a server's included, keeps its positions; in a
/// cluster they are others. What a reader knows of the one log is worth as much in the other from there
/// on; its checkpoint must then carry the other's id.
///
/// # Errors
/// [`CopyError::Source`] (also for a position beyond its end), [`CopyError::Target`], and
/// [`CopyError::Missing`] when the copy has not come so far, or is none.
pub async fn moved(
    from: &dyn EventStore,
    to: &dyn EventStore,
    position: Option<Position>,
) -> Result<Option<Position>, CopyError> {
    let Some(position) = position else { return Ok(None) };
    let (from, to) = (Side(from, CopyError::Source), Side(to, CopyError::Target));
    // The last event that moves, up to this position: positions before it are excluded, so the next one
    // is looked for first.
    let behind = from.0.read_all(Some(position), Direction::Forwards, &Filter::all(), 1).await;
    let mut before = behind.map_err(from.1)?.events.first().map(|next| next.position);
    let last = loop {
        let (events, through, at_end) = from.read(before, Direction::Backwards).await?;
        // Somebody may have appended meanwhile.
        match events.into_iter().find(|event| event.position <= position) {
            Some(last) => break last,
            None if at_end => return Ok(None),
            None => before = through,
        }
    };
    let found = counterpart(&last, &from, &to).await?;
    found.map(Some).ok_or_else(|| CopyError::Missing(format!("{}@{}", last.stream, last.revision)))
}

/// Where an event of one log lies in the other. One of a deleted stream is not seen in it, so it is
/// found by those before it.
pub(super) async fn counterpart(
    event: &RecordedEvent,
    of: &Side<'_>,
    other: &Side<'_>,
) -> Result<Option<Position>, CopyError> {
    if let Some(position) = other.sees(event).await? {
        return Ok(Some(position));
    }
    let (mut before, mut steps, mut seen) = (Some(event.position), 1, None);
    'back: loop {
        let (events, through, at_end) = of.read(before, Direction::Backwards).await?;
        for earlier in events {
            seen = other.sees(&earlier).await?;
            if seen.is_some() {
                break 'back;
            }
            steps += 1;
        }
        if at_end {
            break;
        }
        before = through;
    }
    loop {
        let (events, through, at_end) = other.read(seen, Direction::Forwards).await?;
        if let Some(there) = events.get(steps - 1) {
            return Ok((there.id == event.id).then_some(there.position));
        }
        if at_end {
            return Ok(None);
        }
        (steps, seen) = (steps - events.len(), through);
    }
}
