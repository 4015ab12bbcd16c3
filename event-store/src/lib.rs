//! Where events are kept: streams, revisions, positions, subscriptions.
//!
//! [`EventStore`] is the promise; [`MemoryStore`] is its smallest correct keeper and its executable
//! definition; [`EmbeddedStore`] keeps a durable log in a folder; [`EventStoreDb`] is a log behind a
//! server. [`open()`] finds out which one a URL means. Every store passes the one suite in
//! [`contract`](mod@contract), and every store can be served to others by [`protocol`].

// What the command line shares with its targets says the name of this crate.
#[cfg(any(test, fuzzing))]
extern crate self as event_store;

mod copy;
mod decoded;
mod embedded;
mod error;
mod event;
mod eventstoredb;
mod filter;
mod follow;
mod limits;
mod memory;
mod open;
mod position;
mod store;

pub mod contract;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod protocol;

pub use copy::{CopyError, Fingerprint, Printer, copy, fingerprint, moved};
pub use decoded::Decoded;
pub use embedded::{Disk, EmbeddedStore, LogFile, OpenError, Options, RealDisk};
pub use embedded::{IndexReport, Report, SegmentReport, Stroll, Visitor, backup, truncate};
pub use error::{AppendError, ReadError};
pub use event::{InvalidStreamName, NewEvent, RecordedEvent, StreamName};
pub use eventstoredb::EventStoreDb;
pub use filter::Filter;
pub use limits::{MAX_APPEND_BYTES, MAX_APPEND_EVENTS};
pub use memory::MemoryStore;
pub use open::{is_remote, open};
pub use position::Position;
pub use store::{Append, Appended, Batch, Direction, EventStore, ExpectedRevision, Health, Subscription};
