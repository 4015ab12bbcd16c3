//! Who takes part in a projection, and who has which partitions of it, as the database knows it.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use crate::database::{Database, Transaction};
use crate::lease::{Sharing, Tokens};
use crate::partition::PARTITIONS;
use crate::projection::Projection;

/// One process among those that share a projection.
pub(crate) struct Membership {
    projection: &'static str,
    holder: String,
    /// How long a lease lasts, in milliseconds.
    lease: i64,
}

/// What a process has after a round.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// Its leases,
    pub(crate) leases: Tokens,
    /// and those of them that it should give up, so that others get their share.
    pub(crate) surplus: BTreeSet<u8>,
}

/// A partition, as a process sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lease {
    Mine,
    Free,
    Theirs,
}

impl Membership {
    pub(crate) fn new(projection: &dyn Projection, sharing: &Sharing) -> Self {
        let lease = i64::try_from(sharing.lease.as_millis()).unwrap_or(i64::MAX / 2);
        Self { projection: projection.name(), holder: sharing.holder.clone(), lease }
    }

    /// Says that this process is alive, renews what it has, and takes what is free up to its share.
    pub(crate) async fn renew(&self, database: &Database) -> Result<Held, sqlx::Error> {
        let mut transaction = database.begin().await?;
        // Others wait here until this round is over.
        let leases = self.look(database, &mut transaction).await?;
        let members = self.enrol(database, &mut transaction).await?;
        let (wanted, surplus) = share_out(&leases, members);
        let leases = self.take(database, &mut transaction, &wanted).await?;
        transaction.commit().await?;
        Ok(Held { leases, surplus })
    }

    /// Lets others have these.
    pub(crate) async fn give_up(
        &self,
        database: &Database,
        surplus: &BTreeSet<u8>,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = database.begin().await?;
        let statement = format!(
            "UPDATE leases SET expires = 0 WHERE projection = $1 AND holder = $2 AND partition IN ({})",
            list(surplus)
        );
        self.execute(&mut transaction, statement).await?;
        transaction.commit().await
    }

    /// Takes part no more.
    pub(crate) async fn leave(&self, database: &Database) -> Result<(), sqlx::Error> {
        let mut transaction = database.begin().await?;
        self.look(database, &mut transaction).await?;
        for statement in [
            "UPDATE leases SET expires = 0 WHERE projection = $1 AND holder = $2",
            "DELETE FROM members WHERE projection = $1 AND holder = $2",
        ] {
            self.execute(&mut transaction, statement.to_owned()).await?;
        }
        transaction.commit().await
    }

    /// Every partition in order, held until the transaction ends.
    async fn look(
        &self,
        database: &Database,
        transaction: &mut Transaction,
    ) -> Result<Vec<Lease>, sqlx::Error> {
        let now = database.now();
        let statement = format!(
            "SELECT holder, CASE WHEN expires < {now} THEN 1 ELSE 0 END FROM leases
             WHERE projection = $1 ORDER BY partition {{held}}"
        );
        let mut rows = transaction.bulk().read(&statement, self.projection.to_owned()).await?;
        if rows.is_empty() {
            let partitions: Vec<String> =
                (0..PARTITIONS).map(|number| format!("($1, {number}, '', 0, 0)")).collect();
            let first = format!(
                "INSERT INTO leases (projection, partition, holder, token, expires) VALUES {}
                 ON CONFLICT (projection, partition) DO NOTHING",
                partitions.join(", ")
            );
            let first = sqlx::query(AssertSqlSafe(first)).bind(self.projection);
            first.execute(transaction.connection()).await?;
            rows = transaction.bulk().read(&statement, self.projection.to_owned()).await?;
        }
        let lease = |row: &AnyRow| {
            let (holder, ended): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            Ok(match ended {
                // Nobody else has taken it.
                _ if holder == self.holder => Lease::Mine,
                0 => Lease::Theirs,
                _ => Lease::Free,
            })
        };
        rows.iter().map(lease).collect()
    }

    /// How many take part, this one included.
    async fn enrol(&self, database: &Database, transaction: &mut Transaction) -> Result<usize, sqlx::Error> {
        let now = database.now();
        let enrol = format!(
            "INSERT INTO members (projection, holder, expires) VALUES ($1, $2, {now} + {})
             ON CONFLICT (projection, holder) DO UPDATE SET expires = excluded.expires",
            self.lease
        );
        self.execute(transaction, enrol).await?;
        let gone = format!("DELETE FROM members WHERE projection = $1 AND holder <> $2 AND expires < {now}");
        self.execute(transaction, gone).await?;
        let count = sqlx::query_scalar("SELECT COUNT(*) FROM members WHERE projection = $1");
        let count: i64 = count.bind(self.projection).fetch_one(transaction.connection()).await?;
        Ok(usize::try_from(count).unwrap_or(1))
    }

