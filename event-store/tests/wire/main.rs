//! The protocol server through official clients, unmodified: Rust here, Node and Python as scripts
//! that `tests/clients/install` prepares.
#![allow(clippy::unwrap_used, reason = "helpers of tests, outside test functions")]

mod adapter;
mod clients;
mod groups;
mod harm;
mod memory;
mod node;
#[path = "../server/mod.rs"]
mod server;
mod silence;
mod streams;

use eventstore::{Client, EventData, ResolvedEvent};
use serde_json::json;
use server::Server;

fn client(server: &Server) -> Client {
    Client::new(format!("{}&discoveryInterval=50", server.url()).parse().unwrap()).unwrap()
}

fn event(event_type: &str, number: u64) -> EventData {
    EventData::json(event_type, &json!({ "number": number })).unwrap().id(uuid::Uuid::new_v4())
}

fn number(event: &ResolvedEvent) -> u64 {
    let data = &event.event.as_ref().unwrap().data;
    serde_json::from_slice::<serde_json::Value>(data).unwrap()["number"].as_u64().unwrap()
}
