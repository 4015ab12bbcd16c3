//! What there is in a database: live rows, new ones on their way, earlier ones.

use event_store::{EventStore, Position};
use serde::Serialize;

use crate::checkpoint;
use crate::database::Database;
use crate::membership;
use crate::parked;
use crate::system::System;

/// A set of rows, as operators see it without the process that makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RowSet {
    /// Its name: that of the projection, and behind a `~` what it is instead of live.
    pub name: String,
    /// The version of the projection that made it.
    pub version: u32,
    /// The last position that is in it.
    pub position: Option<Position>,
    /// How many positions it is behind the log.
    pub lag: u64,
    /// How many keys are parked.
    pub parked: usize,
    /// Whether queries read it.
    pub live: bool,
    /// Why it cannot be relied upon, should that be so.
    pub unhealthy: Option<String>,
    /// Its partitions, in order.
    pub partitions: Vec<Part>,
}

/// A partition of a set of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Its number.
    pub partition: u8,
    /// The last position that is in it.
    pub position: Option<Position>,
    /// The process that works on it, where processes share.
    pub holder: Option<String>,
}

/// Every set of rows of a system.
///
/// # Errors
/// When the database does not answer. A log that does not answer makes the rows unhealthy.
pub async fn overview(
    store: &dyn EventStore,
    database: &Database,
    system: &System,
) -> Result<Vec<RowSet>, sqlx::Error> {
    let head = store.head().await;
    let mut connection = database.readers().acquire().await?;
    let mut holders = membership::holders(database, &mut connection).await?;
    let mut rows = Vec::new();
    for found in checkpoint::all(&mut connection).await? {
        let name = found.name.split('~').next().unwrap_or_default();
        let live = name == found.name;
        let Some(projection) = system.projection(name) else { continue };
        let parked = parked::keys(&mut connection, &found.name).await?.len();
        let count = |position: Option<Position>| position.map_or(0, |position| position.0 + 1);
        let unhealthy = match &head {
            _ if !live => None,
            Err(error) => Some(error.to_string()),
            _ if found.store != store.id() => Some(format!(
                "made from another log, {}: if this one is a copy of it, `projections migrate --moved-from`",
                found.store
            )),
            Ok(head) if found.positions.most() > *head => Some("further than the log".to_owned()),
            _ if found.version != projection.version() => {
                let this = projection.version();
                Some(format!(
                    "version {}, and this program makes {this}: `projections replay {name}`",
                    found.version
                ))
            }
            _ => (parked > 0).then(|| format!("{parked} keys are parked: `projections parked list`")),
        };
        let lag = head.as_ref().map_or(0, |head| count(*head).saturating_sub(count(found.position())));
        let part = |(partition, position)| {
            let holder = holders.remove(&(found.name.clone(), partition));
            Part { partition, position, holder }
        };
        rows.push(RowSet {
            partitions: found.positions.iter().map(part).collect(),
            position: found.position(),
            name: found.name,
            version: found.version,
            lag,
            parked,
            live,
            unhealthy,
        });
    }
    connection.rest();
    Ok(rows)
}
