use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use event_store::EventStore;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::database::{Database, OpenError};
use crate::metrics::metrics;
use crate::observe::{heed, observe};
use crate::progress::{Progress, ProjectionStatus, Stillness};
use crate::projection::Projection;
use crate::query::{self, QueryOptions, Reads};
use crate::step_error::StepError;
use crate::system::System;
use crate::worker::Worker;

/// How often a database is tried that was not there at the start.
const RETRY: Duration = Duration::from_secs(1);

/// The read side of one system at work: its projections follow the log, its queries answer.
pub struct ReadSide {
    store: Arc<dyn EventStore>,
    database: Database,
    system: System,
    running: Vec<Running>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// One projection that is kept up.
struct Running {
    name: &'static str,
    version: u32,
    progress: watch::Receiver<Progress>,
    stillness: Stillness,
}

impl ReadSide {
    /// Takes up every projection of the system where it was, and lets each follow the log on its
    /// own until the token fires.
    ///
    /// # Errors
    /// [`StepError::Refused`] when the database was made from another log, another version or a
    /// longer log; [`StepError::Database`] when it does not answer.
    pub async fn start(
        store: Arc<dyn EventStore>,
        database: Database,
        system: &System,
        shutdown: CancellationToken,
    ) -> Result<Self, StepError> {
        let mut workers = Vec::new();
        for projection in system.projections() {
            let (name, version) = (projection.name(), projection.version());
            let worker = Worker::open(Arc::clone(&store), database.clone(), projection).await?;
            workers.push((name, version, worker));
        }
        // Nothing runs unless everything may.
        let tasks = TaskTracker::new();
        let mut running = Vec::new();
        for (name, version, mut worker) in workers {
            let (publisher, progress) = watch::channel(Progress::default());
            let publisher = Arc::new(publisher);
            worker.tell(&publisher);
            running.push(Running { name, version, progress, stillness: Stillness::default() });
            tasks.spawn(heed(database.clone(), name, Arc::clone(&publisher), shutdown.clone()));
            tasks.spawn(watched(worker, publisher, shutdown.clone()));
        }
        tasks.close();
        Ok(Self { store, database, system: system.clone(), running, tasks, shutdown })
    }

    /// The same with a database by its URL. A server need not be there yet: until it is, queries are
    /// answered by 503 and the status says why; then the rows catch up by themselves.
    ///
    /// # Errors
    /// Every [`StartError`]; once a server is there, what it refuses then stands in the status.
    pub async fn open(
        store: Arc<dyn EventStore>,
        url: &str,
        system: &System,
        shutdown: CancellationToken,
    ) -> Result<Self, StartError> {
        let (database, there) = Database::open_if_there(url).await?;
        if there {
            return Ok(Self::start(store, database, system, shutdown).await?);
        }
        tracing::warn!("the read model does not answer; queries wait for it, nothing else does");
        let tasks = TaskTracker::new();
        let mut running = Vec::new();
        for projection in system.projections() {
            let (publisher, progress) = watch::channel(Progress::default());
            let (name, version, publisher) = (projection.name(), projection.version(), Arc::new(publisher));
            running.push(Running { name, version, progress, stillness: Stillness::default() });
            tasks.spawn(heed(database.clone(), name, Arc::clone(&publisher), shutdown.clone()));
            let (store, database) = (Arc::clone(&store), database.clone());
            tasks.spawn(when_there(store, database, projection, publisher, shutdown.clone()));
        }
        tasks.close();
        Ok(Self { store, database, system: system.clone(), running, tasks, shutdown })
    }

    /// Answers the queries over rows that other processes make.
    pub fn observe(
        store: Arc<dyn EventStore>,
        database: Database,
        system: &System,
        shutdown: CancellationToken,
    ) -> Self {
        let tasks = TaskTracker::new();
        let mut running = Vec::new();
        for projection in system.projections() {
            let (publisher, progress) = watch::channel(Progress::default());
            let (name, version) = (projection.name(), projection.version());
            running.push(Running { name, version, progress, stillness: Stillness::default() });
            let (store, database) = (Arc::clone(&store), database.clone());
            tasks.spawn(observe(store, database, name, publisher, shutdown.clone()));
        }
        tasks.close();
        Self { store, database, system: system.clone(), running, tasks, shutdown }
    }

