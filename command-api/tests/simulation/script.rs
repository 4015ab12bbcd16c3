//! What students do, what goes wrong and when: everything that a history follows from.

use std::fmt;

use crate::provider::Pace;
use crate::random::Random;

/// A history to be.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    /// Decides what is left open: how long the disk and the provider take.
    pub(crate) seed: u64,
    pub(crate) acts: Vec<Act>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) crashes: Vec<Crash>,
    /// How many of a hundred cards are declined.
    pub(crate) declined: u64,
    /// How fast the provider answers.
    pub(crate) pace: Pace,
}

/// Something that a student does at a time, and keeps trying until there is an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    pub(crate) at: u64,
    pub(crate) student: u64,
    pub(crate) what: What,
    /// Sent twice at once.
    pub(crate) twice: bool,
    /// Hangs up after this long, the first time.
    pub(crate) hangs_up: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Apply,
    Cancel,
    CancelPayment,
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
    Provider,
}

/// The process dies at an append, counted within its life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crash {
    pub(crate) at_append: u64,
    /// Whether the append is on disk. Nobody is told either way.
    pub(crate) durable: bool,
}

impl Script {
    pub(crate) fn random(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut acts = Vec::new();
        for student in 0..1 + random.below(4) {
            let applies = random.below(3_000);
            let mut act = |at, what, random: &mut Random| {
                let hangs_up = random.percent(15).then(|| random.below(700));
                acts.push(Act { at, student, what, twice: random.percent(15), hangs_up });
            };
            act(applies, What::Apply, &mut random);
            if random.percent(60) {
                act(applies + random.below(6_000), What::Cancel, &mut random);
            }
            if random.percent(25) {
                act(applies + random.below(6_000), What::CancelPayment, &mut random);
            }
        }
        let faults = (0..random.below(4)).map(|_| {
            let from = random.below(5_000);
            let down = match random.below(5) {
                0 => Down::Context("apply"),
                1 => Down::Context("payment"),
                2 => Down::Provider,
                _ => Down::Context("delivery"),
            };
            Fault { from, to: from + random.below(10_000), down }
        });
        let faults = faults.collect();
        let crashes = (0..random.below(4))
            .map(|_| Crash { at_append: 1 + random.below(12), durable: random.percent(50) })
            .collect();
        let declined = if random.percent(20) { 50 } else { 0 };
        Self { seed, acts, faults, crashes, declined, pace: Pace::Moody }
    }

    /// One student does these things at these times, the provider is steady, and nothing goes wrong.
    pub(crate) fn story(acts: &[(u64, What)], provider_takes: u64) -> Self {
        let act =
            |(at, what): &(u64, What)| Act { at: *at, student: 0, what: *what, twice: false, hangs_up: None };
        Self {
            seed: 1,
            acts: acts.iter().map(act).collect(),
            faults: vec![],
            crashes: vec![],
            declined: 0,
            pace: Pace::Steady(provider_takes),
        }
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
        if self.declined > 0 {
            shorter.push(Self { declined: 0, ..self.clone() });
        }
        shorter
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "script of seed {}, {} of 100 cards declined:", self.seed, self.declined)?;
        for Act { at, student, what, twice, hangs_up } in &self.acts {
            let twice = if *twice { ", twice at once" } else { "" };
            let hangs_up = hangs_up.map_or(String::new(), |ms| format!(", hangs up after {ms} ms"));
            writeln!(f, "  at {at:>5} ms student {student} does {what:?}{twice}{hangs_up}")?;
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
