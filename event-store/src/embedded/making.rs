//! The block in the making: its frames as they are accepted, and who waits for it.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::oneshot;

use super::block;
use super::draft::Draft;
use super::frame;
use super::index::{ByStream, StreamHash};
use super::intake::{Answer, Turns};
use super::log::Placed;
use crate::{AppendError, Appended, Decoded, Position};

pub(crate) struct Making {
    first_position: u64,
    next_position: u64,
    /// The last revisions of its streams.
    streams: ByStream<u64>,
    /// Room for its header, and its frames.
    bytes: Vec<u8>,
    /// Where they are, from the front of the block.
    frames: Vec<Placed>,
    /// What its events say, in their order.
    decoded: Vec<Decoded>,
    waiting: Vec<Waiting>,
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
            bytes: vec![0; block::HEAD],
            frames: Vec::new(),
            decoded: Vec::new(),
            waiting: Vec::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// In bytes, when it is filled up to where the next one may begin.
    pub(crate) fn length(&self) -> usize {
        self.bytes.len().next_multiple_of(block::ALIGN)
    }

    pub(crate) fn first_position(&self) -> u64 {
        self.first_position
    }

    pub(crate) fn next_position(&self) -> u64 {
        self.next_position
    }

    /// The last revision of a stream that it brings.
    pub(crate) fn last_revision(&self, stream: StreamHash) -> Option<u64> {
        self.streams.get(&stream).copied()
    }

    /// Takes up what is accepted of appends in turn. Where nothing is, they have their answers at once.
    pub(crate) fn take(
        &mut self,
        drafts: &mut [Draft],
        verdicts: Turns<Verdict>,
        sender: oneshot::Sender<Turns<Answer>>,
    ) {
        let (before, mut certain) = (self.frames.len(), verdicts.len());
        let mut answers = Turns::new();
        for (draft, verdict) in drafts.iter_mut().zip(verdicts) {
            answers.push(match verdict {
                Verdict::Accept(first) => {
                    certain = certain.min(answers.len());
                    Ok(self.accept(draft, first))
                }
                Verdict::Answer(answer) => answer,
            });
        }
        match self.frames.len() > before {
            true => self.waiting.push(Waiting { answer: sender, answers, certain }),
            false => answer(sender, answers),
        }
    }

    fn accept(&mut self, draft: &mut Draft, first: u64) -> Appended {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as u64;
        let (last, start) = (first + draft.count - 1, self.bytes.len());
        self.bytes.extend_from_slice(&draft.frame);
        frame::seal(&mut self.bytes[start..], self.next_position, first, now);
        self.streams.insert(draft.stream, last);
        self.next_position += draft.count;
        self.frames.push(Placed { stream: draft.stream, revision: first, last, offset: start as u32 });
        self.decoded.extend(draft.decoded.drain(..));
        Appended { revision: last, position: Position(self.next_position - 1) }
    }

    /// Hands over the last revisions of its streams, when nothing more is judged by it.
    pub(crate) fn take_streams(&mut self) -> ByStream<u64> {
        std::mem::take(&mut self.streams)
    }

    /// The whole block, to be written in this place.
    pub(crate) fn seal(&mut self, place: block::Place) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        block::seal(&mut bytes, place, self.frames.len() as u32, self.first_position);
        bytes
    }

    /// Where its frames are, when it begins at this offset.
    pub(crate) fn frames(&self, offset: u64) -> impl Iterator<Item = Placed> {
        // Segments are far shorter than 4 GiB.
        self.frames.iter().map(move |frame| Placed { offset: offset as u32 + frame.offset, ..*frame })
    }

    /// What its events say, in their order.
    pub(crate) fn decoded(&mut self) -> Box<[Decoded]> {
        std::mem::take(&mut self.decoded).into()
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
