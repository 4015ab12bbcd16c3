//! Reading one stream.

use std::sync::Arc;

use bytes::Bytes;

use super::frame::{Frame, Recorder};
use super::index::{Spot, StreamHash};
use super::log::{Log, damaged, read_frame, unreadable};
use super::sealed::Part;
use super::segment::SegmentFile;
use crate::{Direction, ReadError, RecordedEvent, StreamName};

/// Frames that hold what was asked for, oldest first, and which of their revisions were asked for.
pub(crate) struct Plan {
    stream: StreamName,
    places: Vec<Place>,
    lowest: u64,
    highest: u64,
    direction: Direction,
}

struct Place {
    segment: Arc<SegmentFile>,
    spot: Spot,
    /// The frame, if it is still in memory.
    recent: Option<Bytes>,
}

impl Log {
    /// Finds where the asked-for part of a stream is. Reads indexes at most.
    pub(crate) fn plan(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Plan, ReadError> {
        let hash = StreamHash::new(self.store, stream.as_str());
        let mut plan = Plan { stream: stream.clone(), places: Vec::new(), lowest: 0, highest: 0, direction };
        let Some(behind) = u64::try_from(max).unwrap_or(u64::MAX).checked_sub(1) else { return Ok(plan) };
        let mut range = (direction == Direction::Forwards).then(|| (from, from.saturating_add(behind)));
        // Backwards the range is known once the newest part of the stream is.
        let mut range_for = |last: u64| {
            *range.get_or_insert_with(|| {
                let highest = from.min(last);
                (highest.saturating_sub(behind), highest)
            })
        };
        let mut begun = u64::MAX;
        let older = {
            let state = self.state();
            if let Some(stretch) = state.growing.find(hash) {
                (plan.lowest, plan.highest) = range_for(stretch.last);
                begun = stretch.first;
                if stretch.first <= plan.highest && plan.lowest <= stretch.last {
                    let place = |spot: Spot| Place {
                        segment: Arc::clone(&state.active),
                        recent: state.tail.at(state.active.number, u64::from(spot.offset)),
                        spot,
                    };
                    let spots = state.growing.spots(hash, plan.lowest, plan.highest);
                    plan.places = spots.into_iter().map(place).collect();
                }
            }
            state.older.clone()
        };
        let mut parts = older.parts(hash);
        while begun > plan.lowest
            && let Some(part) = parts.next()
        {
            let Part { segment, index, stretch } = part?;
            (plan.lowest, plan.highest) = range_for(stretch.last);
            begun = stretch.first;
            if stretch.first <= plan.highest && plan.lowest <= stretch.last {
                let spots = index.spots(&stretch, plan.lowest, plan.highest).map_err(unreadable)?;
                let state = self.state();
                let place = |spot: Spot| Place {
                    segment: Arc::clone(&segment),
                    recent: state.tail.at(segment.number, u64::from(spot.offset)),
                    spot,
                };
                plan.places.splice(..0, spots.into_iter().map(place));
            }
        }
        Ok(plan)
    }
}

impl Plan {
    /// How many frames must come from the disk.
    pub(crate) fn cold(&self) -> usize {
        self.places.iter().filter(|place| place.recent.is_none()).count()
    }

    /// Reads the frames. Blocks on the disk for those that are not in memory.
    pub(crate) fn run(self) -> Result<Vec<RecordedEvent>, ReadError> {
        let mut events = Vec::new();
        let mut recorder = Recorder::default();
        for place in &self.places {
            let offset = u64::from(place.spot.offset);
            let bytes = match &place.recent {
                Some(bytes) => bytes.clone(),
                None => read_frame(&place.segment, offset)?,
            };
            let frame = Frame::parse(&bytes).ok_or_else(|| damaged(&place.segment, offset))?;
            if frame.stream != self.stream.as_str() || frame.revision != place.spot.revision {
                return Err(damaged(&place.segment, offset));
            }
            let wanted = frame.events().filter(|e| (self.lowest..=self.highest).contains(&e.revision));
            events.extend(wanted.map(|event| recorder.record(&bytes, &frame, &event)));
        }
        // What the indexes promised must be there without a hole.
        let gapless = events.iter().zip(self.lowest..).all(|(event, revision)| event.revision == revision);
        if !gapless {
            return Err(ReadError::Damaged(format!("the index of stream {}", self.stream)));
        }
        if self.direction == Direction::Backwards {
            events.reverse();
        }
        Ok(events)
    }
}
