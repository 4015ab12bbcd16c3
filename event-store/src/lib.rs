//! Where events are kept: streams, revisions, positions, subscriptions.
//!
//! [`EventStore`] is the promise; [`MemoryStore`] is its smallest correct keeper and its executable
//! definition; [`EmbeddedStore`] keeps a durable log in a folder. Every store passes the one suite in [`contract`](mod@contract).

mod embedded;
mod error;
mod event;
mod filter;
mod follow;
mod limits;
mod memory;
mod position;
mod store;

pub mod contract;

pub use embedded::{Disk, EmbeddedStore, LogFile, OpenError, Options, RealDisk};
pub use embedded::{IndexReport, Report, SegmentReport, Stroll, Visitor, truncate};
pub use error::{AppendError, ReadError};
pub use event::{InvalidStreamName, NewEvent, RecordedEvent, StreamName};
pub use filter::Filter;
pub use limits::{MAX_APPEND_BYTES, MAX_APPEND_EVENTS};
pub use memory::MemoryStore;
pub use position::Position;
pub use store::{Appended, Batch, Direction, EventStore, ExpectedRevision, Health, Subscription};
