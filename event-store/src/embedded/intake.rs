//! Where appends come in. Each is judged, and put into the block in the making, on the thread of its caller:
//! what the one writer need not do, the others do while it waits for the disk.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use smallvec::{SmallVec, smallvec};
use tokio::sync::oneshot;

use super::draft::Draft;
use super::index::{ByStream, StreamHash};
use super::log::Log;
use super::making::{Making, Verdict, answer};
use crate::{AppendError, Appended};

/// A block takes no further append once it is this long, in bytes.
const FULL_BLOCK: usize = 4 * 1024 * 1024;

pub(crate) type Answer = Result<Appended, AppendError>;

/// Hardly anybody wants more in turn than a request and what it begins with.
pub(crate) type Turns<T> = SmallVec<[T; 2]>;

/// Appends that want to be in the log in this order, each only if all before it are.
pub(crate) struct Request {
    pub(crate) drafts: Turns<Draft>,
    /// Hears of those that were tried.
    pub(crate) answer: oneshot::Sender<Turns<Answer>>,
}

/// Between the callers and the writer.
pub(crate) struct Intake {
    log: Arc<Log>,
    state: Mutex<State>,
    work: Condvar,
}

struct State {
    making: Making,
    /// The last revisions of the streams of the block that is being written.
    under_way: ByStream<u64>,
    /// What depends on a block that is not durable yet, or found no room in this one.
    later: VecDeque<Request>,
    /// Why nothing can be written any more.
    broken: Option<String>,
    /// Every handle is gone.
    closed: bool,
    /// The writer waits for work.
    idle: bool,
}

impl Intake {
    /// Of what comes behind the log up to this position.
    pub(crate) fn new(log: Arc<Log>, next_position: u64) -> Self {
        let state = State {
            making: Making::from(next_position),
            under_way: ByStream::default(),
            later: VecDeque::new(),
            broken: None,
            closed: false,
            idle: false,
        };
        Self { log, state: Mutex::new(state), work: Condvar::new() }
    }

    /// Held for a microsecond, but for the rare append to a stream that only older segments know. What can
    /// panic meanwhile has changed nothing yet.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a request in. Its answer comes when the block that it is in is durable, or when it is certain.
    pub(crate) fn enter(&self, request: Request) {
        let mut state = self.state();
        let left = state.admit(&self.log, request);
        let wake = state.idle && !state.making.is_empty();
        state.idle &= !wake;
        drop(state);
        if wake {
            self.work.notify_one();
        }
        // Nobody waits for the memory of what has been copied.
        drop(left);
    }

    /// The next block, for the writer, which is done with the last one. `None` when every handle is gone.
    pub(crate) fn next(&self) -> Option<Making> {
        let mut state = self.state();
        state.under_way.clear();
        loop {
            // What was put off goes first.
            for request in mem::take(&mut state.later) {
                state.admit(&self.log, request);
            }
            if !state.making.is_empty() {
                return Some(state.hand_out());
            }
            if state.closed {
                return None;
            }
            state.idle = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle = false;
        }
    }

    /// Nothing of this block, the last that was given out, is on the log. Neither can be what stands on it.
    pub(crate) fn refuse(&self, block: Making, failure: AppendError) {
        let behind = self.state().start_over(block.first_position());
        block.refuse(failure.clone());
        behind.refuse(failure);
    }

    /// Nobody knows what is on the disk of this block, and nothing is ever written again.
    pub(crate) fn give_up(&self, block: Making, reason: String) {
        let mut state = self.state();
        let behind = state.start_over(block.first_position());
        state.broken = Some(reason.clone());
        drop(state);
        block.refuse(AppendError::Unknown(reason.clone()));
        behind.refuse(AppendError::Unavailable(reason));
    }

    /// The last handle is gone: the writer ends when nothing is left to write.
    pub(crate) fn close(&self) {
        self.state().closed = true;
        self.work.notify_one();
    }

    /// The writer is gone, and whoever still waits for it hears no more.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.broken.get_or_insert_with(|| "the writer ended".to_owned());
        let next = state.making.first_position();
        state.start_over(next);
        state.later.clear();
    }
}

impl State {
    /// Puts what is accepted of a request into the block, and gives back what remains of the request; one whose
    /// answer is not certain yet is put off.
    fn admit(&mut self, log: &Log, mut request: Request) -> Option<Turns<Draft>> {
        if let Some(reason) = &self.broken {
            answer(request.answer, smallvec![Err(AppendError::Unavailable(reason.clone()))]);
        } else if self.making.length() < FULL_BLOCK
            && let Some(verdicts) = self.judge(log, &request.drafts)
        {
            self.making.take(&mut request.drafts, verdicts, request.answer);
        } else {
            self.later.push_back(request);
            return None;
        }
        Some(request.drafts)
    }

    /// The block as it is, for the writer. The next one begins behind it.
    fn hand_out(&mut self) -> Making {
        let next = Making::from(self.making.next_position());
        let mut block = mem::replace(&mut self.making, next);
        self.under_way = block.take_streams();
        block
    }

    /// Forgets what was built on a block that is not on the log, and gives it back.
    fn start_over(&mut self, next_position: u64) -> Making {
        self.under_way.clear();
        mem::replace(&mut self.making, Making::from(next_position))
    }

