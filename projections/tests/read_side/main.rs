//! The read side at work: a log in memory, rows in SQLite, questions over HTTP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod adopting;
mod disguise;
mod exactly_once;
mod freshness;
mod history;
mod lists;
mod live;
mod my_page;
mod parked;
mod partitions;
mod place;
mod refusals;
mod rentcar;
mod replay;
mod stories;
mod support;
mod tally;
