//! What users and operators do with the whole application over HTTP.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod cancelling;
mod contexts;
mod giving_up;
mod happy_path;
mod metrics;
mod parked;
mod rentcar;