    /// The queries, with default options. No path of it has a fallback, so it can be merged with
    /// routes that write.
    pub fn router(&self) -> Router {
        self.router_with(QueryOptions::default())
    }

    /// The queries.
    pub fn router_with(&self, options: QueryOptions) -> Router {
        query::router(&self.system, |projection| {
            let running = self.running.iter().find(|running| running.name == projection);
            let Running { name, progress, .. } = running.expect("every projection of the system runs");
            Reads {
                projection: name,
                database: self.database.clone(),
                store: Arc::clone(&self.store),
                progress: progress.clone(),
                options: options.clone(),
                shutdown: self.shutdown.clone(),
            }
        })
    }

    /// Where a projection is, and the news of it; `None` when the system has none of this name.
    pub fn progress(&self, projection: &str) -> Option<watch::Receiver<Progress>> {
        self.running.iter().find(|running| running.name == projection).map(|running| running.progress.clone())
    }

    /// Where every projection is.
    pub async fn status(&self) -> Vec<ProjectionStatus> {
        // Without an answer the head is what the workers last heard.
        let head = self.store.head().await.ok().flatten();
        let status = |running: &Running| {
            let progress = running.progress.borrow().clone();
            ProjectionStatus {
                name: running.name,
                version: running.version,
                position: progress.considered,
                head: head.max(progress.head),
                lag: progress.lag(head),
                parked: progress.parked,
                unhealthy: running.stillness.unhealthy(&progress, head),
                trouble: progress.trouble,
                stopped: progress.stopped,
            }
        };
        self.running.iter().map(status).collect()
    }

    /// The same as monitoring systems read it (OpenMetrics text). What is to follow is left to the caller,
    /// the end mark included.
    pub async fn metrics(&self) -> String {
        metrics(&self.status().await)
    }

    /// Waits until every worker has ended: after the token fired, when it has written its last
    /// checkpoint; or before, when each has given up.
    pub async fn stopped(&self) {
        self.tasks.wait().await;
    }
}

/// Why a read side did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its database cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A projection cannot go on from its checkpoint.
    #[error(transparent)]
    Step(#[from] StepError),
}

impl StartError {
    /// Whether another try may help.
    fn is_passing(&self) -> bool {
        match self {
            Self::Open(error) => matches!(error, OpenError::Unavailable(_)),
            Self::Step(error) => error.is_passing(),
        }
    }
}

/// Follows the log as soon as the database is there, and says why it does not until then.
async fn when_there(
    store: Arc<dyn EventStore>,
    database: Database,
    projection: Arc<dyn Projection>,
    publisher: Arc<watch::Sender<Progress>>,
    shutdown: CancellationToken,
) {
    let open = async || {
        database.migrate().await?;
        Ok::<_, StartError>(
            Worker::open(Arc::clone(&store), database.clone(), Arc::clone(&projection)).await?,
        )
    };
    let name = projection.name();
    let mut worker = loop {
        match open().await {
            Ok(worker) => break worker,
            Err(error) if error.is_passing() => {
                tracing::warn!(projection = name, %error, "a projection waits for better times");
                publisher.send_modify(|progress| progress.trouble = Some(error.to_string()));
            }
            Err(error) => {
                tracing::error!(projection = name, %error, "a projection cannot start");
                publisher.send_modify(|progress| progress.stopped = Some(error.to_string()));
                return;
            }
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(RETRY) => {}
        }
    };
    worker.tell(&publisher);
    watched(worker, publisher, shutdown).await;
}

/// Runs a worker; should it panic, the projection says so instead of standing still in silence.
async fn watched(worker: Worker, publisher: Arc<watch::Sender<Progress>>, shutdown: CancellationToken) {
    // Why it gave up stands in its progress.
    if let Err(panic) = tokio::spawn(worker.run(shutdown)).await {
        tracing::error!(%panic, "a projection panicked");
        publisher.send_modify(|progress| progress.stopped = Some(format!("the program failed: {panic}")));
    }
}
