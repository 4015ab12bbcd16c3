//! Filters of several segments side by side: the bit of a question is in one word for all of them, so
//! that the answers of all are a few words and-ed, however many there are.
//!
//! ```text
//!   filters:  one line each           side by side: one row
//!   segment 0   0 1 1 0 …             bit 0   0 1 …   ┐
//!   segment 1   1 1 0 0 …             bit 1   1 1 …   │ a word has one bit for
//!      …                              bit 2   1 0 …   │ each segment
//!                                     bit 3   0 0 …   ┘
//! ```
//!
//! Filters have lines for as many streams as they hold, and rows stand for equal shares of all hashes as
//! lines do. A row takes in every line that shares hashes with it, so it says "perhaps" more often than
//! the filters do; whoever is told so asks them.

use std::sync::Arc;

use super::bloom::{Bloom, LINE_BITS, Probes};

/// How many filters stand side by side.
pub(crate) const WIDTH: usize = u32::BITS as usize;

#[derive(Clone)]
pub(crate) struct Sliced {
    rows: Vec<[u32; LINE_BITS]>,
    columns: usize,
}

impl Sliced {
    /// None yet, and as many rows as these filters have lines on average.
    pub(crate) fn like(filters: &[Arc<Bloom>]) -> Self {
        let lines: usize = filters.iter().map(|filter| filter.lines()).sum();
        Self { rows: vec![[0; LINE_BITS]; lines.div_ceil(filters.len())], columns: 0 }
    }

    /// Puts a filter beside the others; there is room for [`WIDTH`].
    pub(crate) fn add(&mut self, filter: &Bloom) {
        let count = self.rows.len();
        for (number, row) in self.rows.iter_mut().enumerate() {
            let line = filter.share(number, count);
            for (bit, word) in row.iter_mut().enumerate() {
                *word |= ((line[bit / 64] >> (bit % 64)) as u32 & 1) << self.columns;
            }
        }
        self.columns += 1;
    }

    pub(crate) fn columns(&self) -> usize {
        self.columns
    }

    /// The filters that may have a stream, last one first.
    pub(crate) fn may_have(&self, probes: Probes) -> impl Iterator<Item = usize> {
        let row = &self.rows[probes.line(self.rows.len())];
        let mut perhaps = probes.places().fold(u32::MAX, |all, place| all & row[place]);
        std::iter::from_fn(move || {
            let column = perhaps.checked_ilog2()?;
            perhaps ^= 1 << column;
            Some(column as usize)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::StreamHash;
    use super::*;

    #[test]
    fn what_a_filter_believes_is_believed_and_little_else() {
        let store = uuid::Uuid::from_u128(1);
        let hash = |number: usize| StreamHash::new(store, &format!("a-{number}"));
        // Filters of different lengths, as segments have different numbers of streams.
        let filters: Vec<_> = (0..WIDTH - 1)
            .map(|column| {
                let streams = 1000 + column * 37;
                let mut bloom = Bloom::with_room(streams);
                (0..streams).for_each(|number| bloom.insert(hash(column * 10_000 + number)));
                Arc::new(bloom)
            })
            .collect();
        let mut sliced = Sliced::like(&filters);
        filters.iter().for_each(|filter| sliced.add(filter));
        assert_eq!(sliced.columns(), WIDTH - 1);
        let mut wrong = 0;
        for number in 0..310_000 {
            let probes = Probes::of(hash(number));
            let perhaps: Vec<_> = sliced.may_have(probes).collect();
            let believed = (0..WIDTH - 1).rev().filter(|column| filters[*column].may_have(probes));
            let believed: Vec<_> = believed.collect();
            assert!(believed.iter().all(|column| perhaps.contains(column)), "{number}");
            assert!(perhaps.is_sorted_by(|a, b| a > b));
            wrong += perhaps.len() - believed.len();
        }
        assert!(wrong < 310_000, "{wrong} of {}", 310_000 * (WIDTH - 1));
    }
}
