//! Follows how far rows are that another process makes.

use std::sync::Arc;
use std::time::Duration;

use event_store::EventStore;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::checkpoint;
use crate::database::Database;
use crate::parked;
use crate::progress::Progress;

/// How often the database is asked; an answer to `after=` comes that much later at most.
const POLL: Duration = Duration::from_millis(20);

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
                Ok((found, parked)) => {
                    progress.trouble = None;
                    progress.parked = parked;
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

async fn look(
    database: &Database,
    name: &str,
) -> Result<(Option<checkpoint::Checkpoint>, usize), sqlx::Error> {
    let mut connection = database.readers().acquire().await?;
    let found = checkpoint::find(&mut connection, name).await?;
    let parked = parked::keys(&mut connection, name).await?.len();
    Ok((found, parked))
}
