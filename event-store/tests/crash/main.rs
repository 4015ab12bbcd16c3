//! What is left of a log after kill -9, torn writes, flipped bits, failing syncs and a full disk.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod bits;
mod disk;
mod faults;
mod folder;
mod kill;
mod support;
mod torn;
