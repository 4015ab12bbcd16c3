//! Every context a process of its own, all of them on one event store over the EventStoreDB protocol,
//! and the synchronous calls over HTTP. Processes are killed, not stopped.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

mod guarded;
mod killed;
mod replicas;
mod support;
