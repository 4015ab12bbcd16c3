//! The one thread that writes: takes everything that waits, checks what was expected, writes one
//! block, syncs once, shows the block to the readers and acknowledges.

use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::block;
use super::disk::write_all;
use super::frame;
use super::index::{ByStream, StreamHash};
use super::keeper::Keeper;
use super::log::{Log, Placed};
use super::segment::SegmentFile;
use super::tail::Recent;
use crate::{AppendError, Appended, Direction, ExpectedRevision, Health, Position, StreamName};

/// A block takes no further append once it is this long, in bytes.
const FULL_BLOCK: usize = 4 * 1024 * 1024;
/// The most appends that are taken out of the queue at once.
pub(crate) const QUEUE: usize = 4096;

type Answer = Result<Appended, AppendError>;

/// An append that waits for the writer.
pub(crate) struct Request {
    pub(crate) stream: StreamName,
    pub(crate) hash: StreamHash,
    pub(crate) expected: ExpectedRevision,
    pub(crate) ids: Vec<Uuid>,
    /// The frame, without its place.
    pub(crate) draft: Vec<u8>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

pub(crate) struct Writer {
    pub(crate) log: Arc<Log>,
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) head: watch::Sender<Option<Position>>,
    pub(crate) keeper: Keeper,
    pub(crate) segment: Arc<SegmentFile>,
    /// Where the next block begins.
    pub(crate) offset: u64,
    pub(crate) next_position: u64,
    /// Why nothing can be written any more.
    pub(crate) broken: Option<String>,
}

/// The block in the making.
#[derive(Default)]
struct Open {
    /// The last revisions of its streams.
    streams: ByStream<u64>,
    accepted: Vec<(Request, Appended, u64)>,
    length: usize,
    next_position: u64,
}

/// What to do with an append.
enum Verdict {
    /// Its first event gets this revision.
    Accept(u64),
    Answer(Answer),
    /// It depends on a block that is not written yet.
    Later,
}

impl Writer {
    /// Works until every handle is gone.
    pub(crate) fn run(mut self) {
        self.keeper.written(self.offset, self.segment.capacity);
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
        let mut open = Open { next_position: self.next_position, length: block::HEAD, ..Open::default() };
        let mut later = Vec::new();
        for request in waiting.drain(..) {
            if let Some(reason) = &self.broken {
                answer(request.answer, Err(AppendError::Unavailable(reason.clone())));
            } else if open.length >= FULL_BLOCK {
                later.push(request);
            } else {
                match self.judge(&request, &open) {
                    Verdict::Accept(revision) => open.accept(request, revision),
                    Verdict::Answer(decided) => answer(request.answer, decided),
                    Verdict::Later => later.push(request),
                }
            }
        }
        if !open.accepted.is_empty() {
            self.commit(open);
        }
        *waiting = later;
    }

    fn judge(&self, request: &Request, open: &Open) -> Verdict {
        let pending = open.streams.get(&request.hash).copied();
        let last = match pending.map_or_else(|| self.log.last_revision(request.hash), |last| Ok(Some(last))) {
            Ok(last) => last,
            Err(error) => return Verdict::Answer(Err(AppendError::Unavailable(error.to_string()))),
        };
        let length = last.map_or(0, |last| last + 1);
        let first = match request.expected {
            ExpectedRevision::NoStream => 0,
            ExpectedRevision::Exact(revision) => revision.saturating_add(1),
            ExpectedRevision::Any => length,
        };
        match pending {
            _ if first == length => Verdict::Accept(first),
            Some(_) => Verdict::Later,
            None => Verdict::Answer(self.appended_before(request, first, last)),
        }
    }

    /// The answer to an append whose place is taken: the first answer when these very events took
    /// it, a conflict otherwise.
    fn appended_before(&self, request: &Request, first: u64, actual: Option<u64>) -> Answer {
        let count = request.ids.len();
        let conflict = Err(AppendError::WrongRevision { actual });
        if first.checked_add(count as u64 - 1).is_none_or(|end| Some(end) > actual) {
            return conflict;
        }
        let there =
            self.log.plan(&request.stream, first, Direction::Forwards, count).and_then(|plan| plan.run());
        let there = there.map_err(|error| AppendError::Unavailable(error.to_string()))?;
        let same = there.iter().map(|event| event.id).eq(request.ids.iter().copied());
        match there.last() {
            Some(last) if same => Ok(Appended { revision: last.revision, position: last.position }),
            _ => conflict,
        }
    }

