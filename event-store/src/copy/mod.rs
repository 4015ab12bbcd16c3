//! Moving a log from one store to another.
//!
//! What a log is, wherever it is kept: streams, revisions, event ids, types, data, metadata, and the
//! one order of everything. Positions are the same where both sides count without gaps; the times at
//! which events were recorded are those of the store that holds them.

mod moved;

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher24};

pub use moved::moved;

use crate::eventstoredb::KEPT_IDENTITY;
use crate::{
    Append, AppendError, Direction, EventStore, ExpectedRevision, Filter, NewEvent, Position, ReadError,
    RecordedEvent,
};

use moved::{Side, counterpart};

/// How many events go to the other side at once.
const CHUNK: usize = 2000;
/// How often the other side may fail before the copy gives up; it then goes on where it stopped.
const FAILURES: u32 = 5;

/// Why a log was not copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The log to copy cannot be read.
    #[error("the source cannot be read: {0}")]
    Source(#[source] ReadError),
    /// The other side cannot be read.
    #[error("the target cannot be read: {0}")]
    Target(#[source] ReadError),
    /// The other side does not take an append.
    #[error("the target does not take an append: {0}")]
    Append(#[source] AppendError),
    /// What is on the other side is not the beginning of this log.
    #[error("the target is not a copy that was begun from this source: {0}")]
    Foreign(String),
    /// A position was asked for that the copy has not reached.
    #[error("the target does not hold {0} of the source: copy what is missing first")]
    Missing(String),
    /// Everything was copied, and the sides are not the same.
    #[error("the copy is not the same: source {from}, target {to}")]
    Different {
        /// What the source holds.
        from: Fingerprint,
        /// What the target holds.
        to: Fingerprint,
    },
}

/// What a log holds, in 128 bits and a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many events.
    pub events: u64,
    /// A hash over streams, revisions, ids, types, data and metadata, in their order.
    pub hash: u128,
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} events, hash {:032x}", self.events, self.hash)
    }
}

/// Adds up a fingerprint event by event.
#[derive(Default)]
pub struct Printer {
    hasher: SipHasher24,
    events: u64,
}

impl Printer {
    /// Adds the next event.
    pub fn add(&mut self, event: &RecordedEvent) {
        self.events += 1;
        let stream = event.stream.as_str().as_bytes();
        for part in [stream, event.event_type.as_bytes(), &event.data, &event.metadata] {
            self.hasher.write_u64(part.len() as u64);
            self.hasher.write(part);
        }
        self.hasher.write_u64(event.revision);
        self.hasher.write(event.id.as_bytes());
    }

    /// What was added so far.
    pub fn print(&self) -> Fingerprint {
        Fingerprint { events: self.events, hash: self.hasher.finish128().as_u128() }
    }
}

/// What the stream is that a store of another make keeps about the log: it does not move.
fn moves(event: &RecordedEvent) -> bool {
    event.stream.as_str() != KEPT_IDENTITY
}

/// The fingerprint of the first events of a log, up to so many.
///
/// # Errors
/// Every [`ReadError`].
pub async fn fingerprint(store: &dyn EventStore, events: u64) -> Result<Fingerprint, ReadError> {
    let (mut printer, mut after) = (Printer::default(), None);
    while printer.events < events {
        let batch = store.read_all(after, Direction::Forwards, &Filter::all(), CHUNK).await?;
        for event in batch.events.iter().filter(|event| moves(event)) {
            if printer.events < events {
                printer.add(event);
            }
        }
        if batch.at_end {
            break;
        }
        after = batch.through;
    }
    Ok(printer.print())
}

/// Copies a log to a store that is empty or holds the beginning of the same log, then compares both
/// sides. `progress` hears how many events are there, again and again.
///
/// The source may be written meanwhile: everything that was there when the end was first reached is
/// copied.
///
/// # Errors
/// Every [`CopyError`]. What was copied stays, and another call goes on behind it.
pub async fn copy(
    from: &dyn EventStore,
    to: &dyn EventStore,
    mut progress: impl FnMut(u64) + Send,
) -> Result<Fingerprint, CopyError> {
    let mut failures = 0;
    loop {
        match attempt(from, to, &mut progress).await {
            Err(CopyError::Append(AppendError::Unknown(reason) | AppendError::Unavailable(reason)))
                if failures < FAILURES =>
            {
                failures += 1;
                tracing::warn!(reason, "the copy goes on where it stopped");
            }
            Err(error) => return Err(error),
            Ok(()) => break,
        }
    }
    let theirs = fingerprint(to, u64::MAX).await.map_err(CopyError::Target)?;
    let ours = fingerprint(from, theirs.events).await.map_err(CopyError::Source)?;
    if ours == theirs { Ok(ours) } else { Err(CopyError::Different { from: ours, to: theirs }) }
}

async fn attempt(
    from: &dyn EventStore,
    to: &dyn EventStore,
    progress: &mut (impl FnMut(u64) + Send),
) -> Result<(), CopyError> {
    let (mut after, mut last) = resume(from, to).await?;
    let mut copied = after.map_or(0, |after| after.0 + 1);
    loop {
        let batch = from.read_all(after, Direction::Forwards, &Filter::all(), CHUNK).await;
        let batch = batch.map_err(CopyError::Source)?;
        let events: Vec<_> = batch.events.into_iter().filter(moves).collect();
        copied += events.len() as u64;
        for appended in to.append_all(appends(events)).await.map_err(CopyError::Append)? {
            if Some(appended.position) <= last {
                return Err(CopyError::Foreign("somebody else writes to it, or it reorders".to_owned()));
            }
            last = Some(appended.position);
        }
        after = batch.through;
        progress(copied);
        if batch.at_end {
            return Ok(());
        }
    }
}

/// Where the source goes on behind what the target has, and the target's last position.
async fn resume(
    from: &dyn EventStore,
    to: &dyn EventStore,
) -> Result<(Option<Position>, Option<Position>), CopyError> {
    let newest = to.read_all(None, Direction::Backwards, &Filter::all(), 2).await;
    let newest = newest.map_err(CopyError::Target)?.events.into_iter().find(moves);
    let Some(newest) = newest else { return Ok((None, None)) };
    match counterpart(&newest, &Side(to, CopyError::Target), &Side(from, CopyError::Source)).await? {
        Some(same) => Ok((Some(same), Some(newest.position))),
        None => {
            let place = format!("{}@{}", newest.stream, newest.revision);
            Err(CopyError::Foreign(format!("it ends with {place}, which is not here")))
        }
    }
}

/// Neighbours of one stream go together.
pub(crate) fn appends(events: Vec<RecordedEvent>) -> Vec<Append> {
    let mut appends: Vec<Append> = Vec::new();
    let mut bytes = 0;
    for event in events {
        let size = event.data.len() + event.metadata.len() + event.event_type.len();
        let (stream, before) = (event.stream.clone(), event.revision.checked_sub(1));
        let new = NewEvent::from(event);
        match appends.last_mut() {
            Some(last) if last.stream == stream && bytes + size < crate::MAX_APPEND_BYTES / 4 => {
                bytes += size;
                last.events.push(new);
            }
            _ => {
                bytes = size;
                let expected = before.map_or(ExpectedRevision::NoStream, ExpectedRevision::Exact);
                appends.push(Append { stream, expected, events: vec![new] });
            }
        }
    }
    appends
}
