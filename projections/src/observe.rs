//! Follows what other processes do to rows.

use std::sync::Arc;
use std::time::Duration;

use event_store::EventStore;
use sqlx::AnyConnection;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::checkpoint;
use crate::database::{ANSWER, Database, within};
use crate::healed;
use crate::parked;
use crate::progress::Progress;

/// How often the database is asked; an answer to `after=` comes that much later at most.
const POLL: Duration = Duration::from_millis(20);

/// How often it is asked for what operators healed.
const HEED: Duration = Duration::from_millis(500);

/// Publishes the checkpoint of these rows whenever it moves, until the token fires.
pub(crate) async fn observe(
    store: Arc<dyn EventStore>,
    database: Database,
    name: &'static str,
    publisher: watch::Sender<Progress>,
    shutdown: CancellationToken,
) {
    loop {
        let seen = look(&database, name).await;
        let head = store.head().await.ok().flatten();
        publisher.send_if_modified(|progress| {
            let before = progress.clone();
            progress.head = head.max(progress.head);
            match seen {
                Ok((found, parked, healed)) => {
                    progress.trouble = None;
                    (progress.parked, progress.healed) = (parked, healed);
                    match found {
                        Some(found) if found.store == store.id() => {
                            progress.considered = found.position();
                            progress.changed = found.position();
                            progress.stopped = None;
                        }
                        Some(found) => {
                            let reason = format!("the rows were made from another log, {}", found.store);
                            progress.stopped = Some(reason);
                        }
                        None => progress.trouble = Some("no worker has made these rows yet".to_owned()),
                    }
                }
                Err(error) => progress.trouble = Some(error.to_string()),
            }
            *progress != before
        });
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(POLL) => {}
        }
    }
}

/// Publishes what operators heal of these rows, in another process than the one that makes them, until
/// the token fires.
pub(crate) async fn heed(
    database: Database,
    name: &'static str,
    publisher: Arc<watch::Sender<Progress>>,
    shutdown: CancellationToken,
) {
    while !shutdown.is_cancelled() {
        // Without an answer the worker is in trouble too, and says so.
        let seen = within(ANSWER, async {
            let mut connection = database.readers().acquire().await?;
            let seen = care(&mut connection, name).await?;
            connection.rest();
            Ok::<_, sqlx::Error>(seen)
        });
        if let Ok((parked, healed)) = seen.await {
            publisher.send_if_modified(|progress| {
                let news = progress.healed < healed;
                if news {
                    (progress.parked, progress.healed) = (parked, healed);
                }
                news
            });
        }
        tokio::select! {
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(HEED) => {}
        }
    }
}

async fn look(
    database: &Database,
    name: &str,
) -> Result<(Option<checkpoint::Checkpoint>, usize, i64), sqlx::Error> {
    within(ANSWER, async {
        let mut connection = database.readers().acquire().await?;
        // In this order: what was healed is never older than where the rows are.
        let found = checkpoint::find(&mut connection, name).await?;
        let (parked, healed) = care(&mut connection, name).await?;
        connection.rest();
        Ok((found, parked, healed))
    })
    .await
}

/// How many keys wait for an operator, and the number of the last row that one healed.
async fn care(connection: &mut AnyConnection, name: &str) -> Result<(usize, i64), sqlx::Error> {
    // In this order: what is parked is never older than what was healed.
    let healed = healed::last(connection, name).await?;
    Ok((parked::keys(connection, name).await?.len(), healed))
}