    fn commit(&mut self, open: Open) {
        let length = open.length.next_multiple_of(block::ALIGN) as u64;
        if self.segment.capacity < self.offset + length
            && let Err(error) = self.roll(length)
        {
            let full = is_full(&error);
            self.log.set_health(Health::ReadOnly(error.to_string()));
            let refused = || {
                if full { AppendError::Full } else { AppendError::Unavailable(error.to_string()) }
            };
            return open
                .accepted
                .into_iter()
                .for_each(|(request, ..)| answer(request.answer, Err(refused())));
        }
        let (first_position, next_position, frames) =
            (self.next_position, open.next_position, open.accepted.len() as u32);
        let (mut bytes, placed, answers) = open.encode(first_position, self.offset);
        block::seal(&mut bytes, self.segment.place(self.offset), frames, first_position);
        if let Err(failure) = self.write(&bytes) {
            return answers.into_iter().for_each(|(sender, _)| answer(sender, Err(failure.clone())));
        }
        let block = Recent {
            first_position,
            segment: self.segment.number,
            offset: self.offset,
            bytes: Bytes::from(bytes),
        };
        self.offset += length;
        self.next_position = next_position;
        self.log.publish(block, &placed, next_position);
        self.keeper.written(self.offset, self.segment.capacity);
        self.head.send_replace(next_position.checked_sub(1).map(Position));
        answers.into_iter().for_each(|(sender, appended)| answer(sender, Ok(appended)));
    }

    /// Writes a block durably. After a failure nothing is known about what the disk holds, and a
    /// second sync that succeeds would prove nothing, so nothing is written ever again.
    fn write(&mut self, bytes: &[u8]) -> Result<(), AppendError> {
        let failed = match write_all(&*self.segment.file, bytes, self.offset) {
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

    /// Goes on in the next segment, which must have room for a block of this length.
    fn roll(&mut self, length: u64) -> io::Result<()> {
        let number = self.segment.number + 1;
        let next = Arc::new(self.keeper.take(number, length + super::segment::HEAD)?);
        self.segment = Arc::clone(&next);
        self.offset = super::segment::HEAD;
        // First what lets go of memory: the next segment takes as long as this one lasts.
        if let Some(sealed) = self.log.roll(next) {
            self.keeper.write_index(sealed);
        }
        self.keeper.written(self.offset, self.segment.capacity);
        self.keeper.prepare(number + 1);
        Ok(())
    }
}

impl Open {
    fn accept(&mut self, request: Request, first: u64) {
        let count = request.ids.len() as u64;
        let last = first + count - 1;
        self.streams.insert(request.hash, last);
        self.length += request.draft.len();
        self.next_position += count;
        let appended = Appended { revision: last, position: Position(self.next_position - 1) };
        self.accepted.push((request, appended, first));
    }

    /// The frames behind an empty block header.
    #[allow(clippy::type_complexity, reason = "three lists of the same appends")]
    fn encode(
        self,
        first_position: u64,
        at: u64,
    ) -> (Vec<u8>, Vec<Placed>, Vec<(oneshot::Sender<Answer>, Appended)>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
        let mut bytes = Vec::with_capacity(self.length.next_multiple_of(block::ALIGN));
        bytes.resize(block::HEAD, 0);
        let (mut placed, mut answers) =
            (Vec::with_capacity(self.accepted.len()), Vec::with_capacity(self.accepted.len()));
        let mut position = first_position;
        for (request, appended, revision) in self.accepted {
            let start = bytes.len();
            bytes.extend_from_slice(&request.draft);
            frame::seal(&mut bytes[start..], position, revision, now);
            // Segments are far shorter than 4 GiB.
            let offset = (at + start as u64) as u32;
            placed.push(Placed { stream: request.hash, revision, last: appended.revision, offset });
            position = appended.position.0 + 1;
            answers.push((request.answer, appended));
        }
        (bytes, placed, answers)
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A caller that no longer waits is no reason to stop.
fn answer(sender: oneshot::Sender<Answer>, answer: Answer) {
    let _ = sender.send(answer);
}
