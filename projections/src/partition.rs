//! The parts of a projection, so that several processes can share it.
//!
//! Every event belongs to one of eight partitions by its key, whoever works and however many do: all
//! events of a key are in the same one, in order. The number and the hash are for ever, as the
//! checkpoints in every database are kept by them.

use std::collections::BTreeMap;

use event_store::{Position, RecordedEvent};

use crate::parked;

/// How many there are. More processes than this cannot share a projection.
pub(crate) const PARTITIONS: u8 = 8;

/// Where an event belongs: FNV-1a (64 bits) of its key, of which the bits 8 to 10 are taken; the lowest
/// three depend on the lowest three of each byte alone.
pub(crate) fn of(event: &RecordedEvent) -> u8 {
    of_key(parked::key(event))
}

fn of_key(key: &str) -> u8 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash >> 8) as u8 % PARTITIONS
}

/// How far each of some partitions has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Positions(BTreeMap<u8, Option<Position>>);

impl Positions {
    /// All partitions at one position.
    pub(crate) fn all_at(position: Option<Position>) -> Self {
        (0..PARTITIONS).map(|partition| (partition, position)).collect()
    }

    /// Everything up to here is in the rows of all of them: where the projection is.
    pub(crate) fn least(&self) -> Option<Position> {
        self.0.values().copied().min().flatten()
    }

    /// Nothing behind this is in the rows of any.
    pub(crate) fn most(&self) -> Option<Position> {
        self.0.values().copied().max().flatten()
    }

    /// Each with its position, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u8, Option<Position>)> {
        self.0.iter().map(|(partition, position)| (*partition, *position))
    }

    /// Which partitions they are, in order.
    pub(crate) fn partitions(&self) -> impl Iterator<Item = u8> {
        self.0.keys().copied()
    }

    /// These once everything up to `to` was considered; none goes back.
    pub(crate) fn through(&self, to: Option<Position>) -> Self {
        self.iter().map(|(partition, position)| (partition, position.max(to))).collect()
    }

    /// The same, none further than its goal.
    pub(crate) fn towards(&self, goal: &Self, to: Option<Position>) -> Self {
        let goal = |partition: &u8| goal.0.get(partition).copied().flatten();
        let moved = |(partition, position): (u8, Option<Position>)| {
            (partition, position.max(to.min(goal(&partition))))
        };
        self.iter().map(moved).collect()
    }

    /// Whether none of these is behind where it is in `other`.
    pub(crate) fn reach(&self, other: &Self) -> bool {
        other.0.iter().all(|(partition, position)| self.0.get(partition) >= Some(position))
    }

    /// Whether some of these are behind where they are in `other`, and none before it.
    pub(crate) fn went_back(&self, other: &Self) -> bool {
        self != other && other.reach(self)
    }

    /// Whether an event is to be brought into these partitions.
    pub(crate) fn lack(&self, event: &RecordedEvent) -> bool {
        self.0.get(&of(event)).is_some_and(|position| Some(event.position) > *position)
    }

    /// Whether what they lack is everything behind one position.
    pub(crate) fn are_all_together(&self) -> bool {
        self.0.len() == usize::from(PARTITIONS) && self.least() == self.most()
    }

    /// What is to be brought into these partitions, of events behind the least of them.
    pub(crate) fn lacking(&self, mut events: Vec<RecordedEvent>) -> Vec<RecordedEvent> {
        if !self.are_all_together() {
            events.retain(|event| self.lack(event));
        }
        events
    }
}

impl FromIterator<(u8, Option<Position>)> for Positions {
    fn from_iter<T: IntoIterator<Item = (u8, Option<Position>)>>(positions: T) -> Self {
        Self(positions.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::iter::repeat_n;

    use super::*;

    /// G3: where a key belongs never changes; the values are those of the published hash.
    #[test]
    fn a_key_belongs_where_it_always_did() {
        let known = ["", "a", "foobar", "0190f000-0000-7000-8000-000000000001"].map(of_key);
        assert_eq!(known, [3, 4, 7, 6]);
    }

    /// G3: no partition has much more to do than another, whatever keys look like.
    #[test]
    fn keys_spread_over_the_partitions() {
        let counted = (0..8000).map(|n: u32| n.to_string());
        let timed = (0..8000).map(|n: u32| uuid::Uuid::from_u128(0x0190 << 112 | u128::from(n)).to_string());
        for keys in [counted.collect::<Vec<_>>(), timed.collect()] {
            let mut sizes: Vec<u32> = repeat_n(0, usize::from(PARTITIONS)).collect();
            keys.iter().for_each(|key| sizes[usize::from(of_key(key))] += 1);
            assert!(sizes.iter().all(|size| (500..2000).contains(size)), "{sizes:?}");
        }
    }

    /// G3: partitions that are at different places go on each from its own, and none goes back.
    #[test]
    fn each_partition_goes_on_from_its_own_position() {
        let at = |position| Some(Position(position));
        let positions: Positions = [(1, at(9)), (4, at(5)), (6, None)].into_iter().collect();
        assert_eq!(positions.least(), None);
        let moved = positions.through(at(7));
        assert_eq!(moved, [(1, at(9)), (4, at(7)), (6, at(7))].into_iter().collect());
        assert_eq!(moved.least(), at(7));
        assert!(positions.went_back(&moved) && !moved.went_back(&positions) && !moved.went_back(&moved));
    }
}
