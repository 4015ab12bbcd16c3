//! New rows take the place of the live ones, and back.

use std::sync::Arc;
use std::time::Instant;

use event_store::{EventStore, Position};
use serde::Serialize;

use super::compare::compare;
use super::{Outcome, Purpose, Replay, ReplayError, insist};
use crate::checkpoint;
use crate::database::Database;
use crate::parked;
use crate::projection::Projection;
use crate::target::Target;

/// What is live after a way back was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolledBack {
    /// The version of the rows that are live now. A program of another version must not run them.
    pub version: u32,
    /// Where they are; the worker brings them up from there.
    pub position: Option<Position>,
    /// The version of the rows that were live, and are kept in their stead.
    pub kept: u32,
}

impl Replay {
    /// With the live rows held: brings in the rest, compares, switches or throws away. Readers see
    /// the one table or the other, whole.
    pub(super) async fn finish(&self, accept: bool) -> Result<Outcome, ReplayError> {
        let (live, previous) = (Target::live(&*self.projection), self.previous());
        let mut transaction = self.database.begin().await?;
        transaction.be_patient().await?;
        let held = Instant::now();
        let before = checkpoint::hold(&mut transaction, &live.name).await?;
        let built = checkpoint::hold(&mut transaction, &self.target.name).await?;
        let built = built.ok_or(ReplayError::Shared)?;
        let of_this_log = before.as_ref().filter(|before| before.store == self.store.id());
        let mut position = built.position();
        let mut comparison = None;
        if let Some(before) = of_this_log {
            if !built.positions.reach(&before.positions) {
                self.bring_rest(&mut transaction, &built.positions, &before.positions).await?;
                position = before.position();
            }
            let table = self.projection.table();
            let found = compare(&self.database, &mut transaction, &table, &live, &self.target).await?;
            comparison = Some(found);
        }
        let parked = parked::keys(transaction.connection(), &self.target.name).await?.len();
        let equal = comparison.as_ref().map_or(before.is_none(), super::Comparison::is_equal);
        let switched = self.purpose == Purpose::Next && (equal || accept);
        if switched {
            previous.drop(&mut transaction).await?;
            if before.is_some() {
                live.rename(&previous, &mut transaction).await?;
            } else {
                live.drop(&mut transaction).await?;
            }
            self.target.rename(&live, &mut transaction).await?;
        } else if self.purpose == Purpose::Verify {
            self.discard_in(&mut transaction).await?;
        }
        transaction.commit().await?;
        let held_ms = held.elapsed().as_millis() as u64;
        Ok(Outcome { comparison, switched, position, parked, held_ms })
    }

    fn previous(&self) -> Target {
        previous(&*self.projection)
    }
}

fn previous(projection: &dyn Projection) -> Target {
    Target::beside(projection, "previous")
}

/// Makes the rows live again that were before the last switch, and keeps those that are live now in
/// their stead. Rows that this program can bring up to date are, first, so that no reader sees older
/// ones than before.
///
/// # Errors
/// [`ReplayError::Missing`] when none are kept; every other [`ReplayError`].
pub async fn rollback(
    store: Arc<dyn EventStore>,
    database: &Database,
    projection: Arc<dyn Projection>,
) -> Result<RolledBack, ReplayError> {
    insist(|| take_back(Arc::clone(&store), database, Arc::clone(&projection))).await
}

async fn take_back(
    store: Arc<dyn EventStore>,
    database: &Database,
    projection: Arc<dyn Projection>,
) -> Result<RolledBack, ReplayError> {
    let (live, previous) = (Target::live(&*projection), previous(&*projection));
    let aside = Target::beside(&*projection, "aside");
    let mut transaction = database.begin().await?;
    transaction.be_patient().await?;
    let now = checkpoint::hold(&mut transaction, &live.name).await?;
    let kept = checkpoint::hold(&mut transaction, &previous.name).await?;
    let missing = || {
        let name = projection.name();
        ReplayError::Missing(format!("no earlier rows of {name} are kept: there was no switch to take back"))
    };
    let (now, kept) = (now.ok_or_else(missing)?, kept.ok_or_else(missing)?);
    let mut position = kept.position();
    let fits = kept.version == projection.version() && kept.store == store.id();
    if fits && !kept.positions.reach(&now.positions) {
        let mut replay =
            Replay::new(Arc::clone(&store), database.clone(), Arc::clone(&projection), Purpose::Next);
        replay.target = previous.clone();
        replay.bring_rest(&mut transaction, &kept.positions, &now.positions).await?;
        position = now.position();
    }
    live.rename(&aside, &mut transaction).await?;
    previous.rename(&live, &mut transaction).await?;
    aside.rename(&previous, &mut transaction).await?;
    transaction.commit().await?;
    Ok(RolledBack { version: kept.version, position, kept: now.version })
}
