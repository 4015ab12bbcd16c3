//! The segments that are full, and which of them have a part of a stream.
//!
//! A new stream has a part in none, but every one must be asked. So their filters are also put side by
//! side ([`Sliced`]), and 32 segments cost little more than one.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use smallvec::SmallVec;

use super::bloom::{Bloom, Probes};
use super::index::{Index, StreamHash, Stretch};
use super::log::unreadable;
use super::segment::SegmentFile;
use super::sliced::{Sliced, WIDTH};
use crate::ReadError;

/// Fewer segments than this are asked one by one: filters side by side have room for [`WIDTH`].
const WORTH_IT: usize = 8;

/// A segment that is full.
pub(crate) struct Sealed {
    pub(crate) segment: Arc<SegmentFile>,
    index: RwLock<Arc<Index>>,
    /// The filter of an index that is a file.
    filter: OnceLock<Arc<Bloom>>,
}

impl Sealed {
    pub(crate) fn new(segment: Arc<SegmentFile>, index: Index) -> Self {
        let filter = match &index {
            Index::Memory(_) => OnceLock::new(),
            Index::File(file) => OnceLock::from(file.filter()),
        };
        Self { segment, index: RwLock::new(Arc::new(index)), filter }
    }

    pub(crate) fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn replace_index(&self, index: Index) {
        if let Index::File(file) = &index {
            self.filter.get_or_init(|| file.filter());
        }
        *self.index.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
    }

    fn may_have(&self, probes: Probes) -> bool {
        self.filter.get().is_none_or(|filter| filter.may_have(probes))
    }

    fn part(&self, stream: StreamHash) -> Option<Result<Part, ReadError>> {
        let index = self.index();
        let found = index.find(stream).map_err(unreadable).transpose()?;
        Some(found.map(|stretch| Part { segment: Arc::clone(&self.segment), index, stretch }))
    }
}

/// The part of a stream that lies in one segment, and the index that knows it.
pub(crate) struct Part {
    pub(crate) segment: Arc<SegmentFile>,
    pub(crate) index: Arc<Index>,
    pub(crate) stretch: Stretch,
}

/// All sealed segments; clones are cheap and stay as they are.
#[derive(Clone, Default)]
pub(crate) struct Older {
    /// Oldest first; none is empty.
    pub(crate) segments: Arc<Vec<Arc<Sealed>>>,
    /// Their filters, by [`WIDTH`]; the newest segments may be in none yet.
    groups: Arc<Vec<Arc<Sliced>>>,
}

impl Older {
    pub(crate) fn new(segments: Vec<Arc<Sealed>>) -> Self {
        Self { segments: Arc::new(segments), groups: Arc::default() }
    }

    pub(crate) fn push(&mut self, sealed: Arc<Sealed>) {
        Arc::make_mut(&mut self.segments).push(sealed);
    }

    /// The parts of a stream, newest first.
    pub(crate) fn parts(&self, stream: StreamHash) -> impl Iterator<Item = Result<Part, ReadError>> {
        let perhaps = self.perhaps(Probes::of(stream)).into_iter();
        perhaps.filter_map(move |number| self.segments[number].part(stream))
    }

    /// The segments that may have a stream, newest first: none for nearly every new one. All filters are asked at
    /// once, as each answer is far away in memory and none has to wait for another.
    fn perhaps(&self, probes: Probes) -> SmallVec<[usize; 4]> {
        let may_have = |number: &usize| self.segments[*number].may_have(probes);
        let mut perhaps: SmallVec<_> = (self.grouped()..self.segments.len()).rev().filter(may_have).collect();
        for (number, group) in self.groups.iter().enumerate().rev() {
            let columns = group.may_have(probes).map(|column| number * WIDTH + column);
            perhaps.extend(columns.filter(may_have));
        }
        perhaps
    }

    /// How many segments are in groups.
    fn grouped(&self) -> usize {
        let full = self.groups.len().saturating_sub(1) * WIDTH;
        full + self.groups.last().map_or(0, |last| last.columns())
    }

    /// The groups, with the filters of all segments that have one by now.
    pub(crate) fn group(&self) -> Vec<Arc<Sliced>> {
        let mut groups = Vec::clone(&self.groups);
        for (number, segments) in self.segments.chunks(WIDTH).enumerate().skip(self.grouped() / WIDTH) {
            let filters: Vec<_> = segments.iter().map_while(|sealed| sealed.filter.get().cloned()).collect();
            if groups.len() == number && filters.len() >= WORTH_IT {
                groups.push(Arc::new(Sliced::like(&filters)));
            }
            let Some(group) = groups.get_mut(number) else { break };
            for filter in filters.iter().skip(group.columns()) {
                Arc::make_mut(group).add(filter);
            }
            // One without a filter is asked alone, and so is everything behind it: groups have no gaps.
            if group.columns() < WIDTH {
                break;
            }
        }
        groups
    }

    pub(crate) fn set_groups(&mut self, groups: Vec<Arc<Sliced>>) {
        self.groups = Arc::new(groups);
    }
}
