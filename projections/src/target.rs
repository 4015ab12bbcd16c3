//! Which rows a worker makes: the live ones, or others beside them.

use sqlx::AssertSqlSafe;

use crate::database::{Database, Transaction};
use crate::projection::{Projection, Table};

/// Where the rows of a projection go, and under which name its checkpoint is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// The name of the checkpoint and of what is parked: `my_page`, or `my_page~next`.
    pub(crate) name: String,
    /// The table: `my_page`, or `my_page__next`.
    pub(crate) table: String,
}

impl Target {
    /// The rows that queries read.
    pub(crate) fn live(projection: &dyn Projection) -> Self {
        Self { name: projection.name().to_owned(), table: projection.table().name.to_owned() }
    }

    /// Rows beside them, which nobody reads under this name.
    pub(crate) fn beside(projection: &dyn Projection, word: &str) -> Self {
        Self {
            name: format!("{}~{word}", projection.name()),
            table: format!("{}__{word}", projection.table().name),
        }
    }

    /// Makes its table anew, empty; the indexes come when it is full.
    pub(crate) async fn create(
        &self,
        database: &Database,
        transaction: &mut Transaction,
        table: &Table,
    ) -> Result<(), sqlx::Error> {
        self.drop(transaction).await?;
        let columns = database.define(table.columns);
        let statement =
            format!("CREATE TABLE {} ({columns}, PRIMARY KEY ({}))", self.table, table.key.join(", "));
        sqlx::query(AssertSqlSafe(statement)).execute(transaction.connection()).await?;
        Ok(())
    }

    /// Makes the indexes. Their names never meet those of another table: a table is renamed, its
    /// indexes are not.
    pub(crate) async fn index(
        &self,
        transaction: &mut Transaction,
        table: &Table,
    ) -> Result<(), sqlx::Error> {
        for (name, columns) in table.indexes {
            let unique = uuid::Uuid::new_v4().simple();
            let statement =
                format!("CREATE INDEX {}_{name}_{unique} ON {} ({columns})", table.name, self.table);
            sqlx::query(AssertSqlSafe(statement)).execute(transaction.connection()).await?;
        }
        Ok(())
    }

    /// Removes table, checkpoint and what is parked.
    pub(crate) async fn drop(&self, transaction: &mut Transaction) -> Result<(), sqlx::Error> {
        let statement = format!("DROP TABLE IF EXISTS {}", self.table);
        sqlx::query(AssertSqlSafe(statement)).execute(transaction.connection()).await?;
        for statement in
            ["DELETE FROM checkpoints WHERE projection = $1", "DELETE FROM parked WHERE projection = $1"]
        {
            sqlx::query(statement).bind(&self.name).execute(transaction.connection()).await?;
        }
        Ok(())
    }

    /// Gives everything of it another name. Nothing of that name may be there.
    pub(crate) async fn rename(&self, to: &Self, transaction: &mut Transaction) -> Result<(), sqlx::Error> {
        let statement = format!("ALTER TABLE {} RENAME TO {}", self.table, to.table);
        sqlx::query(AssertSqlSafe(statement)).execute(transaction.connection()).await?;
        for statement in [
            "UPDATE checkpoints SET projection = $2 WHERE projection = $1",
            "UPDATE parked SET projection = $2 WHERE projection = $1",
        ] {
            let renamed = sqlx::query(statement).bind(&self.name).bind(&to.name);
            renamed.execute(transaction.connection()).await?;
        }
        Ok(())
    }
}
