use async_trait::async_trait;
use event_store::{Filter, Position, RecordedEvent};

use crate::database::Bulk;

/// Turns events into rows.
///
/// What it does must depend on the events alone: no clock, no chance, no other table, so that a
/// rebuild gives the same rows in batches of any size.
pub trait Projection: Send + Sync + 'static {
    /// Its name for ever: the key of its checkpoint.
    fn name(&self) -> &'static str;

    /// Grows when the same events would give other rows.
    fn version(&self) -> u32;

    /// Which events it wants.
    fn filter(&self) -> Filter;

    /// Where its rows are.
    fn table(&self) -> Table;

    /// Reads a batch of events. The database has no part in this, so it happens while another
    /// projection writes.
    ///
    /// # Errors
    /// An event that cannot be read; of several, one of them.
    fn prepare(&self, events: &[RecordedEvent]) -> Result<Box<dyn Change>, Undecodable>;
}

/// What a batch of events does to the rows of a projection.
#[async_trait]
pub trait Change: Send + Sync {
    /// Does it, in a transaction that the checkpoint is part of. When the database fails, it is
    /// asked again.
    ///
    /// # Errors
    /// Whatever the database says.
    async fn apply(&self, bulk: &mut Bulk<'_>) -> Result<(), sqlx::Error>;
}

/// The table of a projection. It is made, under this or another name, whenever the rows are to be
/// made from the beginning; a migration is for what projections share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Its name in the database.
    pub name: &'static str,
    /// The columns of its primary key.
    pub key: &'static [&'static str],
    /// All columns with their types, as SQL lists them: `TEXT` and `BIGINT` only. Rows are written in this
    /// order, which is that of the table: another one is another version.
    pub columns: &'static str,
    /// Its indexes: what each is called, and its columns.
    pub indexes: &'static [(&'static str, &'static str)],
}

impl Table {
    /// Each of its columns: the name, and what it is.
    pub(crate) fn definitions(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.columns.split(", ").filter_map(|column| column.split_once(' '))
    }

    /// The names of its columns, as SQL lists them.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.definitions().map(|(name, _)| name).collect();
        names.join(", ")
    }
}

/// An event that cannot be read, and where it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the event at position {position} ({event_type}, revision {revision} of {stream}) cannot be read: {reason}"
)]
pub struct Undecodable {
    /// Its place in the log.
    pub position: Position,
    /// Its stream.
    pub stream: String,
    /// Its number in the stream.
    pub revision: u64,
    /// Its name on the log.
    pub event_type: String,
    /// What is wrong with it.
    pub reason: String,
}

impl Undecodable {
    /// This event, for this reason.
    pub fn new(event: &RecordedEvent, reason: String) -> Self {
        Self {
            position: event.position,
            stream: event.stream.to_string(),
            revision: event.revision,
            event_type: event.event_type.to_string(),
            reason,
        }
    }
}
