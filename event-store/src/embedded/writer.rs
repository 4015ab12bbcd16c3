//! The one thread that writes: takes everything that waits, checks what was expected, writes one
//! block, syncs once, shows the block to the readers and acknowledges.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};
use tokio::sync::{mpsc, oneshot, watch};

use super::disk::{PIECE, write_all, write_zeros};
use super::draft::Draft;
use super::index::StreamHash;
use super::keeper::Keeper;
use super::log::Log;
use super::making::{Making, Verdict, answer};
use super::segment::SegmentFile;
use super::tail::Recent;
use crate::{AppendError, Appended, Health, Position};

/// A block takes no further append once it is this long, in bytes.
const FULL_BLOCK: usize = 4 * 1024 * 1024;
/// The most appends that are taken out of the queue at once.
pub(crate) const QUEUE: usize = 4096;

pub(crate) type Answer = Result<Appended, AppendError>;

/// Hardly anybody wants more in turn than a request and what it begins with.
pub(crate) type Turns<T> = SmallVec<[T; 2]>;

/// Appends that wait for the writer: in this order, each only if all before it are in the log.
pub(crate) struct Request {
    pub(crate) drafts: Turns<Draft>,
    /// Hears of those that were tried.
    pub(crate) answer: oneshot::Sender<Turns<Answer>>,
}

pub(crate) struct Writer {
    pub(crate) log: Arc<Log>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) head: watch::Sender<Option<Position>>,
    pub(crate) keeper: Keeper,
    pub(crate) segment: Arc<SegmentFile>,
    /// Where the next block begins.
    pub(crate) offset: u64,
    /// Up to where the segment has been written, with blocks or zeros.
    pub(crate) filled: u64,
    pub(crate) next_position: u64,
    /// Why nothing can be written any more.
    pub(crate) broken: Option<String>,
}

impl Writer {
    /// Works until every handle is gone.
    pub(crate) fn run(mut self) {
        self.keeper.prepare(self.segment.number + 1);
        let (mut taken, mut waiting) = (Vec::new(), Vec::new());
        loop {
            if waiting.is_empty() && self.requests.blocking_recv_many(&mut taken, QUEUE) == 0 {
                return;
            }
            // What was put off goes first; what came meanwhile joins it.
            while taken.len() < QUEUE
                && let Ok(request) = self.requests.try_recv()
            {
                taken.push(request);
            }
            waiting.append(&mut taken);
            self.round(&mut waiting);
        }
    }

    /// Writes one block of what waits and leaves the rest.
    fn round(&mut self, waiting: &mut Vec<Request>) {
        let mut making = Making::from(self.next_position);
        let mut later = Vec::new();
        for request in waiting.drain(..) {
            if let Some(reason) = &self.broken {
                answer(request.answer, smallvec![Err(AppendError::Unavailable(reason.clone()))]);
            } else if making.length() >= FULL_BLOCK {
                later.push(request);
            } else {
                match self.judge(&request.drafts, &making) {
                    Some(verdicts) => making.take(request, verdicts),
                    None => later.push(request),
                }
            }
        }
        if !making.is_empty() {
            self.commit(making);
        }
        *waiting = later;
    }

    /// What becomes of appends in turn; `None` when that depends on a block that is not written yet.
    fn judge(&self, drafts: &[Draft], making: &Making) -> Option<Turns<Verdict>> {
        let mut verdicts = Turns::new();
        // What each of them brings to its stream.
        let mut brought = Turns::<(StreamHash, u64)>::new();
        for draft in drafts {
            let own = brought.iter().rfind(|(stream, _)| *stream == draft.stream).map(|(_, last)| *last);
            let verdict = self.judge_one(draft, own, making)?;
            let ends = matches!(verdict, Verdict::Answer(Err(_)));
            if let Verdict::Accept(first) = verdict {
                brought.push((draft.stream, first + draft.count - 1));
            }
            verdicts.push(verdict);
            if ends {
                break;
            }
        }
        Some(verdicts)
    }

