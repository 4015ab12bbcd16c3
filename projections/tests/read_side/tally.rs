//! A projection that counts the events of each stream. It has nothing to notice a repeat by, so it
//! shows whether every event counts exactly once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use axum::Router;
use event_store::{Filter, RecordedEvent};
use projections::query::Reads;
use projections::{Bulk, Change, Projection, Rows, Screen, System, Table, Undecodable, elearning};
use sqlx::Error;

/// Counts; while it is `broken`, the database fails after everything was written.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    pub(crate) broken: Arc<AtomicBool>,
}

impl Tally {
    /// A system that does nothing but count the events of e-learning.
    pub(crate) fn system(&self) -> System {
        System {
            name: "tally",
            collections: &[],
            screens: vec![Arc::new(self.clone())],
            ..elearning::system()
        }
    }

    /// How many events the rows counted.
    pub(crate) fn counted(rows: &Rows) -> i64 {
        rows["tally"].iter().map(|row| row["revision"].as_i64().unwrap()).sum()
    }
}

impl Screen for Tally {
    fn projection(&self) -> Arc<dyn Projection> {
        Arc::new(self.clone())
    }

    fn routes(&self, _reads: Reads) -> Router {
        Router::new()
    }
}

impl Projection for Tally {
    fn name(&self) -> &'static str {
        "tally"
    }

    fn version(&self) -> u32 {
        1
    }

    fn filter(&self) -> Filter {
        Filter::categories(["elearning.apply", "elearning.payment", "elearning.delivery"])
    }

    fn table(&self) -> Table {
        Table {
            name: "tally",
            key: &["id"],
            columns: "id TEXT NOT NULL, revision BIGINT NOT NULL",
            indexes: &[],
        }
    }

    fn prepare(&self, events: &[RecordedEvent]) -> Result<Box<dyn Change>, Undecodable> {
        let mut counts = BTreeMap::<String, u64>::new();
        for event in events {
            *counts.entry(event.stream.to_string()).or_default() += 1;
        }
        let rows = serde_json::to_string(&counts.into_iter().collect::<Vec<_>>()).unwrap();
        Ok(Box::new(Count { rows, broken: Arc::clone(&self.broken) }))
    }
}

struct Count {
    rows: String,
    broken: Arc<AtomicBool>,
}

#[async_trait]
impl Change for Count {
    async fn apply(&self, bulk: &mut Bulk<'_>) -> Result<(), Error> {
        let statement = "
            INSERT INTO {table} AS kept (id, revision)
            SELECT r.value ->> 0, CAST(r.value ->> 1 AS BIGINT) FROM {rows} WHERE true
            ON CONFLICT (id) DO UPDATE SET revision = kept.revision + excluded.revision";
        bulk.write(statement, self.rows.clone()).await?;
        if self.broken.load(Ordering::SeqCst) { Err(Error::Protocol("broken".to_owned())) } else { Ok(()) }
    }
}
