//! A filter that says of most streams that they are not in a segment, without a look at the disk.
//!
//! 16 bits per stream, all probes of one stream within 64 bytes: one cache line per question, and
//! about one wrong "perhaps" in a thousand.
//!
//! A new stream asks many segments, and each line is far away in memory. So an answer takes no turn
//! before its end: the processor would guess it, be wrong for every third bit, and wait for one line
//! after the other instead of for many at once.

use super::index::StreamHash;

const WORDS: usize = 8;
pub(crate) const LINE_BITS: usize = WORDS * u64::BITS as usize;
const PROBES: u32 = 7;

/// What one question reads, in memory as on disk in 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(align(64))]
struct Line([u64; WORDS]);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bloom(Vec<Line>);

/// The question after a stream.
#[derive(Clone, Copy)]
pub(crate) struct Probes(StreamHash);

impl Probes {
    pub(crate) fn of(stream: StreamHash) -> Self {
        Self(stream)
    }

    /// Which line, when there are so many. Each stands for an equal share of all hashes, by their lower
    /// half.
    pub(crate) fn line(self, lines: usize) -> usize {
        ((u128::from(self.0.lower) * lines as u128) >> 64) as usize
    }

    /// Which bits of a line: nine bits of the hash's upper half name each.
    pub(crate) fn places(self) -> impl Iterator<Item = usize> {
        (0..PROBES).map(move |probe| (self.0.upper >> (probe * 9)) as usize % LINE_BITS)
    }
}

impl Bloom {
    pub(crate) fn with_room(streams: usize) -> Self {
        Self(vec![Line([0; WORDS]); (streams * 16).div_ceil(LINE_BITS).max(1)])
    }

    /// The filter that these words are, if they are one.
    pub(crate) fn of(words: &[u64]) -> Option<Self> {
        let (lines, rest) = words.as_chunks();
        (!lines.is_empty() && rest.is_empty()).then(|| Self(lines.iter().copied().map(Line).collect()))
    }

    /// What it consists of, to be kept.
    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        self.0.iter().flat_map(|line| line.0)
    }

    pub(crate) fn lines(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn insert(&mut self, stream: StreamHash) {
        let probes = Probes::of(stream);
        let line = probes.line(self.0.len());
        let line = &mut self.0[line].0;
        probes.places().for_each(|place| line[place / 64] |= 1 << (place % 64));
    }

    /// `false` is certain.
    pub(crate) fn may_have(&self, probes: Probes) -> bool {
        let line = &self.0[probes.line(self.0.len())].0;
        probes.places().fold(1, |all, place| all & (line[place / 64] >> (place % 64))) == 1
    }

    /// Every bit of the lines that have hashes of one of so many equal shares.
    pub(crate) fn share(&self, number: usize, of: usize) -> [u64; WORDS] {
        let lines = &self.0[number * self.0.len() / of..((number + 1) * self.0.len()).div_ceil(of)];
        lines.iter().fold([0; WORDS], |all, line| std::array::from_fn(|word| all[word] | line.0[word]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_it_is_never_denied_and_little_else_is_believed() {
        let store = uuid::Uuid::from_u128(1);
        let hash = |number: usize| StreamHash::new(store, &format!("a-{number}"));
        let mut bloom = Bloom::with_room(10_000);
        (0..10_000).for_each(|number| bloom.insert(hash(number)));
        let may_have = |number: usize| bloom.may_have(Probes::of(hash(number)));
        assert!((0..10_000).all(may_have));
        let wrong = (10_000..110_000).filter(|number| may_have(*number)).count();
        assert!(wrong < 400, "{wrong} of 100,000");
    }
}
