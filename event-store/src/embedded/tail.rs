//! The newest blocks, kept in memory: live subscribers, aggregates read right after they were
//! written and readers near the head never touch the disk.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::frame::Recorder;
use super::walk::frames;
use crate::{Decoded, RecordedEvent};

/// A block as it was written, and as its readers see it.
pub(crate) struct Recent {
    pub(crate) first_position: u64,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) bytes: Bytes,
    /// What its events say, in their order.
    decoded: Box<[Decoded]>,
    events: OnceLock<Box<[RecordedEvent]>>,
}

impl Recent {
    pub(crate) fn new(
        first_position: u64,
        (segment, offset): (u64, u64),
        bytes: Bytes,
        decoded: Box<[Decoded]>,
    ) -> Self {
        Self { first_position, segment, offset, bytes, decoded, events: OnceLock::new() }
    }

    /// Its events. Whoever asks first makes them for all that follow the log.
    pub(crate) fn events(&self) -> &[RecordedEvent] {
        self.events.get_or_init(|| {
            let (mut recorder, mut decoded) = (Recorder::default(), self.decoded.iter().cloned());
            let mut events = Vec::with_capacity(self.decoded.len());
            for (_, frame) in frames(&self.bytes) {
                events.extend(frame.events().map(|event| RecordedEvent {
                    decoded: decoded.next().unwrap_or_default(),
                    ..recorder.record(&self.bytes, &frame, &event)
                }));
            }
            events.into()
        })
    }
}

/// As many of the newest blocks as fit, one at least.
pub(crate) struct Tail {
    blocks: VecDeque<Arc<Recent>>,
    bytes: usize,
    room: usize,
}

impl Tail {
    /// Room is in bytes.
    pub(crate) fn new(room: usize) -> Self {
        Self { blocks: VecDeque::new(), bytes: 0, room }
    }

    /// Adds a block, and gives back those for which there is no room any more.
    #[must_use]
    pub(crate) fn push(&mut self, block: Recent) -> Vec<Arc<Recent>> {
        self.bytes += block.bytes.len();
        self.blocks.push_back(Arc::new(block));
        let mut gone = Vec::new();
        while self.bytes > self.room && self.blocks.len() > 1 {
            let Some(oldest) = self.blocks.pop_front() else { break };
            self.bytes -= oldest.bytes.len();
            gone.push(oldest);
        }
        gone
    }

    /// The first position that is still here.
    pub(crate) fn first_position(&self) -> Option<u64> {
        self.blocks.front().map(|block| block.first_position)
    }

    /// Some blocks from the one with this position on, if it is here.
    pub(crate) fn from(&self, position: u64, blocks: usize) -> Option<Vec<Arc<Recent>>> {
        let at = self.blocks.partition_point(|block| block.first_position <= position).checked_sub(1)?;
        Some(self.blocks.range(at..).take(blocks).cloned().collect())
    }

    /// Some blocks up to the one with this position, if it is here.
    pub(crate) fn to(&self, position: u64, blocks: usize) -> Option<Vec<Arc<Recent>>> {
        let behind = self.blocks.partition_point(|block| block.first_position <= position);
        let from = behind.checked_sub(1)?.saturating_sub(blocks - 1);
        Some(self.blocks.range(from..behind).cloned().collect())
    }

    /// The bytes from this place to the end of its block, if it is here.
    pub(crate) fn at(&self, segment: u64, offset: u64) -> Option<Bytes> {
        let behind = self.blocks.partition_point(|block| (block.segment, block.offset) <= (segment, offset));
        let block = &self.blocks[behind.checked_sub(1)?];
        let within = usize::try_from(offset - block.offset).ok()?;
        (block.segment == segment && within < block.bytes.len()).then(|| block.bytes.slice(within..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail() -> Tail {
        let mut tail = Tail::new(25);
        for (number, (segment, offset)) in (0..).zip([(0, 64), (0, 74), (0, 84), (1, 64)]) {
            let bytes = Bytes::from(vec![number as u8; 10]);
            let gone = tail.push(Recent::new(number * 5, (segment, offset), bytes, Box::default()));
            assert_eq!(gone.len(), usize::from(number > 1));
        }
        tail
    }

    #[test]
    fn the_oldest_blocks_leave_when_there_is_no_room() {
        assert_eq!(tail().first_position(), Some(10));
        assert!(tail().from(9, 10).is_none());
        assert!(tail().at(0, 74).is_none());
    }

    #[test]
    fn blocks_are_found_by_position_and_by_place() {
        let numbers = |blocks: Option<Vec<Arc<Recent>>>| -> Vec<u8> {
            blocks.unwrap().iter().map(|block| block.bytes[0]).collect()
        };
        assert_eq!(numbers(tail().from(10, 9)), [2, 3]);
        assert_eq!(numbers(tail().from(14, 1)), [2]);
        assert_eq!(numbers(tail().from(15, 9)), [3]);
        assert_eq!(numbers(tail().to(99, 9)), [2, 3]);
        assert_eq!(numbers(tail().to(99, 1)), [3]);
        assert_eq!(numbers(tail().to(14, 9)), [2]);
        assert_eq!(tail().at(0, 87).unwrap(), vec![2; 7]);
        assert_eq!(tail().at(1, 64).unwrap(), vec![3; 10]);
        assert!(tail().at(0, 94).is_none() && tail().at(1, 74).is_none() && tail().at(2, 65).is_none());
    }
}
