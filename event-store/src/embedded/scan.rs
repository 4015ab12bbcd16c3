//! Reading the whole log, in either direction.
//!
//! What the tail in memory covers comes from there; the rest is read region by region, some 64 KiB
//! at once, and every block's CRC is checked before anything of it is given out.

use std::sync::Arc;

use bytes::Bytes;

use super::frame::Recorder;
use super::log::{Log, State, damaged, unreadable};
use super::segment::SegmentFile;
use super::tail::Recent;
use super::walk::{Walk, frames};
use crate::{Batch, Direction, Filter, Position, ReadError, RecordedEvent};

/// How many blocks of the tail are taken out under one hold of the lock.
const TAKE: usize = 64;

/// How far one read goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Wanted events.
    pub(crate) events: usize,
    /// Bytes of the log looked at, about.
    pub(crate) bytes: usize,
}

/// A piece of the log that holds a position.
enum Piece {
    Recent(Vec<Arc<Recent>>),
    Cold { segment: Arc<SegmentFile>, from: u64, to: u64 },
}

impl Log {
    /// Whether everything behind a position is in memory.
    pub(crate) fn is_recent(&self, after: Option<Position>) -> bool {
        let state = self.state();
        let next = after.map_or(0, |after| after.0.saturating_add(1));
        next >= state.next_position || state.tail.first_position().is_some_and(|first| first <= next)
    }

    /// Reads the log; blocks on the disk where the tail does not reach.
    pub(crate) fn scan(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        limits: Limits,
    ) -> Result<Batch, ReadError> {
        let (first, end) = {
            let state = self.state();
            state.check(after)?;
            match (direction, after) {
                (Direction::Forwards, after) => {
                    (after.map_or(0, |after| after.0.saturating_add(1)), state.next_position)
                }
                (Direction::Backwards, None) => (0, state.next_position),
                (Direction::Backwards, Some(before)) => (0, before.0),
            }
        };
        let mut batch = Batch { events: Vec::new(), through: after, at_end: first >= end };
        let mut search = Search { filter, recorder: Recorder::default(), first, end };
        let mut looked = 0;
        while !batch.at_end && batch.events.len() < limits.events && looked < limits.bytes {
            let next = match direction {
                Direction::Forwards => search.first,
                Direction::Backwards => search.end - 1,
            };
            match (self.piece(next, direction)?, direction) {
                (Piece::Recent(blocks), Direction::Forwards) => {
                    looked += blocks.iter().map(|block| block.bytes.len()).sum::<usize>();
                    search.onwards(&blocks, limits.events, &mut batch);
                }
                (piece, _) => {
                    let blocks = piece.blocks()?;
                    looked += blocks.iter().map(Bytes::len).sum::<usize>();
                    match direction {
                        Direction::Forwards => search.forwards(&blocks, limits.events, &mut batch),
                        Direction::Backwards => search.backwards(&blocks, limits.events, &mut batch),
                    }
                }
            }
            // A piece that does not hold the position it was found for would be read for ever.
            if search.stuck_at(next, direction) {
                return Err(ReadError::Damaged(format!("position {next} is not where its index says")));
            }
            batch.at_end = search.first >= search.end;
        }
        Ok(batch)
    }

    fn piece(&self, position: u64, direction: Direction) -> Result<Piece, ReadError> {
        let state = self.state();
        let recent = match direction {
            Direction::Forwards => state.tail.from(position, TAKE),
            Direction::Backwards => state.tail.to(position, TAKE),
        };
        if let Some(recent) = recent {
            return Ok(Piece::Recent(recent));
        }
        state.cold(position)
    }
}

