//! A filter that says of most streams that they are not in a segment, without a look at the disk.
//!
//! 16 bits per stream, all probes of one stream within 64 bytes: one cache line per question, and
//! about one wrong "perhaps" in a thousand.

use super::index::StreamHash;

const LINE: usize = 8;
const PROBES: u32 = 7;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bloom(pub(crate) Vec<u64>);

impl Bloom {
    pub(crate) fn with_room(streams: usize) -> Self {
        Self(vec![0; (streams * 16).div_ceil(512).max(1) * LINE])
    }

    /// The filter that these words are, if they are one.
    pub(crate) fn of(words: Vec<u64>) -> Option<Self> {
        (!words.is_empty() && words.len().is_multiple_of(LINE)).then_some(Self(words))
    }

    pub(crate) fn insert(&mut self, stream: StreamHash) {
        let line = self.line(stream);
        for (word, bit) in probes(stream) {
            self.0[line + word] |= bit;
        }
    }

    /// `false` is certain.
    pub(crate) fn may_have(&self, stream: StreamHash) -> bool {
        let line = self.line(stream);
        probes(stream).all(|(word, bit)| self.0[line + word] & bit != 0)
    }

    fn line(&self, stream: StreamHash) -> usize {
        let lines = (self.0.len() / LINE) as u128;
        ((u128::from(stream.0 as u64) * lines) >> 64) as usize * LINE
    }
}

/// Nine bits of the hash's upper half for each probe; the lower half chose the line.
fn probes(stream: StreamHash) -> impl Iterator<Item = (usize, u64)> {
    let upper = (stream.0 >> 64) as u64;
    (0..PROBES).map(move |probe| {
        let nine = (upper >> (probe * 9)) as usize;
        ((nine >> 6) % LINE, 1 << (nine & 63))
    })
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
        assert!((0..10_000).all(|number| bloom.may_have(hash(number))));
        let wrong = (10_000..110_000).filter(|number| bloom.may_have(hash(*number))).count();
        assert!(wrong < 400, "{wrong} of 100,000");
    }
}
