//! The messages and services as `build.rs` made them from `proto/`.
#![allow(missing_docs, unreachable_pub, dead_code, rustdoc::all, reason = "generated code")]
#![allow(clippy::all, clippy::pedantic, reason = "generated code")]

include!(concat!(env!("OUT_DIR"), "/wire.rs"));

pub(crate) use self::event_store::client::{StreamIdentifier, streams};
pub(crate) use self::event_store::client::{
    Uuid as WireUuid, gossip, persistent_subscriptions, server_features,
};