    /// Takes these, or keeps them; the token grows with every change of hands.
    async fn take(
        &self,
        database: &Database,
        transaction: &mut Transaction,
        wanted: &BTreeSet<u8>,
    ) -> Result<Tokens, sqlx::Error> {
        if wanted.is_empty() {
            return Ok(Tokens::new());
        }
        let take = format!(
            "UPDATE leases SET holder = $2, expires = {} + {},
                 token = CASE WHEN holder = $2 THEN token ELSE token + 1 END
             WHERE projection = $1 AND partition IN ({}) RETURNING partition, token",
            database.now(),
            self.lease,
            list(wanted)
        );
        let take = sqlx::query(AssertSqlSafe(take)).bind(self.projection).bind(&self.holder);
        let token = |row: &AnyRow| Ok((row.try_get::<i64, _>(0)? as u8, row.try_get(1)?));
        take.fetch_all(transaction.connection()).await?.iter().map(token).collect()
    }

    async fn execute(&self, transaction: &mut Transaction, statement: String) -> Result<(), sqlx::Error> {
        let query = sqlx::query(AssertSqlSafe(statement)).bind(self.projection).bind(&self.holder);
        query.execute(transaction.connection()).await.map(drop)
    }
}

/// Who works on what at the moment, by projection and partition.
pub(crate) async fn holders(
    database: &Database,
    connection: &mut AnyConnection,
) -> Result<BTreeMap<(String, u8), String>, sqlx::Error> {
    let now = database.now();
    let statement = format!("SELECT projection, partition, holder FROM leases WHERE expires >= {now}");
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(connection).await?;
    let holder = |row: &AnyRow| Ok(((row.try_get(0)?, row.try_get::<i64, _>(1)? as u8), row.try_get(2)?));
    rows.iter().map(holder).collect()
}

fn list(partitions: &BTreeSet<u8>) -> String {
    let partitions: Vec<String> = partitions.iter().map(u8::to_string).collect();
    partitions.join(", ")
}

/// Which partitions a process has from now on, and which of them are more than its fair share of them
/// all. The last ones go first, so that most stay where they are.
fn share_out(leases: &[Lease], members: usize) -> (BTreeSet<u8>, BTreeSet<u8>) {
    let fair = leases.len().div_ceil(members.max(1));
    let these = |wanted: Lease| {
        let leases = (0..).zip(leases).filter(move |(_, lease)| **lease == wanted);
        leases.map(|(partition, _): (u8, _)| partition)
    };
    let mine = these(Lease::Mine);
    let surplus = mine.clone().skip(fair).collect();
    let room = fair.saturating_sub(mine.clone().count());
    (mine.chain(these(Lease::Free).take(room)).collect(), surplus)
}

#[cfg(test)]
mod tests {
    use super::Lease::{Free, Mine, Theirs};
    use super::*;

    fn shared(leases: [Lease; 8], members: usize) -> (Vec<u8>, Vec<u8>) {
        let (held, surplus) = share_out(&leases, members);
        (held.into_iter().collect(), surplus.into_iter().collect())
    }

    /// G3: whoever is alone does everything.
    #[test]
    fn one_process_takes_all_that_is_free() {
        assert_eq!(shared([Free; 8], 1), ((0..8).collect(), vec![]));
    }

    /// G3: when others come, what is too much is given up; nothing is taken from anybody.
    #[test]
    fn whoever_has_more_than_its_share_gives_up_the_rest() {
        assert_eq!(shared([Mine; 8], 3), ((0..8).collect(), (3..8).collect()));
        assert_eq!(shared([Theirs; 8], 3), (vec![], vec![]));
        let given_up = [Theirs, Theirs, Theirs, Free, Free, Free, Free, Free];
        assert_eq!(shared(given_up, 3), (vec![3, 4, 5], vec![]));
        let rest = [Theirs, Theirs, Theirs, Theirs, Theirs, Theirs, Free, Free];
        assert_eq!(shared(rest, 3), (vec![6, 7], vec![]));
    }

    /// G3: what nobody renews is taken over, up to the share of those who are left.
    #[test]
    fn what_a_process_left_behind_is_taken_over() {
        let one_died = [Mine, Mine, Mine, Free, Free, Free, Theirs, Theirs];
        assert_eq!(shared(one_died, 2), ((0..4).collect(), vec![]));
    }
}