impl State {
    fn cold(&self, position: u64) -> Result<Piece, ReadError> {
        let active = &self.growing.regions;
        if active.first_position().is_some_and(|first| first <= position) {
            let (from, to) = active.around(position);
            return Ok(Piece::Cold { segment: Arc::clone(&self.active), from, to });
        }
        let older = |index: usize| self.older.segments[index].index().regions().first_position();
        // A handful of segments to a few thousand: halves are enough.
        let (mut from, mut to) = (0, self.older.segments.len());
        while to - from > 1 {
            let middle = from + (to - from) / 2;
            if older(middle).is_some_and(|first| first <= position) { from = middle } else { to = middle }
        }
        let Some(sealed) = self.older.segments.get(from) else {
            return Err(ReadError::Damaged(format!("no segment holds position {position}")));
        };
        let (from, to) = sealed.index().regions().around(position);
        Ok(Piece::Cold { segment: Arc::clone(&sealed.segment), from, to })
    }
}

impl Piece {
    fn blocks(self) -> Result<Vec<Bytes>, ReadError> {
        let (segment, from, to) = match self {
            Self::Recent(blocks) => return Ok(blocks.iter().map(|block| block.bytes.clone()).collect()),
            Self::Cold { segment, from, to } => (segment, from, to),
        };
        let mut walk = Walk::within(&segment, from, to).map_err(unreadable)?;
        let mut blocks = Vec::new();
        while walk.offset < to {
            match walk.next().map_err(unreadable)? {
                Some(block) => blocks.push(block.bytes),
                None => return Err(damaged(&segment, walk.offset)),
            }
        }
        Ok(blocks)
    }
}

/// What is left to look at: positions from `first` on, before `end`.
struct Search<'a> {
    filter: &'a Filter,
    recorder: Recorder,
    first: u64,
    end: u64,
}

impl Search<'_> {
    fn stuck_at(&self, next: u64, direction: Direction) -> bool {
        match direction {
            Direction::Forwards => self.first == next,
            Direction::Backwards => self.end == next + 1,
        }
    }

    /// Those who follow the log, and all of whom have the newest blocks before them.
    fn onwards(&mut self, blocks: &[Arc<Recent>], max: usize, batch: &mut Batch) {
        for block in blocks {
            let Some(from) = self.first.checked_sub(block.first_position) else { return };
            for event in block.events().iter().skip(from as usize) {
                if event.position.0 != self.first || self.first >= self.end || batch.events.len() == max {
                    return;
                }
                batch.through = Some(event.position);
                self.first += 1;
                if self.filter.matches(&event.stream, &event.event_type) {
                    batch.events.push(event.clone());
                }
            }
        }
    }

    fn forwards(&mut self, blocks: &[Bytes], max: usize, batch: &mut Batch) {
        for block in blocks {
            for (_, frame) in frames(block) {
                if frame.position + frame.count <= self.first {
                    continue;
                }
                let stream = self.filter.wants_stream(frame.stream);
                for event in frame.events() {
                    if event.position != self.first || event.position >= self.end {
                        continue;
                    }
                    if batch.events.len() == max {
                        return;
                    }
                    batch.through = Some(Position(event.position));
                    self.first += 1;
                    if stream && self.filter.wants_type(event.event_type) {
                        batch.events.push(self.recorder.record(block, &frame, &event));
                    }
                }
            }
        }
    }

    fn backwards(&mut self, blocks: &[Bytes], max: usize, batch: &mut Batch) {
        for block in blocks.iter().rev() {
            let all: Vec<_> = frames(block).collect();
            for (_, frame) in all.iter().rev() {
                if frame.position >= self.end {
                    continue;
                }
                let stream = self.filter.wants_stream(frame.stream);
                let events: Vec<_> = frame.events().filter(|event| event.position < self.end).collect();
                for event in events.iter().rev() {
                    if batch.events.len() == max || event.position + 1 != self.end {
                        return;
                    }
                    batch.through = Some(Position(event.position));
                    self.end -= 1;
                    if stream && self.filter.wants_type(event.event_type) {
                        let event: RecordedEvent = self.recorder.record(block, frame, event);
                        batch.events.push(event);
                    }
                }
            }
        }
    }
}
