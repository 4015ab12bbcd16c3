use sqlx::Any;

use super::Dialect;
use super::bulk::{Bulk, Session};

/// A write that happens as a whole or not at all.
pub(crate) struct Transaction {
    inner: sqlx::Transaction<'static, Any>,
    dialect: &'static Dialect,
}

impl Transaction {
    pub(super) fn new(inner: sqlx::Transaction<'static, Any>, dialect: &'static Dialect) -> Self {
        Self { inner, dialect }
    }

    /// For the statements about one row.
    pub(crate) fn connection(&mut self) -> &mut sqlx::AnyConnection {
        &mut self.inner
    }

    /// For the statements about many rows of the tables that projections share.
    pub(crate) fn bulk(&mut self) -> Bulk<'_> {
        self.about("")
    }

    /// For the statements about many rows of this table, which they call `{table}`.
    pub(crate) fn about<'t>(&'t mut self, table: &'t str) -> Bulk<'t> {
        Bulk::new(Session::Any(&mut self.inner), self.dialect, table)
    }

    /// Takes as long as it takes: no server ends it for being slow, and it may read whole tables.
    pub(crate) async fn be_patient(&mut self) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(self.dialect.patient).execute(&mut *self.inner).await.map(drop)
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await
    }
}
