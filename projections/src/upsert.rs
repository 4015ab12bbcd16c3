//! Whole rows on their way into a table, each over the one of its key.
//!
//! A statement that names a column writes every index that the column is part of, whether its value
//! changes or not, and an index by owner is written at another place for every row. But a row hardly
//! ever changes its owner. So the first statement leaves the owner alone and passes over the rows of
//! another one; only if it did not write all rows, a second one that names every column writes the rest.

use serde::Serialize;

use crate::database::Bulk;
use crate::projection::Table;

/// Rows with all columns of their table.
pub(crate) struct Upsert {
    table: Table,
    /// The column that says whose a row is.
    owner: &'static str,
    /// What has to hold between the `kept` row and the one that comes (`excluded`), if anything has.
    condition: Option<&'static str>,
    rows: JsonRows,
}

/// Rows as one JSON array, each an array of its columns. They should come in the order of their keys, so
/// that the database walks its index once.
#[derive(Debug, Clone)]
pub(crate) struct JsonRows {
    json: String,
    count: u64,
}

impl JsonRows {
    /// Each of these is serialized as an array of its columns.
    pub(crate) fn new(rows: &[impl Serialize]) -> Self {
        let json = serde_json::to_string(rows).expect("columns are plain values");
        Self { json, count: rows.len() as u64 }
    }

    /// These, and others behind them.
    pub(crate) fn and(&self, others: Self) -> Self {
        if self.count == 0 {
            return others;
        }
        let mut json = String::with_capacity(self.json.len() + others.json.len());
        json.push_str(&self.json);
        if others.count > 0 {
            json.truncate(json.len() - 1);
            json.push(',');
            json.push_str(&others.json[1..]);
        }
        Self { json, count: self.count + others.count }
    }
}

impl Upsert {
    /// These rows for this table.
    pub(crate) fn new(
        table: Table,
        owner: &'static str,
        condition: Option<&'static str>,
        rows: JsonRows,
    ) -> Self {
        Self { table, owner, condition, rows }
    }

    /// Writes them.
    pub(crate) async fn apply(&self, bulk: &mut Bulk<'_>) -> Result<(), sqlx::Error> {
        let same_owner = format!("kept.{0} = excluded.{0}", self.owner);
        let condition = [Some(same_owner.as_str()), self.condition];
        let hasty = statement(bulk, &self.table, Some(self.owner), &condition);
        let JsonRows { json, count } = &self.rows;
        if *count == 0 || bulk.write_whole(&hasty, json).await? == *count {
            return Ok(());
        }
        let thorough = statement(bulk, &self.table, None, &[self.condition]);
        bulk.write_whole(&thorough, json).await.map(drop)
    }
}

/// Writes rows whose keys are not in the table, for much less than rows that may be there.
///
/// # Errors
/// When one of them is there after all, or the database does not answer. Nothing is written then.
pub(crate) async fn insert(bulk: &mut Bulk<'_>, table: &Table, rows: &JsonRows) -> Result<(), sqlx::Error> {
    if rows.count == 0 || bulk.copy(table, &rows.json).await? {
        return Ok(());
    }
    bulk.write_whole(&insertion(bulk, table), &rows.json).await.map(drop)
}

fn insertion(bulk: &Bulk<'_>, table: &Table) -> String {
    let value = |(at, (name, kind)): (usize, (&str, &str))| bulk.whole_column(at, name, kind);
    let values: Vec<String> = table.definitions().enumerate().map(value).collect();
    format!("INSERT INTO {{table}} AS kept ({}) SELECT {} FROM {{whole}}", table.names(), values.join(", "))
}

/// (`WHERE true` tells SQLite's parser where the SELECT ends.)
fn statement(
    bulk: &Bulk<'_>,
    table: &Table,
    left_alone: Option<&str>,
    conditions: &[Option<&str>],
) -> String {
    let names = table.definitions().map(|(name, _)| name);
    let written = names.filter(|name| !table.key.contains(name) && left_alone != Some(*name));
    let written: Vec<String> = written.map(|name| format!("{name} = excluded.{name}")).collect();
    let conditions: Vec<&str> = conditions.iter().copied().flatten().collect();
    let conditions = if conditions.is_empty() { "true".to_owned() } else { conditions.join(" AND ") };
    format!(
        "{} WHERE true ON CONFLICT ({}) DO UPDATE SET {} WHERE {conditions}",
        insertion(bulk, table),
        table.key.join(", "),
        written.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Database;
    use crate::elearning;
    use crate::target::Target;

    #[tokio::test]
    async fn the_tables_that_were_made_first_have_their_columns_in_the_order_of_the_rows() {
        let database = Database::open("sqlite::memory:").await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        for projection in elearning::system().projections() {
            let table = projection.table();
            let names: Vec<&str> = table.definitions().map(|(name, _)| name).collect();
            let name = table.name;
            assert_eq!(database.columns(&mut transaction, name).await.unwrap(), names, "{name}");
        }
    }

    #[tokio::test]
    async fn what_is_inserted_is_not_written_over_what_is_there() {
        let database = Database::open("sqlite::memory:").await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        let table = Table {
            name: "words",
            key: &["id"],
            columns: "id TEXT NOT NULL, word TEXT NOT NULL",
            indexes: &[],
        };
        Target { name: "words".into(), table: "words".into() }
            .create(&database, &mut transaction, &table)
            .await
            .unwrap();
        let mut bulk = transaction.about("words").own();
        insert(&mut bulk, &table, &JsonRows::new(&[["1", "first"]])).await.unwrap();
        insert(&mut bulk, &table, &JsonRows::new(&[["1", "again"]])).await.unwrap_err();
        let word = sqlx::query_scalar::<_, String>("SELECT word FROM words");
        assert_eq!(word.fetch_all(transaction.connection()).await.unwrap(), ["first"]);
    }

    #[test]
    fn rows_behind_rows_are_one_array() {
        let (none, two, one) =
            (JsonRows::new(&[(); 0]), JsonRows::new(&[["a"], ["b"]]), JsonRows::new(&[["c"]]));
        let joined = |these: &JsonRows, those: &JsonRows| {
            let JsonRows { json, count } = these.and(those.clone());
            (json, count)
        };
        assert_eq!(joined(&two, &one), (r#"[["a"],["b"],["c"]]"#.to_owned(), 3));
        assert_eq!(joined(&none, &one), (r#"[["c"]]"#.to_owned(), 1));
        assert_eq!(joined(&two, &none), (r#"[["a"],["b"]]"#.to_owned(), 2));
        assert_eq!(joined(&none, &none), ("[]".to_owned(), 0));
    }
}
