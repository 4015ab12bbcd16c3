//! The list of what must stand any bytes from outside, for the tests and for the fuzzer alike, and
//! how the tests try it. Every crate takes this file in for its own list.

/// Lists the targets of a crate, each with how many mutations of its corpus a test tries.
macro_rules! targets {
    ($($name:ident: $target:expr, $mutations:literal;)+) => {
        /// Every target: the name of its corpus, and what its inputs are fed to.
        pub const TARGETS: &[(&str, fn(&[u8]))] = &[$((stringify!($name), $target)),+];

        #[cfg(test)]
        mod stands {
            use super::*;

            $(#[test]
            fn $name() {
                trial::stands(stringify!($name), $target, $mutations);
            })+
        }
    };
}
pub(crate) use targets;

#[cfg(test)]
pub(crate) use run::stands;

#[cfg(test)]
mod run {
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::path::Path;

    /// Feeds a target its corpus and the same mutations of it every time.
    pub(crate) fn stands(name: &str, target: fn(&[u8]), mutations: u32) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../command-api/fuzz/corpus").join(name);
        let files = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        let corpus: Vec<_> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
        for (file, input) in files.iter().zip(&corpus) {
            feed(target, input, &file.display().to_string());
        }
        let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
        for number in 0..mutations {
            feed(target, &mutated(&corpus, &mut chance), &format!("mutation {number}"));
        }
    }

    fn feed(target: fn(&[u8]), input: &[u8], what: &str) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
            println!("{what} was too much: b\"{}\"", input.escape_ascii());
            resume_unwind(panic);
        }
    }

    /// One of the inputs with up to five things done to it.
    fn mutated(corpus: &[Vec<u8>], chance: &mut Chance) -> Vec<u8> {
        let mut input = corpus[chance.below(corpus.len())].clone();
        for _ in 0..=chance.below(5) {
            let at = chance.below(input.len() + 1);
            let to = input.len().min(at + 1 + chance.below(16));
            match chance.below(8) {
                0 => input[at..to].iter_mut().take(1).for_each(|byte| *byte ^= 1 << chance.below(8)),
                1 => input[at..to].iter_mut().take(1).for_each(|byte| *byte = chance.below(256) as u8),
                2 => input[at..to].fill([0, 0xff, 0x80, b'9'][chance.below(4)]),
                3 => drop(input.drain(at..to)),
                4 => input.truncate(at),
                5 => drop(input.splice(at..at, vec![chance.below(256) as u8; 1 + chance.below(8)])),
                6 => drop(input.splice(at..at, input[at..to].to_vec())),
                _ => {
                    let other = &corpus[chance.below(corpus.len())];
                    let from = chance.below(other.len() + 1);
                    input.splice(at.., other[from..].iter().copied());
                }
            }
        }
        input
    }

    /// Chance that is the same every time (SplitMix64).
    struct Chance(u64);

    impl Chance {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((mixed ^ (mixed >> 31)) % bound as u64) as usize
        }
    }
}
