//! The block in the making: what is accepted for it, and who waits for it.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use super::block;
use super::draft::Draft;
use super::frame;
use super::index::{ByStream, StreamHash};
use super::log::Placed;
use super::writer::{Answer, Request, Turns};
use crate::{AppendError, Appended, Decoded, Position};

pub(crate) struct Making {
    first_position: u64,
    next_position: u64,
    /// The last revisions of its streams.
    streams: ByStream<u64>,
    accepted: Vec<(Draft, Placed)>,
    waiting: Vec<Waiting>,
    length: usize,
}

/// Whoever waits for the block.
struct Waiting {
    answer: oneshot::Sender<Turns<Answer>>,
    /// What it hears when the block is durable.
    answers: Turns<Answer>,
    /// How many of these are true whatever becomes of the block.
    certain: usize,
}

/// What becomes of an append.
pub(crate) enum Verdict {
    /// Its first event gets this revision.
    Accept(u64),
    Answer(Answer),
}

impl Making {
    /// Nothing yet, behind the log up to this position.
    pub(crate) fn from(first_position: u64) -> Self {
        Self {
            first_position,
            next_position: first_position,
            streams: ByStream::default(),
            accepted: Vec::new(),
            waiting: Vec::new(),
            length: block::HEAD,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    /// In bytes, when it is filled up to where the next one may begin.
    pub(crate) fn length(&self) -> usize {
        self.length.next_multiple_of(block::ALIGN)
    }

    pub(crate) fn next_position(&self) -> u64 {
        self.next_position
    }

    /// The last revision of a stream that it brings.
    pub(crate) fn last_revision(&self, stream: StreamHash) -> Option<u64> {
        self.streams.get(&stream).copied()
    }

    /// Takes up what is accepted of a request. One of which nothing is has its answers at once.
    pub(crate) fn take(&mut self, request: Request, verdicts: Turns<Verdict>) {
        let (before, mut certain) = (self.accepted.len(), verdicts.len());
        let mut answers = Turns::new();
        for (draft, verdict) in request.drafts.into_iter().zip(verdicts) {
            answers.push(match verdict {
                Verdict::Accept(first) => {
                    certain = certain.min(answers.len());
                    Ok(self.accept(draft, first))
                }
                Verdict::Answer(answer) => answer,
            });
        }
        match self.accepted.len() > before {
            true => self.waiting.push(Waiting { answer: request.answer, answers, certain }),
            false => answer(request.answer, answers),
        }
    }

    fn accept(&mut self, draft: Draft, first: u64) -> Appended {
        let last = first + draft.count - 1;
        self.streams.insert(draft.stream, last);
        self.length += draft.frame.len();
        self.next_position += draft.count;
        // Where it lies is known when it is written.
        let placed = Placed { stream: draft.stream, revision: first, last, offset: 0 };
        self.accepted.push((draft, placed));
        Appended { revision: last, position: Position(self.next_position - 1) }
    }

    /// The whole block, to be written at this offset.
    pub(crate) fn encode(&mut self, place: block::Place) -> Vec<u8> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
        let mut bytes = Vec::with_capacity(self.length());
        bytes.resize(block::HEAD, 0);
        let mut position = self.first_position;
        for (draft, placed) in &mut self.accepted {
            let start = bytes.len();
            bytes.extend_from_slice(&draft.frame);
            frame::seal(&mut bytes[start..], position, placed.revision, now);
            // Segments are far shorter than 4 GiB.
            placed.offset = (place.offset + start as u64) as u32;
            position += draft.count;
        }
        block::seal(&mut bytes, place, self.accepted.len() as u32, self.first_position);
        bytes
    }

    /// Where its frames are, once it is encoded.
    pub(crate) fn frames(&self) -> impl Iterator<Item = &Placed> {
        self.accepted.iter().map(|(_, placed)| placed)
    }

    /// What its events say, in their order.
    pub(crate) fn decoded(&mut self) -> Box<[Decoded]> {
        self.accepted.iter_mut().flat_map(|(draft, _)| std::mem::take(&mut draft.decoded)).collect()
    }

    /// It is durable.
    pub(crate) fn acknowledge(self) {
        self.waiting.into_iter().for_each(|waiting| answer(waiting.answer, waiting.answers));
    }

    /// It is not, or nobody knows.
    pub(crate) fn refuse(self, failure: AppendError) {
        for Waiting { answer: sender, mut answers, certain } in self.waiting {
            answers.truncate(certain);
            answers.push(Err(failure.clone()));
            answer(sender, answers);
        }
    }
}

/// A caller that no longer waits is no reason to stop.
pub(crate) fn answer(sender: oneshot::Sender<Turns<Answer>>, answers: Turns<Answer>) {
    let _ = sender.send(answers);
}
