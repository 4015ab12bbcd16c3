//! Statements over many rows at once.

use std::borrow::Cow;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, PgConnection};

use super::Dialect;
use super::rows::{self, COPY};
use crate::projection::Table;

/// How much of the rows is handed to the driver at once.
const PART: usize = 1 << 20;

/// Statements over many rows at once, in a transaction and about the table that a projection is to write
/// at the moment, which in a replay is not the one that is read.
pub struct Bulk<'t> {
    session: Session<'t>,
    dialect: &'static Dialect,
    table: &'t str,
    own: bool,
}

/// Where the transaction is.
pub(super) enum Session<'t> {
    Any(&'t mut AnyConnection),
    Postgres(&'t mut PgConnection),
}

impl<'t> Bulk<'t> {
    pub(super) fn new(session: Session<'t>, dialect: &'static Dialect, table: &'t str) -> Self {
        Self { session, dialect, table, own: false }
    }

    /// The same about a table that nobody but whoever says this has ever written, and each event once.
    pub(crate) fn own(mut self) -> Self {
        self.own = true;
        self
    }

    /// Whether what begins with an event has certainly no row in the table before it.
    pub(crate) fn owns_table(&self) -> bool {
        self.own
    }

    /// Runs a statement over many rows. `{rows}` stands for a table `r` with one column `value`: the
    /// elements of this JSON array, each an array itself; `{table}` for the table.
    ///
    /// # Errors
    /// When the database does not answer or does not take it.
    pub async fn write(&mut self, statement: &str, rows: String) -> Result<(), sqlx::Error> {
        self.write_counted(statement, rows).await.map(drop)
    }

    /// The same, and how many rows it was.
    pub(crate) async fn write_counted(&mut self, statement: &str, rows: String) -> Result<u64, sqlx::Error> {
        self.execute(statement, &without_nul(&rows)).await
    }

    /// Runs a statement over rows with all columns of the table. `{whole}` stands for a table `r` of the
    /// elements of this JSON array, whose columns [`whole_column`](Self::whole_column) knows. Gives
    /// back how many rows were written.
    pub(crate) async fn write_whole(&mut self, statement: &str, rows: &str) -> Result<u64, sqlx::Error> {
        let encode = self.dialect.whole.encode;
        self.execute(statement, &encode(&without_nul(rows))).await
    }

    async fn execute(&mut self, statement: &str, rows: &str) -> Result<u64, sqlx::Error> {
        let statement = self.fill(statement);
        let written = match &mut self.session {
            Session::Any(connection) => {
                let done = sqlx::query(statement).bind(rows).execute(&mut **connection).await;
                done.map(|done| done.rows_affected())
            }
            Session::Postgres(connection) => {
                let done = sqlx::query(statement).bind(rows).execute(&mut **connection).await;
                done.map(|done| done.rows_affected())
            }
        };
        written.map_err(without_data)
    }

    /// A column of `{whole}`, by its place, its name and its type.
    pub(crate) fn whole_column(&self, at: usize, name: &str, kind: &str) -> String {
        (self.dialect.whole.column)(at, name, kind)
    }

    /// Adds whole rows, of which none has a key that is there, if this transaction can do so without a
    /// statement over them; whether it did.
    pub(crate) async fn copy(&mut self, table: &Table, rows: &str) -> Result<bool, sqlx::Error> {
        let Session::Postgres(connection) = &mut self.session else { return Ok(false) };
        let statement = format!("COPY {} ({}) FROM STDIN", self.table, table.names());
        let mut copy = connection.copy_in_raw(&statement).await?;
        for part in rows::write(&without_nul(rows), &COPY).as_bytes().chunks(PART) {
            copy.send(part).await?;
        }
        copy.finish().await.map_err(without_data)?;
        Ok(true)
    }

    /// Reads by many keys. `{in_keys}` behind a column says that it is one of the elements of this JSON array
    /// of texts, `{table}` is as in [`write`](Self::write); with `{held}` at its end nobody else can write what is read
    /// until the transaction ends.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&mut self, statement: &str, keys: String) -> Result<Vec<AnyRow>, sqlx::Error> {
        let statement = self.fill(statement);
        match &mut self.session {
            Session::Any(connection) => sqlx::query(statement).bind(keys).fetch_all(&mut **connection).await,
            Session::Postgres(connection) => {
                let rows = sqlx::query(statement).bind(keys).fetch_all(&mut **connection).await?;
                rows.iter().map(AnyRow::try_from).collect()
            }
        }
    }

    /// These columns as one JSON array.
    pub(crate) fn array(&self, columns: &str) -> String {
        self.dialect.array(columns)
    }

    fn fill(&self, statement: &str) -> AssertSqlSafe<String> {
        let dialect = self.dialect;
        let statement = statement.replace("{rows}", dialect.rows).replace("{whole}", dialect.whole.rows);
        let statement = statement.replace("{in_keys}", dialect.in_keys);
        AssertSqlSafe(statement.replace("{held}", dialect.held).replace("{table}", self.table))
    }
}

/// An error as the operator may read it: where Postgres quotes the value that it does not understand, which is
/// somebody's name and address, only what is wrong with it and the code.
fn without_data(error: sqlx::Error) -> sqlx::Error {
    let Some(refused) = error.as_database_error() else { return error };
    match refused.code() {
        // "Data Exception" (Postgres, appendix A).
        Some(code) if code.len() == 5 && code.starts_with("22") => {
            let wrong = refused.message().split('"').next().unwrap_or_default().trim_end_matches([':', ' ']);
            sqlx::Error::Encode(format!("{wrong} ({code})").into())
        }
        _ => error,
    }
}

/// A text of Postgres cannot hold the character NUL; it is shown as the replacement character, in
/// both databases, so that one student's name cannot stop a read model.
pub(super) fn without_nul(json: &str) -> Cow<'_, str> {
    const NUL: &str = "\\u0000";
    if !json.contains(NUL) {
        return Cow::Borrowed(json);
    }
    let mut clean = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find(NUL) {
        let before = &rest[..at];
        // An even number of backslashes before it: they escape each other, and this one begins.
        let escapes = before.len() - before.trim_end_matches('\\').len();
        clean.push_str(before);
        clean.push_str(if escapes.is_multiple_of(2) { "\\ufffd" } else { NUL });
        rest = &rest[at + NUL.len()..];
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_real_nul_is_replaced() {
        assert_eq!(without_nul(r#"["a\u0000b"]"#), r#"["a\ufffdb"]"#);
        assert_eq!(without_nul(r#"["a\\u0000b"]"#), r#"["a\\u0000b"]"#);
        assert_eq!(without_nul(r#"["\\\u0000\u0000"]"#), r#"["\\\ufffd\ufffd"]"#);
    }
}
