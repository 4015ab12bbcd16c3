//! The current state of every aggregate, as the lists of the API show it: one table for all systems.

use async_trait::async_trait;
use event_store::{Filter, RecordedEvent};
use foldhash::HashMap;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::database::Bulk;
use crate::projection::{Change, Projection, Table, Undecodable};
use crate::system::{Collection, ResourceOf};
use crate::upsert::{JsonRows, Upsert};

/// The permanent name of the projection.
pub(crate) const NAME: &str = "resources";

const TABLE: Table = Table {
    name: "resources",
    key: &["collection", "id"],
    columns: "collection TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, \
        revision BIGINT NOT NULL, position BIGINT NOT NULL, updated BIGINT NOT NULL, body TEXT NOT NULL",
    indexes: &[("by_owner", "collection, owner, id")],
};

/// An older revision changes nothing, so that a repeat is harmless.
const NEWER: &str = "kept.revision < excluded.revision";

/// The state that an event left behind, ready to be shown.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The collection that lists it: [`Collection::path`].
    pub collection: &'static str,
    /// Its id within the collection.
    pub id: String,
    /// Whose it is: what a list can be filtered by.
    pub owner: String,
    /// When the event happened, in milliseconds since the Unix epoch.
    pub updated: u64,
    /// Its JSON object, without links.
    pub body: Box<RawValue>,
}

/// Keeps the newest state of everything that a system lists.
pub(crate) struct Resources {
    collections: &'static [Collection],
    resource: ResourceOf,
}

impl Resources {
    pub(crate) fn new(collections: &'static [Collection], resource: ResourceOf) -> Self {
        Self { collections, resource }
    }
}

impl Projection for Resources {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn filter(&self) -> Filter {
        Filter::categories(self.collections.iter().map(|collection| collection.category))
    }

    fn table(&self) -> Table {
        TABLE
    }

    fn prepare(&self, events: &[RecordedEvent]) -> Result<Box<dyn Change>, Undecodable> {
        // A stream has one resource, and its last event says all of it: those before it are only read to know
        // that they can be read.
        let mut newest: HashMap<&str, Row> = HashMap::default();
        for event in events.iter().rev() {
            let known = newest.get(event.stream.as_str());
            let overtaken = known.is_some_and(|row| row.3 >= event.revision);
            if overtaken && event.decoded.is_at_hand() {
                continue;
            }
            let resource = (self.resource)(event).map_err(|reason| Undecodable::new(event, reason))?;
            if let Some(resource) = resource
                && !overtaken
            {
                newest.insert(event.stream.as_str(), Row::new(event, resource));
            }
        }
        let mut rows: Vec<Row> = newest.into_values().collect();
        rows.sort_unstable_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        Ok(Box::new(Upsert::new(TABLE, "owner", Some(NEWER), JsonRows::new(&rows))))
    }
}

/// The columns of the table.
#[derive(Serialize)]
struct Row(&'static str, String, String, u64, u64, u64, String);

impl Row {
    fn new(event: &RecordedEvent, resource: Resource) -> Self {
        let Resource { collection, id, owner, updated, body } = resource;
        // As a text: Postgres would sort the fields of an object.
        Self(collection, id, owner, event.revision, event.position.0, updated, Box::<str>::from(body).into())
    }
}

#[async_trait]
impl Change for Upsert {
    async fn apply(&self, bulk: &mut Bulk<'_>) -> Result<(), sqlx::Error> {
        Upsert::apply(self, bulk).await
    }
}
