//! The rows of a MyPage, as a query wants them.

use domain::kernel::RequestId;
use event_store::Position;
use serde::Serialize;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::MyPage;
use crate::database::{ANSWER, within};
use crate::query::{Reads, degraded_since};

/// Since when a row stands still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct Degraded {
    /// The position of the event that could not be applied.
    pub(crate) since: Position,
}

/// A row on its way to a client.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) id: String,
    /// Of its last change.
    pub(crate) position: Position,
    /// Its JSON, in one line.
    pub(crate) json: String,
}

/// Which rows a query wants, and from where on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wanted<'q> {
    /// The row of one request.
    Id(RequestId),
    /// In the order of their ids, behind this one.
    Behind(&'q str),
    /// In the order of their last change, behind this position (-1 is the beginning).
    ChangedSince(i64),
}

/// Up to `limit` rows of one owner, or of all.
pub(super) async fn query(
    page: &MyPage,
    reads: &Reads,
    wanted: Wanted<'_>,
    owner: Option<&str>,
    limit: u32,
) -> Result<Vec<Shown>, sqlx::Error> {
    let MyPage { table, columns, .. } = page;
    let (columns, degraded) = (reads.database.array(columns), reads.degraded(table));
    let (condition, order) = match wanted {
        Wanted::Id(_) => ("id = $1", "id"),
        Wanted::Behind(_) => ("id > $1", "id"),
        Wanted::ChangedSince(_) => ("position > $1", "position"),
    };
    let of_owner = owner.map(|_| format!("AND {} = $2", page.owner.column)).unwrap_or_default();
    // SQLite prepares a statement anew whenever a parameter of its LIMIT is bound: a number is not.
    let statement = format!(
        "SELECT {columns}{degraded}
         FROM {table} WHERE {condition} {of_owner} ORDER BY {table}.{order} LIMIT {limit}"
    );
    let mut query = sqlx::query(AssertSqlSafe(statement));
    query = match wanted {
        Wanted::Id(id) => query.bind(id.to_string()),
        Wanted::Behind(id) => query.bind(id),
        Wanted::ChangedSince(position) => query.bind(position),
    };
    if let Some(owner) = owner {
        query = query.bind(owner);
    }
    within(ANSWER, reads.database.readers().fetch_all(query))
        .await?
        .iter()
        .map(|row| shown(page, row))
        .collect()
}

fn shown(page: &MyPage, row: &AnyRow) -> Result<Shown, sqlx::Error> {
    let degraded = degraded_since(row, 1)?.map(|since| Degraded { since });
    (page.show)(row.try_get(0)?, degraded).map_err(|odd| sqlx::Error::Decode(odd.into()))
}
