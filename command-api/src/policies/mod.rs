//! Runs policies: catches up from a checkpoint, keeps the order of each key, retries, waits for head
//! starts, parks what fails for good, and sees to it that only one process does all this. A policy itself knows nothing of this.

mod carry_out;
mod checkpoint;
mod lanes;
mod lease;
mod note;
mod pace;
mod parked;
mod runner;
mod session;
mod status;

pub use carry_out::{Failure, Handler};
pub use parked::{ParkedReaction, Trigger};
pub use runner::{Decode, RunPolicy, Runner, RunnerSettings};
pub use status::PolicyStatus;
