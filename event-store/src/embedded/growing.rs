//! The index of the segment that is being written.
//!
//! There is one, or two while the former one's file is written, and each holds what lies in a whole
//! segment: so its entries are small, and none has an allocation of its own.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::index::{At, ByStream, Regions, Spot, StreamHash, Stretch};

/// A later frame of a stream is linked past all those between this many revisions.
const STRIDE: u32 = 64;

/// A stream in the segment that is being written.
struct Known {
    first: u64,
    last: u64,
    /// Where its first frame is.
    frame: u32,
    /// The newest of its later frames; most streams have few in one segment.
    newest: u32,
}

/// A frame that is not its stream's first in the segment. All streams' later frames are in one list, each
/// linked to those before it.
struct Later {
    /// From the stream's first in this segment.
    revision: u32,
    offset: u32,
    before: u32,
    /// The newest one in an earlier stride, so that the way back through a long stream is short.
    far: u32,
}

/// A stream with all that is known of it.
pub(crate) struct Listed {
    pub(crate) stream: StreamHash,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) frames: Frames,
}

/// Where the frames of a stream are.
#[derive(Clone, Copy)]
pub(crate) enum Frames {
    /// There is one, here.
    One(u32),
    /// So many from this one of the list on.
    Several { start: u32, count: u32 },
}

/// The number of a frame that is not there.
const NONE: u32 = u32::MAX;

#[derive(Default)]
pub(crate) struct Growing {
    streams: ByStream<Known>,
    later: Vec<Later>,
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
        match self.streams.entry(stream) {
            Entry::Vacant(vacant) => {
                vacant.insert(Known { first: revision, last, frame: offset, newest: NONE });
            }
            Entry::Occupied(known) => {
                let known = known.into_mut();
                let revision = (revision - known.first) as u32;
                let before = known.newest;
                let far = match self.later.get(before as usize) {
                    Some(near) if near.revision / STRIDE == revision / STRIDE => near.far,
                    _ => before,
                };
                (known.last, known.newest) = (last, self.later.len() as u32);
                self.later.push(Later { revision, offset, before, far });
            }
        }
    }

    pub(crate) fn find(&self, stream: StreamHash) -> Option<Stretch> {
        let known = self.streams.get(&stream)?;
        Some(Stretch { first: known.first, last: known.last, at: At::Memory(stream) })
    }

    /// The frames that hold these revisions of a stream, oldest first.
    pub(crate) fn spots(&self, stream: StreamHash, lowest: u64, highest: u64) -> Vec<Spot> {
        self.streams.get(&stream).map_or_else(Vec::new, |known| self.spots_of(known, lowest, highest))
    }

    fn spots_of(&self, known: &Known, lowest: u64, highest: u64) -> Vec<Spot> {
        let later = |number: u32| {
            let frame = self.later.get(number as usize)?;
            Some((frame, known.first + u64::from(frame.revision)))
        };
        let (mut spots, mut at) = (Vec::new(), known.newest);
        while let Some((frame, revision)) = later(at) {
            at = match later(frame.far) {
                Some((_, far)) if far > highest => frame.far,
                _ => frame.before,
            };
            if revision <= highest {
                spots.push(Spot { revision, offset: frame.offset });
            }
            if revision <= lowest {
                break;
            }
        }
        if spots.last().is_none_or(|oldest| oldest.revision > lowest) {
            spots.push(Spot { revision: known.first, offset: known.frame });
        }
        spots.reverse();
        spots
    }

    /// Every stream, ordered by hash, and behind them the frames of those that have several, in this order.
    pub(crate) fn listed(&self) -> (Vec<Listed>, Vec<Spot>) {
        // By value: a sort that follows references waits for memory at every step.
        let mut streams: Vec<_> = self.streams.iter().map(|(stream, known)| (*stream, known)).collect();
        streams.sort_unstable_by_key(|(stream, _)| *stream);
        let (mut listed, mut spots) = (Vec::with_capacity(streams.len()), Vec::new());
        for (stream, known) in streams {
            let Known { first, last, frame, newest } = *known;
            let frames = match newest {
                NONE => Frames::One(frame),
                _ => {
                    let (start, more) = (spots.len() as u32, self.spots_of(known, 0, u64::MAX));
                    let count = more.len() as u32;
                    spots.extend(more);
                    Frames::Several { start, count }
                }
            };
            listed.push(Listed { stream, first, last, frames });
        }
        (listed, spots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: StreamHash = StreamHash { upper: 0, lower: 5 };

    fn growing() -> Growing {
        let mut growing = Growing::default();
        // Revisions 3-4, 5, 6-8.
        growing.insert(STREAM, 3, 4, 100);
        growing.insert(STREAM, 5, 5, 200);
        growing.insert(STREAM, 6, 8, 300);
        growing.insert(StreamHash { upper: 1, lower: 5 }, 0, 0, 400);
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
    fn the_way_back_through_a_long_stream_misses_nothing() {
        let (mut growing, mut all, mut next) = (Growing::default(), Vec::new(), 7);
        for offset in 0..500 {
            let count = u64::from(offset) % 4 + 1;
            growing.insert(STREAM, next, next + count - 1, offset);
            growing.insert(StreamHash { upper: 1, lower: offset.into() }, 0, 0, offset);
            all.push((next, next + count - 1, offset));
            next += count;
        }
        for lowest in (7..next).step_by(13) {
            for highest in [lowest, lowest + 1, lowest + 63, lowest + 64, lowest + 500, u64::MAX] {
                let expected = all.iter().filter(|(first, last, _)| *first <= highest && *last >= lowest);
                let expected: Vec<_> = expected
                    .map(|(revision, _, offset)| Spot { revision: *revision, offset: *offset })
                    .collect();
                assert_eq!(growing.spots(STREAM, lowest, highest), expected, "{lowest}..={highest}");
            }
        }
    }
}
