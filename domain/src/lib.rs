//! What is true: the facts and rules of the businesses, and nothing else.
//!
//! Pure by construction: no async, no I/O, no clock, no randomness. Time, new ids and looked-up facts
//! arrive inside commands. [`kernel`] is what all businesses share, [`payment`] the subdomain most of
//! them use, and every business is a module of its own.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod elearning;
pub mod kernel;
pub mod payment;
pub mod rentcar;
