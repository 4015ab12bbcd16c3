//! The suite of `read_side` once more, with the rows in a real Postgres; and what only a server can do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod cluster;
mod discretion;
mod outage;
mod place;
mod plans;
mod sharing;
mod switching;

#[path = "../read_side/adopting.rs"]
mod adopting;
#[path = "../read_side/disguise.rs"]
mod disguise;
#[path = "../read_side/exactly_once.rs"]
mod exactly_once;
#[path = "../read_side/freshness.rs"]
mod freshness;
#[path = "../read_side/history.rs"]
mod history;
#[path = "../read_side/lists.rs"]
mod lists;
#[path = "../read_side/live.rs"]
mod live;
#[path = "../read_side/my_page.rs"]
mod my_page;
#[path = "../read_side/parked.rs"]
mod parked;
#[path = "../read_side/partitions.rs"]
mod partitions;
#[path = "../read_side/refusals.rs"]
mod refusals;
#[path = "../read_side/rentcar.rs"]
mod rentcar;
#[path = "../read_side/replay.rs"]
mod replay;
#[path = "../read_side/stories.rs"]
mod stories;
#[path = "../read_side/support.rs"]
mod support;
#[path = "../read_side/tally.rs"]
mod tally;
