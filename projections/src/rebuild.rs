//! The rows made again from nothing, to compare.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_store::EventStore;
use serde_json::{Map, Value};
use sqlx::any::{AnyRow, AnyTypeInfoKind};
use sqlx::{AssertSqlSafe, Column, Row, ValueRef};

use crate::database::Database;
use crate::step_error::StepError;
use crate::system::System;
use crate::worker::Worker;

/// All rows of every projection, by its name: each a JSON object of its columns, in the order of
/// the primary key.
pub type Rows = BTreeMap<&'static str, Vec<Value>>;

/// Makes the rows of a system in a database, from where its checkpoints are (the beginning, when it
/// is empty) up to the head of the log, and returns them. They are equal to the [`rows`] of any
/// other database that has considered the same head.
///
/// # Errors
/// The first [`StepError`]; nothing is tried twice.
pub async fn rebuild(
    store: Arc<dyn EventStore>,
    database: &Database,
    system: &System,
) -> Result<Rows, StepError> {
    let head = store.head().await.map_err(StepError::Store)?;
    for projection in system.projections() {
        let mut worker = Worker::open(Arc::clone(&store), database.clone(), projection).await?;
        while worker.progress().borrow().considered < head {
            worker.step().await?;
        }
    }
    Ok(rows(database, system).await?)
}

/// All rows of a system as they are in a database.
///
/// # Errors
/// When the database does not answer.
pub async fn rows(database: &Database, system: &System) -> Result<Rows, sqlx::Error> {
    let mut all = Rows::new();
    for projection in system.projections() {
        let table = projection.table();
        let statement =
            AssertSqlSafe(format!("SELECT * FROM {} ORDER BY {}", table.name, table.key.join(", ")));
        let rows = database.readers().fetch_all(sqlx::query(statement)).await?;
        all.insert(projection.name(), rows.iter().map(object).collect::<Result<_, _>>()?);
    }
    Ok(all)
}

pub(crate) fn object(row: &AnyRow) -> Result<Value, sqlx::Error> {
    let mut object = Map::new();
    for (index, column) in row.columns().iter().enumerate() {
        let raw = row.try_get_raw(index)?;
        let value = match raw.type_info().kind() {
            _ if raw.is_null() => Value::Null,
            AnyTypeInfoKind::BigInt => row.try_get::<i64, _>(index)?.into(),
            _ => row.try_get::<String, _>(index)?.into(),
        };
        object.insert(column.name().to_owned(), value);
    }
    Ok(object.into())
}
