use sqlx::Postgres;

use super::bulk::{Bulk, Session};
use super::{Transaction, postgres};

/// A transaction that fills a table which nobody else knows yet. Its commit need not wait for the disk: a
/// power cut may take back the last of those, whole, and what is in them can be made again.
///
/// Through sqlx's `Any` no rows can be copied into a table, so on a server it has a connection of the
/// driver's own.
pub(crate) enum Load {
    File(Transaction),
    Server(sqlx::Transaction<'static, Postgres>),
}

impl Load {
    /// For the statements about many rows of this table.
    pub(crate) fn about_own<'t>(&'t mut self, table: &'t str) -> Bulk<'t> {
        match self {
            Self::File(transaction) => transaction.about(table),
            Self::Server(transaction) => Bulk::new(Session::Postgres(transaction), &postgres::DIALECT, table),
        }
        .own()
    }

    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::File(transaction) => transaction.commit().await,
            Self::Server(transaction) => transaction.commit().await,
        }
    }
}
