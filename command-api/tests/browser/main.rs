//! What a student does with the page, in a browser.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

#[path = "../support/mod.rs"]
mod support;

mod driver;
mod languages;
#[path = "../support/line.rs"]
mod line;
mod page;
mod rentcar;
mod stories;
mod without_javascript;
