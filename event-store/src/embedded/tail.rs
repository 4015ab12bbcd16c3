//! The newest blocks, kept in memory: live subscribers, aggregates read right after they were
//! written and readers near the head never touch the disk.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use crate::Decoded;

/// A block as it was written.
#[derive(Clone)]
pub(crate) struct Recent {
    pub(crate) first_position: u64,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    pub(crate) shown: Shown,
}

/// What is shown of a block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    pub(crate) bytes: Bytes,
    /// What its events say, in their order; nothing where that is not remembered.
    pub(crate) decoded: Arc<[Decoded]>,
}

/// As many of the newest blocks as fit, one at least.
pub(crate) struct Tail {
    blocks: VecDeque<Recent>,
    bytes: usize,
    room: usize,
}

impl Tail {
    /// Room is in bytes.
    pub(crate) fn new(room: usize) -> Self {
        Self { blocks: VecDeque::new(), bytes: 0, room }
    }

    pub(crate) fn push(&mut self, block: Recent) {
        self.bytes += block.shown.bytes.len();
        self.blocks.push_back(block);
        while self.bytes > self.room && self.blocks.len() > 1 {
            self.bytes -= self.blocks.pop_front().map_or(0, |oldest| oldest.shown.bytes.len());
        }
    }

    /// The first position that is still here.
    pub(crate) fn first_position(&self) -> Option<u64> {
        self.blocks.front().map(|block| block.first_position)
    }

    /// Some blocks from the one with this position on, if it is here.
    pub(crate) fn from(&self, position: u64, blocks: usize) -> Option<Vec<Shown>> {
        let at = self.blocks.partition_point(|block| block.first_position <= position).checked_sub(1)?;
        Some(self.blocks.range(at..).take(blocks).map(|block| block.shown.clone()).collect())
    }

    /// Some blocks up to the one with this position, if it is here.
    pub(crate) fn to(&self, position: u64, blocks: usize) -> Option<Vec<Shown>> {
        let behind = self.blocks.partition_point(|block| block.first_position <= position);
        let from = behind.checked_sub(1)?.saturating_sub(blocks - 1);
        Some(self.blocks.range(from..behind).map(|block| block.shown.clone()).collect())
    }

    /// The bytes from this place to the end of its block, if it is here.
    pub(crate) fn at(&self, segment: u64, offset: u64) -> Option<Bytes> {
        let behind = self.blocks.partition_point(|block| (block.segment, block.offset) <= (segment, offset));
        let block = &self.blocks[behind.checked_sub(1)?];
        let within = usize::try_from(offset - block.offset).ok()?;
        let bytes = &block.shown.bytes;
        (block.segment == segment && within < bytes.len()).then(|| bytes.slice(within..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail() -> Tail {
        let mut tail = Tail::new(25);
        for (number, (segment, offset)) in (0..).zip([(0, 64), (0, 74), (0, 84), (1, 64)]) {
            let bytes = Bytes::from(vec![number as u8; 10]);
            let shown = Shown { bytes, decoded: Arc::default() };
            tail.push(Recent { first_position: number * 5, segment, offset, shown });
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
        let numbers = |blocks: Option<Vec<Shown>>| -> Vec<u8> {
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
