//! Runners at work on a store in memory, in virtual time.

mod health;
mod moving;
mod orders;
mod outage;
mod world;
