use std::borrow::Cow;

use sqlx::any::AnyRow;
use sqlx::{Any, AssertSqlSafe};

use super::Dialect;

/// A write that happens as a whole or not at all.
pub struct Transaction {
    inner: sqlx::Transaction<'static, Any>,
    dialect: &'static Dialect,
    table: String,
    /// Whether nobody else has ever written that table.
    own: bool,
}

impl Transaction {
    pub(super) fn new(inner: sqlx::Transaction<'static, Any>, dialect: &'static Dialect) -> Self {
        Self { inner, dialect, table: String::new(), own: false }
    }

    /// What `{table}` stands for from here on.
    pub(crate) fn about(&mut self, table: &str) {
        self.table.clear();
        self.table.push_str(table);
        self.own = false;
    }

    /// The same for a table that nobody but whoever says this has ever written, and each event once.
    pub(crate) fn about_own(&mut self, table: &str) {
        self.about(table);
        self.own = true;
    }

    /// Whether what begins with an event has certainly no row in the table before it.
    pub(crate) fn owns_table(&self) -> bool {
        self.own
    }

    /// Runs a statement over many rows at once. `{rows}` stands for a table `r` with one column
    /// `value`: the elements of this JSON array, each an array itself; `{table}` for the table that
    /// the projection is to write at the moment, which in a replay is not the one that is read.
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
        let done = sqlx::query(statement).bind(rows).execute(&mut *self.inner).await;
        done.map(|done| done.rows_affected()).map_err(without_data)
    }

    /// A column of `{whole}`, by its place, its name and its type.
    pub(crate) fn whole_column(&self, at: usize, name: &str, kind: &str) -> String {
        (self.dialect.whole.column)(at, name, kind)
    }

    /// Reads by many keys at once. `{keys}` stands for a list of the elements of this JSON array of
    /// texts, `{table}` as in [`write`](Self::write); with `{held}` at its end nobody else can write what
    /// is read until the transaction ends.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn read(&mut self, statement: &str, keys: String) -> Result<Vec<AnyRow>, sqlx::Error> {
        let statement = self.fill(statement);
        sqlx::query(statement).bind(keys).fetch_all(&mut *self.inner).await
    }

    /// These columns as one JSON array.
    pub(crate) fn array(&self, columns: &str) -> String {
        self.dialect.array(columns)
    }

    /// For the statements about one row.
    pub fn connection(&mut self) -> &mut sqlx::AnyConnection {
        &mut self.inner
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await
    }

    /// Takes as long as it takes: no server ends it for being slow.
    pub(crate) async fn be_patient(&mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(self.dialect.patient).execute(&mut *self.inner).await.map(drop)
    }

    /// Its commit need not wait for the disk: a power cut may take back the last of those, whole, and what is
    /// in them can be made again.
    pub(crate) async fn relax(&mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(self.dialect.relaxed).execute(&mut *self.inner).await.map(drop)
    }

    fn fill(&self, statement: &str) -> AssertSqlSafe<String> {
        let dialect = self.dialect;
        let statement = statement.replace("{rows}", dialect.rows).replace("{whole}", dialect.whole.rows);
        let statement = statement.replace("{keys}", dialect.keys);
        AssertSqlSafe(statement.replace("{held}", dialect.held).replace("{table}", &self.table))
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
