//! The real process under real faults: killed, without power, on disks that fail or fill up or forget,
//! paused, with a clock that jumps, behind lines that fall silent, without its database.
//! Whatever it acknowledged is there afterwards, exactly once.
//!
//! `GIROK_CRASH_CYCLES` says how often it is killed and how often the power fails; `make torture` says
//! how often that is there.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod bits;
mod clock;
#[allow(dead_code, reason = "one cluster is enough here")]
#[path = "../../../projections/tests/read_side_postgres/cluster.rs"]
mod cluster;
mod database;
mod disk;
mod full;
mod kill;
#[path = "../support/line.rs"]
mod line;
mod load;
mod network;
mod pause;
mod power;
mod process;
mod sync;
mod verdict;

/// How many cycles a test is asked for, or as many as a short one needs.
fn cycles(short: u64) -> u64 {
    std::env::var("GIROK_CRASH_CYCLES").map_or(short, |cycles| cycles.parse().unwrap())
}

/// A number that looks random and is the same in every run.
fn chance(cycle: u64, below: u64) -> u64 {
    (uuid::Uuid::new_v5(&uuid::Uuid::nil(), &cycle.to_le_bytes()).as_u128() % u128::from(below)) as u64
}