    /// What becomes of an append to a stream to which those before it in turn bring this revision.
    fn judge_one(&self, draft: &Draft, own: Option<u64>, making: &Making) -> Option<Verdict> {
        let pending = own.or_else(|| making.last_revision(draft.stream));
        let known = || self.log.last_revision(draft.stream, draft.absent);
        let last = match pending.map_or_else(known, |last| Ok(Some(last))) {
            Ok(last) => last,
            Err(error) => return Some(Verdict::Answer(Err(AppendError::Unavailable(error.to_string())))),
        };
        let length = last.map_or(0, |last| last + 1);
        let first = draft.first().unwrap_or(length);
        match (pending, own) {
            _ if first == length => Some(Verdict::Accept(first)),
            (None, _) => Some(Verdict::Answer(self.log.answer_taken(draft, first, last))),
            (_, Some(_)) => Some(Verdict::Answer(Err(AppendError::WrongRevision { actual: last }))),
            (Some(_), None) => None,
        }
    }

    fn commit(&mut self, mut making: Making) {
        let length = making.length() as u64;
        if self.segment.capacity < self.offset + length
            && let Err(error) = self.roll(length)
        {
            self.log.set_health(Health::ReadOnly(error.to_string()));
            return making.refuse(match is_full(&error) {
                true => AppendError::Full,
                false => AppendError::Unavailable(error.to_string()),
            });
        }
        let bytes = making.encode(self.segment.place(self.offset));
        if let Err(failure) = self.write(&bytes) {
            return making.refuse(failure);
        }
        let at = (self.segment.number, self.offset);
        let block = Recent::new(self.next_position, at, Bytes::from(bytes), making.decoded());
        self.offset += length;
        self.next_position = making.next_position();
        let gone = self.log.publish(block, making.frames(), self.next_position);
        self.head.send_replace(self.next_position.checked_sub(1).map(Position));
        making.acknowledge();
        // Behind the answers: nobody waits for that.
        drop(gone);
    }

    /// Writes a block durably. After a failure nothing is known about what the disk holds, and a
    /// second sync that succeeds would prove nothing, so nothing is written ever again.
    fn write(&mut self, bytes: &[u8]) -> Result<(), AppendError> {
        let filled = self.fill(self.offset + bytes.len() as u64).map_err(|error| (0, error));
        let failed = match filled.and_then(|()| write_all(&*self.segment.file, bytes, self.offset)) {
            // Not a byte arrived, so the place is as empty as before.
            Err((0, error)) if is_full(&error) => {
                self.log.set_health(Health::ReadOnly(error.to_string()));
                return Err(AppendError::Full);
            }
            Err((_, error)) => format!("writing failed: {error}"),
            Ok(()) => match self.segment.file.sync() {
                Ok(()) => {
                    if self.log.health() != Health::Ready {
                        self.log.set_health(Health::Ready);
                    }
                    return Ok(());
                }
                Err(error) => format!("syncing failed: {error}"),
            },
        };
        tracing::error!(
            reason = failed,
            segment = self.segment.number,
            offset = self.offset,
            "no more writes"
        );
        self.log.set_broken(&failed);
        self.broken = Some(failed.clone());
        Err(AppendError::Unknown(failed))
    }

    /// Has zeros written behind a block that ends here, unless they are there: the same sync makes both durable.
    fn fill(&mut self, end: u64) -> io::Result<()> {
        if end > self.filled {
            let until = end.next_multiple_of(PIECE as u64).min(self.segment.capacity);
            write_zeros(&*self.segment.file, end, until)?;
            self.filled = until;
        }
        Ok(())
    }

    /// Goes on in the next segment, which must have room for a block of this length.
    fn roll(&mut self, length: u64) -> io::Result<()> {
        let number = self.segment.number + 1;
        let next = Arc::new(self.keeper.take(number, length + super::segment::HEAD)?);
        self.segment = Arc::clone(&next);
        self.offset = super::segment::HEAD;
        self.filled = self.offset;
        // First what lets go of memory: the next segment takes as long as this one lasts.
        if let Some(sealed) = self.log.roll(next) {
            self.keeper.write_index(sealed);
        }
        self.keeper.prepare(number + 1);
        Ok(())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
