//! Two tables of one projection, row by row.

use serde::Serialize;
use serde_json::{Map, Value};
use sqlx::AssertSqlSafe;

use crate::database::{Database, Transaction};
use crate::projection::Table;
use crate::rebuild::object;
use crate::target::Target;

/// How many rows that differ are shown.
const SAMPLES: usize = 5;

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// How many rows are live.
    pub live: u64,
    /// How many rows there are anew.
    pub rebuilt: u64,
    /// How many are only live.
    pub missing: u64,
    /// How many are only anew.
    pub added: u64,
    /// How many are in both, with other values.
    pub changed: u64,
    /// Columns that only the new rows have; they are no difference.
    pub new_columns: Vec<String>,
    /// Columns that only the live rows have; they are no difference either.
    pub lost_columns: Vec<String>,
    /// Some of the rows that differ.
    pub samples: Vec<Difference>,
}

/// A row that differs: only the columns that do, and its key.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// Its key.
    pub key: Value,
    /// As it is live; nothing when it is not.
    pub live: Value,
    /// As it is anew; nothing when it is not.
    pub rebuilt: Value,
}

impl Comparison {
    /// Whether every row is in both with the same values.
    pub fn is_equal(&self) -> bool {
        self.missing + self.added + self.changed == 0
    }
}

/// Compares two tables in one transaction.
pub(super) async fn compare(
    database: &Database,
    transaction: &mut Transaction,
    table: &Table,
    live: &Target,
    rebuilt: &Target,
) -> Result<Comparison, sqlx::Error> {
    let old = database.columns(transaction, &live.table).await?;
    let new = database.columns(transaction, &rebuilt.table).await?;
    let common: Vec<&String> = old.iter().filter(|column| new.contains(column)).collect();
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|column| !those.contains(column)).cloned().collect()
    };
    let (live, rebuilt) = (&live.table, &rebuilt.table);
    let same_key: Vec<String> = table.key.iter().map(|key| format!("l.{key} = n.{key}")).collect();
    let same_key = same_key.join(" AND ");
    let differ: Vec<String> =
        common.iter().map(|column| format!("l.{column} IS DISTINCT FROM n.{column}")).collect();
    let without = |these: &str, those: &str| {
        format!("{these} AS l WHERE NOT EXISTS (SELECT 1 FROM {those} AS n WHERE {same_key})")
    };
    let changed = format!("{live} AS l JOIN {rebuilt} AS n ON {same_key} WHERE {}", differ.join(" OR "));
    let (missing, added) = (without(live, rebuilt), without(rebuilt, live));

    let mut comparison = Comparison {
        live: count(transaction, live).await?,
        rebuilt: count(transaction, rebuilt).await?,
        missing: count(transaction, &missing).await?,
        added: count(transaction, &added).await?,
        changed: count(transaction, &changed).await?,
        new_columns: only(&new, &old),
        lost_columns: only(&old, &new),
        samples: Vec::new(),
    };
    let order: Vec<String> = table.key.iter().map(|key| format!("l.{key}")).collect();
    let order = order.join(", ");
    let all = |of: &str| common.iter().map(|column| format!("{of}.{column}")).collect::<Vec<_>>().join(", ");
    for (found, from, side) in [
        (comparison.missing, &missing, "l"),
        (comparison.added, &added, "n"),
        (comparison.changed, &changed, "l, n"),
    ] {
        let room = SAMPLES.saturating_sub(comparison.samples.len());
        if found == 0 || room == 0 {
            continue;
        }
        let mut sides = Vec::new();
        for of in if side == "l, n" { &["l", "n"][..] } else { &["l"][..] } {
            let statement = format!("SELECT {} FROM {from} ORDER BY {order} LIMIT {room}", all(of));
            let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(transaction.connection()).await?;
            sides.push(rows.iter().map(object).collect::<Result<Vec<_>, _>>()?);
        }
        let mut sides = sides.into_iter();
        let (first, second) = (sides.next().unwrap_or_default(), sides.next());
        let mut second = second.map(Vec::into_iter);
        for row in first {
            let other = second.as_mut().and_then(Iterator::next);
            let (live, rebuilt) = if side == "n" { (None, Some(row)) } else { (Some(row), other) };
            comparison.samples.push(difference(table, live, rebuilt));
        }
    }
    Ok(comparison)
}

fn difference(table: &Table, live: Option<Value>, rebuilt: Option<Value>) -> Difference {
    let known = live.as_ref().or(rebuilt.as_ref()).and_then(Value::as_object).cloned().unwrap_or_default();
    let key: Map<String, Value> =
        known.iter().filter(|(name, _)| table.key.contains(&name.as_str())).map(copy).collect();
    let only_what_differs = |these: &Option<Value>, those: &Option<Value>| match these {
        None => Value::Null,
        Some(these) => {
            let differs = |name: &String, value: &Value| {
                those.as_ref().is_none_or(|those| those.get(name) != Some(value))
            };
            let these = these.as_object().into_iter().flatten();
            Value::Object(these.filter(|(name, value)| differs(name, value)).map(copy).collect())
        }
    };
    Difference {
        key: Value::Object(key),
        live: only_what_differs(&live, &rebuilt),
        rebuilt: only_what_differs(&rebuilt, &live),
    }
}

fn copy((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

async fn count(transaction: &mut Transaction, from: &str) -> Result<u64, sqlx::Error> {
    let statement = AssertSqlSafe(format!("SELECT COUNT(*) FROM {from}"));
    Ok(sqlx::query_scalar::<_, i64>(statement).fetch_one(transaction.connection()).await? as u64)
}
