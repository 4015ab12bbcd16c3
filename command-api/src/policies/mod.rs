//! Runs policies: catches up from a checkpoint, keeps the order of each key, retries, waits for head
//! starts, parks what fails for good, and sees to it that only one process does all this. A policy itself knows nothing of this.

mod carry_out;
mod checkpoint;
mod landmark;
mod lanes;
mod lease;
mod note;
mod oversight;
mod pace;
mod parked;
mod parking;
mod pulse;
mod runner;
mod session;
mod status;
#[cfg(test)]
mod tests;

pub use carry_out::{Failure, Handler};
pub use oversight::Oversight;
pub use parked::{ParkedReaction, Trigger};
pub use parking::{Order, OrderError, Parking};
pub use runner::{Decode, RunPolicy, Runner, RunnerSettings};
pub use status::{Oldest, PolicyStatus};
