//! The memory store keeps the contract.

use std::sync::Arc;

use event_store::MemoryStore;

event_store::contract!(async { (Arc::new(MemoryStore::default()), ()) });
