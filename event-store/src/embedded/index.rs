//! Where the events of a segment are: by stream and revision, and by position.
//!
//! A stream is known by a keyed 128-bit hash of its name. Whoever reads a frame found here checks
//! its CRC, its stream and its revision, so a wrong place is noticed and never served.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::io;

use siphasher::sip128::{Hasher128, SipHasher13};
use uuid::Uuid;

use super::growing::Growing;
use super::index_file::IndexFile;
use super::segment;

/// A new region begins when the last one is this long: the unit in which the log is read from disk.
const REGION: u64 = 64 * 1024;

/// A stream, as the indexes know it: 128 bits, in halves, because a map of `u128` has gaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct StreamHash {
    pub(crate) upper: u64,
    pub(crate) lower: u64,
}

impl StreamHash {
    pub(crate) fn new(store: Uuid, name: &str) -> Self {
        let mut hasher = SipHasher13::new_with_key(store.as_bytes());
        hasher.write(name.as_bytes());
        let halves = hasher.finish128();
        Self { upper: halves.h2, lower: halves.h1 }
    }
}

impl Hash for StreamHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.lower);
    }
}

/// A map from streams, whose names were hashed already.
pub(crate) type ByStream<V> = HashMap<StreamHash, V, BuildHasherDefault<Hashed>>;

/// A frame's place in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spot {
    /// Revision of the frame's first event.
    pub(crate) revision: u64,
    pub(crate) offset: u32,
}

/// The part of a stream that lies in one segment, revisions inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) at: At,
}

/// Where the spots of a stretch are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    Memory(StreamHash),
    /// There is one frame, here.
    Frame(u32),
    /// So many spots from this one on in the index file.
    File {
        start: u32,
        count: u32,
    },
}

/// Some blocks that follow each other and are read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) first_position: u64,
    pub(crate) offset: u32,
}

/// What a segment's index knows by position.
#[derive(Debug, Clone, Default)]
pub(crate) struct Regions {
    pub(crate) regions: Vec<Region>,
    /// Behind the last block.
    pub(crate) end: u64,
    /// The position behind the last event.
    pub(crate) next_position: u64,
}

impl Regions {
    pub(crate) fn first_position(&self) -> Option<u64> {
        self.regions.first().map(|region| region.first_position)
    }

    /// The bytes, from offset to offset, in which this position lies.
    pub(crate) fn around(&self, position: u64) -> (u64, u64) {
        let behind = self.regions.partition_point(|region| region.first_position <= position);
        let from = behind.checked_sub(1).map_or(segment::HEAD, |at| u64::from(self.regions[at].offset));
        (from, self.regions.get(behind).map_or(self.end, |next| u64::from(next.offset)))
    }

    /// Takes a block in that lies behind all others.
    pub(crate) fn push(&mut self, first_position: u64, offset: u64, length: usize, next_position: u64) {
        let full = |last: &Region| offset - u64::from(last.offset) >= REGION;
        if self.regions.last().is_none_or(full) {
            self.regions.push(Region { first_position, offset: offset as u32 });
        }
        self.end = offset + length as u64;
        self.next_position = next_position;
    }
}

/// The index of a sealed segment: in memory until its file is written.
pub(crate) enum Index {
    Memory(Growing),
    File(IndexFile),
}

impl Index {
    pub(crate) fn regions(&self) -> &Regions {
        match self {
            Self::Memory(growing) => &growing.regions,
            Self::File(file) => &file.regions,
        }
    }

    pub(crate) fn find(&self, stream: StreamHash) -> io::Result<Option<Stretch>> {
        match self {
            Self::Memory(growing) => Ok(growing.find(stream)),
            Self::File(file) => file.find(stream),
        }
    }

    pub(crate) fn spots(&self, stretch: &Stretch, lowest: u64, highest: u64) -> io::Result<Vec<Spot>> {
        match (self, stretch.at) {
            (_, At::Frame(offset)) => Ok(vec![Spot { revision: stretch.first, offset }]),
            (Self::Memory(growing), At::Memory(stream)) => Ok(growing.spots(stream, lowest, highest)),
            (Self::File(file), At::File { start, count }) => {
                file.spots(stretch.first, start, count, lowest, highest)
            }
            // The index moved from memory to its file between finding and listing.
            _ => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// The keys are hashes already.
#[derive(Default)]
pub(crate) struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_found_in_the_region_that_holds_it() {
        let mut regions = Regions::default();
        regions.push(10, 64, 70_000, 20);
        regions.push(20, 70_064, 1000, 30);
        regions.push(30, 71_064, 1000, 40);
        assert_eq!(regions.around(10), (64, 70_064));
        assert_eq!(regions.around(19), (64, 70_064));
        assert_eq!(regions.around(20), (70_064, 72_064));
        assert_eq!(regions.around(39), (70_064, 72_064));
    }
}
