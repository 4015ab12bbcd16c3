//! Keeps the rows: reads those that a batch is about, folds the batch into them, writes them back.

use std::collections::HashMap;

use async_trait::async_trait;
use domain::elearning::Fact;
use domain::elearning::SYSTEM;
use domain::kernel::RequestId;
use event_store::{Filter, RecordedEvent};

use super::row::{Placed, Row, application};
use super::table;
use crate::database::Transaction;
use crate::elearning::{Dated, read};
use crate::projection::{Change, Projection, Table, Undecodable};

/// The permanent name.
pub(super) const NAME: &str = "my_page";

pub(super) struct MyPageProjection;

impl Projection for MyPageProjection {
    fn name(&self) -> &'static str {
        NAME
    }

    fn version(&self) -> u32 {
        1
    }

    fn filter(&self) -> Filter {
        Filter::categories(Fact::AGGREGATES.map(|aggregate| format!("{SYSTEM}.{aggregate}")))
    }

    fn table(&self) -> Table {
        table::TABLE
    }

    fn prepare(&self, events: &[RecordedEvent]) -> Result<Box<dyn Change>, Undecodable> {
        let mut placed = Vec::with_capacity(events.len());
        for event in events {
            let dated = read(event).map_err(|reason| Undecodable::new(event, reason))?;
            if let Some(Dated { fact, time }) = dated {
                placed.push(Placed { fact, revision: event.revision, position: event.position, time });
            }
        }
        Ok(Box::new(Fold { events: placed }))
    }
}

struct Fold {
    events: Vec<Placed>,
}

#[async_trait]
impl Change for Fold {
    async fn apply(&self, transaction: &mut Transaction) -> Result<(), sqlx::Error> {
        let mut begun: HashMap<RequestId, usize> = HashMap::new();
        for event in &self.events {
            *begun.entry(application(&event.fact).id).or_default() += usize::from(event.revision == 0);
        }
        // A request all of whose streams begin here has no row yet.
        let may_be_there = begun.iter().filter(|(_, streams)| **streams < Fact::AGGREGATES.len());
        let found = table::read(transaction, may_be_there.map(|(id, _)| id)).await?;
        let mut rows: HashMap<RequestId, Option<Row>> = HashMap::with_capacity(begun.len());
        rows.extend(found.into_iter().map(|row| (row.application.id, Some(row))));
        for event in &self.events {
            let row = rows.entry(application(&event.fact).id).or_default();
            *row = Some(Row::after(row.take(), event));
        }
        table::write(transaction, rows.into_values().flatten()).await
    }
}
