//! How the facts are seen: read models kept up with the log, and the queries over them.
//!
//! A [`Projection`] turns events into rows; its [`Worker`] follows the log and writes rows and
//! checkpoint in one transaction, so every event counts exactly once. [`ReadSide`] runs those of one
//! [`System`] and answers its queries. [`elearning`] is such a system.

mod adopt;
mod check;
mod checkpoint;
mod database;
mod dated;
mod heal;
mod healed;
mod history;
mod lease;
mod log;
mod membership;
mod metrics;
mod observe;
mod overview;
mod parked;
mod partition;
mod progress;
mod projection;
mod read_side;
mod rebuild;
mod replay;
mod resources;
mod sorted;
mod step_error;
mod system;
mod target;
mod upsert;
mod worker;

pub mod elearning;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod query;
pub mod rentcar;

pub use adopt::{AdoptError, Adopted, adopt};
pub use check::{Checked, check};
pub use checkpoint::Refused;
pub use database::{Bulk, Database, OpenError};
pub use heal::{Healed, Order, Skipped, heal, parked};
pub use history::{Step, history};
pub use lease::{Sharing, share};
pub use log::{LogError, open_log};
pub use overview::{Part, RowSet, overview};
pub use parked::Parked;
pub use progress::{Progress, ProjectionStatus};
pub use projection::{Change, Projection, Table, Undecodable};
pub use read_side::{ReadSide, StartError};
pub use rebuild::{Rows, rebuild, rows};
pub use replay::{
    Comparison, Difference, Outcome, Plan, Purpose, Replay, ReplayError, ReplayProgress, RolledBack, rollback,
};
pub use resources::Resource;
pub use step_error::StepError;
pub use system::{Collection, ResourceOf, SYSTEMS, Screen, System};
pub use worker::Worker;
