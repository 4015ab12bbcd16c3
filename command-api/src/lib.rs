//! How the businesses change: HTTP in, events out, policies between; the only writer of events.

mod openapi;
mod operate;
mod web;

pub mod app;
pub mod business;
pub mod calls;
pub mod config;
pub mod context;
pub mod desk;
pub mod elearning;
pub mod execute;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod http;
pub mod logs;
pub mod payment_provider;
pub mod policies;
pub mod rentcar;
pub mod served_store;
