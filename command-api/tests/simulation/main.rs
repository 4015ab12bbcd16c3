//! The whole write side in one thread and in virtual time: commands, policies, store, payment provider
//! and students, with crashes, outages, hang-ups and repeats, all of it decided by one number.
//!
//! A history that breaks an invariant is cut down to the shortest one that still does, and printed; the
//! same number makes it happen again. `GIROK_SEEDS=100000` says how many are tried, `GIROK_SEED=42`
//! tries one and tells its story.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod checks;
mod provider;
mod random;
mod script;
mod store;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use script::{Crash, Down, Fault, Script, What};
use world::{Ending, play};

/// What is wrong with the history of a script; `None` when nothing is.
fn wrong(script: &Script) -> Option<String> {
    match std::panic::catch_unwind(|| play(script)) {
        Ok(ending) => checks::wrong(script, &ending),
        Err(_) => Some("something panicked".to_owned()),
    }
}

/// The shortest script that is wrong in some way: leaves out whatever can be left out.
fn shrink(mut script: Script) -> Script {
    loop {
        let shorter = script.shorter();
        let Some(still_wrong) = shorter.into_iter().find(|script| wrong(script).is_some()) else {
            return script;
        };
        script = still_wrong;
    }
}

fn try_seed(seed: u64) {
    let script = Script::random(seed);
    if let Some(reason) = wrong(&script) {
        let shortest = shrink(script);
        let reason = wrong(&shortest).unwrap_or(reason);
        panic!("seed {seed}: {reason}\n{shortest}\n{}", play(&shortest));
    }
}

/// G1 to G8, EL-I1 to EL-I15, EL-I18, EL-I20, SPEC 1.3.
#[test]
fn every_history_ends_delivered_or_undone() {
    if let Ok(seed) = std::env::var("GIROK_SEED") {
        let script = Script::random(seed.parse().unwrap());
        println!("{script}\n{}", play(&script));
        return try_seed(seed.parse().unwrap());
    }
    let seeds = std::env::var("GIROK_SEEDS").map_or(2000, |seeds| seeds.parse().unwrap());
    let next = AtomicU64::new(0);
    std::thread::scope(|threads| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            threads.spawn(|| {
                let seeds = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed))
                    .take_while(|seed| *seed < seeds);
                seeds.for_each(try_seed);
            });
        }
    });
    println!("{seeds} histories, 0 wrong");
}

/// Every named story: apply, apply with a slow payment, cancel at each moment, delivery down.
fn named_stories() -> Vec<(&'static str, Script)> {
    let apply = (0, What::Apply);
    let delivery_down = Fault { from: 0, to: 8_000, down: Down::Context("delivery") };
    let mut stories = vec![
        ("apply", Script::story(&[apply], 10)),
        ("apply with slow payment", Script::story(&[apply], 5_000)),
        ("delivery down", Script::story(&[apply], 10).with(delivery_down)),
        (
            "cancel while delivery is down",
            Script::story(&[apply, (500, What::Cancel)], 10).with(delivery_down),
        ),
        ("cancel the payment", Script::story(&[apply, (500, What::CancelPayment)], 10)),
        (
            "both cancels at once",
            Script::story(&[apply, (500, What::Cancel), (500, What::CancelPayment)], 10),
        ),
    ];
    for at in [1, 100, 405, 500, 609, 611, 1_000, 2_500] {
        stories.push(("cancel at each moment", Script::story(&[apply, (at, What::Cancel)], 400)));
        stories.push(("cancel a slow payment", Script::story(&[apply, (at, What::Cancel)], 5_000)));
    }
    stories
}

/// G1, G5, EL-I2 to EL-I7, EL-I10, EL-I12, EL-I20: the process dies just before and just after every
/// append of every named story, once and once more right after.
#[test]
fn dying_at_any_append_of_any_named_story_changes_nothing() {
    let mut deaths = 0;
    for (name, story) in named_stories() {
        for at_append in 1.. {
            let crash = |durable| Crash { at_append, durable };
            let again = Crash { at_append: 1, durable: true };
            let mut happened = false;
            for crashes in [vec![crash(false)], vec![crash(true)], vec![crash(true), again]] {
                let script = Script { crashes, ..story.clone() };
                let ending = play(&script);
                if let Some(reason) = checks::wrong(&script, &ending) {
                    panic!("{name}: {reason}\n{script}\n{ending}");
                }
                happened |= ending.crashed;
                deaths += script.crashes.len();
            }
            if !happened {
                break;
            }
        }
    }
    println!("{deaths} deaths, 0 wrong");
}

/// EL-I12, DESIGN 4: as long as the request may be at it, nobody else asks the provider.
#[test]
fn a_request_and_its_policy_never_race() {
    for (provider_takes, questions) in [(10, 1), (600, 1), (1_500, 1), (2_500, 2)] {
        let ending = play(&Script::story(&[(0, What::Apply)], provider_takes));
        assert_eq!(ending.provider.questions(), questions, "the provider takes {provider_takes} ms");
    }
}

/// The same number is the same history.
#[test]
fn a_history_can_be_repeated() {
    for seed in 0..20 {
        let script = Script::random(seed);
        let (first, second): (Ending, Ending) = (play(&script), play(&script));
        assert_eq!(first.to_string(), second.to_string(), "seed {seed}");
    }
}