    /// What becomes of appends in turn; `None` when that depends on a block that is not durable yet.
    fn judge(&self, log: &Log, drafts: &[Draft]) -> Option<Turns<Verdict>> {
        let mut verdicts = Turns::new();
        // What each of them brings to its stream.
        let mut brought = Turns::<(StreamHash, u64)>::new();
        for draft in drafts {
            let own = brought.iter().rfind(|(stream, _)| *stream == draft.stream).map(|(_, last)| *last);
            let verdict = self.judge_one(log, draft, own)?;
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
    fn judge_one(&self, log: &Log, draft: &Draft, own: Option<u64>) -> Option<Verdict> {
        let written = || self.under_way.get(&draft.stream).copied();
        let pending = own.or_else(|| self.making.last_revision(draft.stream)).or_else(written);
        let known = || log.last_revision(draft.stream, draft.absent);
        let last = match pending.map_or_else(known, |last| Ok(Some(last))) {
            Ok(last) => last,
            Err(error) => return Some(Verdict::Answer(Err(AppendError::Unavailable(error.to_string())))),
        };
        let length = last.map_or(0, |last| last + 1);
        let first = draft.first().unwrap_or(length);
        match (pending, own) {
            _ if first == length => Some(Verdict::Accept(first)),
            (None, _) => Some(Verdict::Answer(log.answer_taken(draft, last))),
            (_, Some(_)) => Some(Verdict::Answer(Err(AppendError::WrongRevision { actual: last }))),
            (Some(_), None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot::Receiver;
    use tokio::sync::oneshot::error::TryRecvError;
    use uuid::Uuid;

    use super::super::EmbeddedStore;
    use super::*;
    use crate::ExpectedRevision::{Exact, NoStream};
    use crate::{Decoded, ExpectedRevision, NewEvent, Position, StreamName};

    type Waiting = Receiver<Turns<Answer>>;

    /// An intake of its own, with no writer behind it. The store is only there to be looked into.
    async fn intake() -> (tempfile::TempDir, EmbeddedStore, Intake) {
        let folder = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(folder.path()).unwrap();
        let intake = Intake::new(Arc::clone(&store.log), 0);
        (folder, store, intake)
    }

    fn enter(intake: &Intake, stream: &str, expected: ExpectedRevision) -> Waiting {
        let event = NewEvent {
            id: Uuid::new_v4(),
            event_type: "Opened".into(),
            data: "{}".into(),
            metadata: "".into(),
            decoded: Decoded::default(),
        };
        let stream = StreamName::new(stream).unwrap();
        let drafts = smallvec![Draft::new(intake.log.store, &stream, expected, &[event])];
        let (answer, waiting) = oneshot::channel();
        intake.enter(Request { drafts, answer });
        waiting
    }

    fn is_open(waiting: &mut Waiting) -> bool {
        matches!(waiting.try_recv(), Err(TryRecvError::Empty))
    }

    fn answer_of(mut waiting: Waiting) -> Answer {
        waiting.try_recv().unwrap().pop().unwrap()
    }

    fn at(revision: u64, position: u64) -> Answer {
        Ok(Appended { revision, position: Position(position) })
    }

    #[tokio::test]
    async fn what_is_built_on_a_block_that_is_refused_is_refused_with_it() {
        let (_folder, _store, intake) = intake().await;
        let first = enter(&intake, "a-1", NoStream);
        let block = intake.next().unwrap();
        let mut behind = enter(&intake, "a-1", Exact(0));
        let other = enter(&intake, "a-2", NoStream);
        assert!(is_open(&mut behind));
        intake.refuse(block, AppendError::Full);
        for refused in [first, behind, other] {
            assert_eq!(answer_of(refused), Err(AppendError::Full));
        }
        let again = enter(&intake, "a-1", NoStream);
        intake.next().unwrap().acknowledge();
        assert_eq!(answer_of(again), at(0, 0));
    }

    #[tokio::test]
    async fn what_depends_on_a_block_under_way_hears_what_becomes_of_it() {
        let (_folder, _store, intake) = intake().await;
        let first = enter(&intake, "a-1", NoStream);
        let block = intake.next().unwrap();
        let mut second = enter(&intake, "a-1", NoStream);
        let other = enter(&intake, "a-2", NoStream);
        // It is no part of the block in the making, and that is not kept waiting by it.
        let next = intake.state().making.next_position();
        assert!(is_open(&mut second));
        assert_eq!(next, 2);
        intake.refuse(block, AppendError::Full);
        assert_eq!((answer_of(first), answer_of(other)), (Err(AppendError::Full), Err(AppendError::Full)));
        // The stream was never begun, so the second may begin it.
        intake.next().unwrap().acknowledge();
        assert_eq!(answer_of(second), at(0, 0));
    }

    #[tokio::test]
    async fn when_nobody_knows_what_the_disk_holds_only_that_block_is_in_doubt() {
        let (_folder, _store, intake) = intake().await;
        let first = enter(&intake, "a-1", NoStream);
        let block = intake.next().unwrap();
        let behind = enter(&intake, "a-2", NoStream);
        let put_off = enter(&intake, "a-1", NoStream);
        intake.give_up(block, "gone".to_owned());
        intake.close();
        assert!(intake.next().is_none());
        assert_eq!(answer_of(first), Err(AppendError::Unknown("gone".to_owned())));
        for late in [behind, put_off, enter(&intake, "a-3", NoStream)] {
            assert_eq!(answer_of(late), Err(AppendError::Unavailable("gone".to_owned())));
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_writer_that_is_gone() {
        let (_folder, _store, intake) = intake().await;
        let mut first = enter(&intake, "a-1", NoStream);
        let block = intake.next().unwrap();
        let (mut behind, mut put_off) = (enter(&intake, "a-2", NoStream), enter(&intake, "a-1", NoStream));
        drop(block);
        intake.abandon();
        for waiting in [&mut first, &mut behind, &mut put_off] {
            assert_eq!(waiting.try_recv(), Err(TryRecvError::Closed));
        }
        let late = answer_of(enter(&intake, "a-3", NoStream));
        assert_eq!(late, Err(AppendError::Unavailable("the writer ended".to_owned())));
    }
}
