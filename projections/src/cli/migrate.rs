use event_store::EventStore;
use projections::Database;
use serde_json::json;

use super::Failure;
use super::arguments::Format;
use super::say::{self, position};

pub(super) fn tables(database: &Database, format: Format) -> Result<(), Failure> {
    say::done(format, &format!("the tables in {} are those of this program", database.kind()))
}

/// Takes the rows along to a copy of their log.
pub(super) async fn adopt(
    old: &dyn EventStore,
    new: &dyn EventStore,
    database: &Database,
    format: Format,
) -> Result<(), Failure> {
    let adopted = projections::adopt(old, new, database).await?;
    let line = |rows: &projections::Adopted| {
        format!("{} goes on behind {} in the event store {}", rows.name, position(rows.position), new.id())
    };
    let mut lines: Vec<String> = adopted.iter().map(line).collect();
    if adopted.is_empty() {
        lines.push(format!("nothing to do: no rows are of another event store than {}", new.id()));
    }
    let told = json!({ "movedFrom": old.id(), "store": new.id(), "rows": adopted });
    say::value(format, &told, &lines)
}
