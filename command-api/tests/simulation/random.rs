//! Numbers that look random and follow from others.

/// A number for this place; the same for the same.
pub(crate) fn hash(numbers: &[u64]) -> u64 {
    let mix = |state: u64, number: u64| {
        let mut mixed = (state ^ number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    numbers.iter().fold(0, |state, number| mix(state, *number))
}

/// A row of numbers.
pub(crate) struct Random(u64, u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed, 0)
    }

    /// One below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.1 += 1;
        hash(&[self.0, self.1]) % end
    }

    /// True this many times of a hundred.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}
