//! Where the events of a segment are: by stream and revision, and by position.
//!
//! A stream is known by a keyed 128-bit hash of its name. Whoever reads a frame found here checks
//! its CRC, its stream and its revision, so a wrong place is noticed and never served.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;

use siphasher::sip128::{Hasher128, SipHasher13};
use uuid::Uuid;

use super::index_file::IndexFile;
use super::segment;

/// A new region begins when the last one is this long: the unit in which the log is read from disk.
const REGION: u64 = 64 * 1024;

/// A stream, as the indexes know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct StreamHash(pub(crate) u128);

impl StreamHash {
    pub(crate) fn new(store: Uuid, name: &str) -> Self {
        let mut hasher = SipHasher13::new_with_key(store.as_bytes());
        hasher.write(name.as_bytes());
        Self(hasher.finish128().as_u128())
    }
}

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

struct Entry {
    first: u64,
    last: u64,
    frame: u32,
    /// Frames behind the first; most streams have none in one segment.
    more: Vec<Spot>,
}

/// The index of the segment that is being written.
#[derive(Default)]
pub(crate) struct Growing {
    streams: HashMap<StreamHash, Entry, BuildHasherDefault<Hashed>>,
    pub(crate) regions: Regions,
}

impl Growing {
    /// Ready for about so many streams: growing the map in the middle of a segment would be a pause.
    pub(crate) fn with_room(streams: usize) -> Self {
        Self { streams: HashMap::with_capacity_and_hasher(streams, Default::default()), ..Self::default() }
    }

    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }

    pub(crate) fn insert(&mut self, stream: StreamHash, revision: u64, last: u64, offset: u32) {
        self.streams
            .entry(stream)
            .and_modify(|entry| {
                entry.last = last;
                entry.more.push(Spot { revision, offset });
            })
            .or_insert(Entry { first: revision, last, frame: offset, more: Vec::new() });
    }

    pub(crate) fn find(&self, stream: StreamHash) -> Option<Stretch> {
        let entry = self.streams.get(&stream)?;
        Some(Stretch { first: entry.first, last: entry.last, at: At::Memory(stream) })
    }

    /// The frames that hold these revisions of a stream, oldest first.
    pub(crate) fn spots(&self, stream: StreamHash, lowest: u64, highest: u64) -> Vec<Spot> {
        let Some(entry) = self.streams.get(&stream) else { return Vec::new() };
        let mut spots = Vec::new();
        if lowest < entry.more.first().map_or(u64::MAX, |spot| spot.revision) {
            spots.push(Spot { revision: entry.first, offset: entry.frame });
        }
        let from = entry.more.partition_point(|spot| spot.revision <= lowest).saturating_sub(1);
        spots.extend(entry.more[from..].iter().take_while(|spot| spot.revision <= highest));
        spots
    }

    /// Every stream with its stretch and spots, ordered by hash.
    pub(crate) fn sorted(&self) -> Vec<(StreamHash, Stretch, Vec<Spot>)> {
        let mut all: Vec<_> = self
            .streams
            .iter()
            .map(|(hash, entry)| {
                let stretch = Stretch { first: entry.first, last: entry.last, at: At::Frame(entry.frame) };
                let first =
                    (!entry.more.is_empty()).then_some(Spot { revision: entry.first, offset: entry.frame });
                (*hash, stretch, first.into_iter().chain(entry.more.iter().copied()).collect())
            })
            .collect();
        all.sort_unstable_by_key(|(hash, ..)| *hash);
        all
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

    fn write_u128(&mut self, hash: u128) {
        self.0 = hash as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: StreamHash = StreamHash(5);

    fn growing() -> Growing {
        let mut growing = Growing::default();
        // Revisions 3-4, 5, 6-8.
        growing.insert(STREAM, 3, 4, 100);
        growing.insert(STREAM, 5, 5, 200);
        growing.insert(STREAM, 6, 8, 300);
        growing.insert(StreamHash(6), 0, 0, 400);
        growing
    }

    #[test]
    fn the_frames_of_every_range_of_revisions_are_found_and_no_others() {
        let all = [(3, 4, 100), (5, 5, 200), (6, 8, 300)];
        for lowest in 3..=8 {
            for highest in lowest..=9 {
                let expected: Vec<u32> = all
                    .iter()
                    .filter(|(first, last, _)| *first <= highest && *last >= lowest)
                    .map(|(_, _, offset)| *offset)
                    .collect();
                let found: Vec<u32> =
                    growing().spots(STREAM, lowest, highest).iter().map(|spot| spot.offset).collect();
                assert_eq!(found, expected, "{lowest}..={highest}");
            }
        }
    }

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
