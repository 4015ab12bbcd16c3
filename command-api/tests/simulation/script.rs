//! What people do, what goes wrong and when: everything that a history follows from.

use std::fmt;

use crate::deed::Deed;
use crate::random::Random;

/// A history to be.
#[derive(Debug, Clone)]
pub(crate) struct Script<D: Deed> {
    /// Decides what is left open: how long the disk and others take.
    pub(crate) seed: u64,
    pub(crate) acts: Vec<Act<D>>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) crashes: Vec<Crash>,
    /// How it is with everything that this business depends on.
    pub(crate) circumstances: D::Circumstances,
}

/// Something that somebody does at a time, and keeps trying until there is an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act<D> {
    pub(crate) at: u64,
    /// Who; everything that one person does is about one request.
    pub(crate) who: u64,
    pub(crate) deed: D,
    /// Sent twice at once.
    pub(crate) twice: bool,
    /// Hangs up after this long, the first time.
    pub(crate) hangs_up: Option<u64>,
}

/// Something is down from a time until another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) down: Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Down {
    Context(&'static str),
    /// What is outside of the process.
    Outside,
}

/// The process dies at an append, counted within its life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash {
    pub(crate) at_append: u64,
    /// Whether the append is on disk. Nobody is told either way.
    pub(crate) durable: bool,
}

impl<D: Deed> Act<D> {
    /// Done once, by somebody who waits for the answer.
    pub(crate) fn plain(at: u64, who: u64, deed: D) -> Self {
        Self { at, who, deed, twice: false, hangs_up: None }
    }

    /// Done impatiently, perhaps.
    pub(crate) fn random(at: u64, who: u64, deed: D, random: &mut Random) -> Self {
        let hangs_up = random.percent(15).then(|| random.below(700));
        Self { at, who, deed, twice: random.percent(15), hangs_up }
    }
}

/// Up to three crashes, each within the first appends of its life.
pub(crate) fn random_crashes(random: &mut Random) -> Vec<Crash> {
    (0..random.below(4))
        .map(|_| Crash { at_append: 1 + random.below(12), durable: random.percent(50) })
        .collect()
}

impl<D: Deed> Script<D> {
    /// These things are done, and nothing goes wrong.
    pub(crate) fn story(acts: Vec<Act<D>>, circumstances: D::Circumstances) -> Self {
        Self { seed: 1, acts, faults: vec![], crashes: vec![], circumstances }
    }

    /// The same while something is down.
    pub(crate) fn with(self, fault: Fault) -> Self {
        Self { faults: vec![fault], ..self }
    }

    /// The same with one thing less.
    pub(crate) fn shorter(&self) -> Vec<Self> {
        let mut shorter = Vec::new();
        for index in 0..self.acts.len() {
            let mut script = self.clone();
            script.acts.remove(index);
            shorter.push(script);
            for plainer in
                [Act { twice: false, ..self.acts[index] }, Act { hangs_up: None, ..self.acts[index] }]
            {
                if self.acts[index].twice != plainer.twice || self.acts[index].hangs_up != plainer.hangs_up {
                    let mut script = self.clone();
                    script.acts[index] = plainer;
                    shorter.push(script);
                }
            }
        }
        for index in 0..self.faults.len() {
            let mut script = self.clone();
            script.faults.remove(index);
            shorter.push(script);
        }
        for index in 0..self.crashes.len() {
            let mut script = self.clone();
            script.crashes.remove(index);
            shorter.push(script);
        }
        let plainer = D::plainer(&self.circumstances);
        shorter.extend(plainer.map(|circumstances| Self { circumstances, ..self.clone() }));
        shorter
    }
}

impl<D: Deed> fmt::Display for Script<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "script of seed {}, {:?}:", self.seed, self.circumstances)?;
        for Act { at, who, deed, twice, hangs_up } in &self.acts {
            let twice = if *twice { ", twice at once" } else { "" };
            let hangs_up = hangs_up.map_or(String::new(), |ms| format!(", hangs up after {ms} ms"));
            writeln!(f, "  at {at:>5} ms {who} does {deed:?}{twice}{hangs_up}")?;
        }
        for Fault { from, to, down } in &self.faults {
            writeln!(f, "  from {from} to {to} ms down: {down:?}")?;
        }
        for (life, Crash { at_append, durable }) in (1..).zip(&self.crashes) {
            let durable = if *durable { "just after" } else { "just before" };
            writeln!(f, "  life {life} ends {durable} its append {at_append}")?;
        }
        Ok(())
    }
}
