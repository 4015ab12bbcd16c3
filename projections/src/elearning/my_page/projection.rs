//! Keeps the rows: makes those that a batch begins, reads the others that it is about, folds the batch into
//! them, writes them back.

use async_trait::async_trait;
use domain::elearning::Fact;
use domain::elearning::SYSTEM;
use domain::kernel::RequestId;
use event_store::{Filter, RecordedEvent};
use foldhash::{HashMap, HashSet};

use super::row::{Placed, Row};
use super::table;
use crate::database::Bulk;
use crate::elearning::read;
use crate::projection::{Change, Projection, Table, Undecodable};
use crate::upsert::JsonRows;

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
            let happened = read(event).map_err(|reason| Undecodable::new(event, reason))?;
            if let Some(happened) = happened {
                placed.push(Placed { happened, revision: event.revision, position: event.position });
            }
        }
        let mut begun: HashMap<RequestId, usize> = HashMap::default();
        for event in &placed {
            *begun.entry(event.application().id).or_default() += usize::from(event.revision == 0);
        }
        // A request all of whose streams begin here has no row yet: no database is asked.
        let is_new = |event: &Placed| begun[&event.application().id] >= Fact::AGGREGATES.len();
        let (mut new, mut goes_on) = (Rows::default(), Vec::new());
        for event in placed {
            match is_new(&event) {
                true => fold(&mut new, &event),
                false => goes_on.push(event),
            }
        }
        Ok(Box::new(Fold { new: table::json(new), events: goes_on }))
    }
}

type Rows = HashMap<RequestId, Option<Row>>;

fn fold(rows: &mut Rows, event: &Placed) {
    let row = rows.entry(event.application().id).or_default();
    *row = Some(Row::after(row.take(), event));
}

struct Fold {
    /// The rows that are only made by this batch.
    new: JsonRows,
    /// What happens to the others.
    events: Vec<Placed>,
}

#[async_trait]
impl Change for Fold {
    async fn apply(&self, bulk: &mut Bulk<'_>) -> Result<(), sqlx::Error> {
        let ids: HashSet<&RequestId> = self.events.iter().map(|event| &event.application().id).collect();
        let found = match ids.is_empty() {
            true => Vec::new(),
            false => table::read(bulk, ids.into_iter()).await?,
        };
        let mut rows: Rows = found.into_iter().map(|row| (row.application.id, Some(row))).collect();
        self.events.iter().for_each(|event| fold(&mut rows, event));
        table::write(bulk, &self.new, table::json(rows)).await
    }
}
