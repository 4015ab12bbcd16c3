//! What users and operators do with the whole application over HTTP.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod cancelling;
mod contexts;
mod happy_path;
