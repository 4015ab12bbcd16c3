//! One policy, whoever carries out what it wants, and the processes that run it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use domain::kernel::{DecodeError, Metadata, Policy, Reaction};
use event_store::{Decoded, EventStore, ExpectedRevision, MemoryStore, NewEvent, RecordedEvent, StreamName};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::context::Contexts;
use crate::execute::{Clock, Origin};
use crate::policies::{Failure, Handler, Oversight, PolicyStatus, RunPolicy, Runner, RunnerSettings};

/// Virtual hours: longer than anything takes that ends.
const NEVER: Duration = Duration::from_secs(24 * 3600);

/// The log, and whoever is asked to do something.
pub(super) struct World {
    pub(super) store: Arc<dyn EventStore>,
    pub(super) callee: Arc<Callee>,
    pub(super) contexts: Contexts,
    born: Instant,
}

/// Does what it is asked; remembers what.
#[derive(Default)]
pub(super) struct Callee {
    pub(super) down: AtomicBool,
    /// What it will never do.
    pub(super) refuses: Mutex<HashSet<String>>,
    pub(super) done: Mutex<Vec<String>>,
    pub(super) calls: AtomicUsize,
    at_once: AtomicUsize,
    pub(super) most_at_once: AtomicUsize,
}

#[async_trait]
impl Handler<String> for Callee {
    async fn handle(&self, command: &String, _: &Origin) -> Result<(), Failure> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let at_once = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::SeqCst);
        sleep(Duration::from_millis(10)).await;
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        match () {
            () if self.down.load(Ordering::SeqCst) => Err(Failure::Later("down".to_owned())),
            () if self.refuses.lock().unwrap().contains(command) => Err(Failure::Never("no".to_owned())),
            () => {
                self.done.lock().unwrap().push(command.clone());
                Ok(())
            }
        }
    }
}

/// A process that runs the policy.
pub(super) struct Process {
    pub(super) oversight: Oversight,
    shutdown: CancellationToken,
    running: JoinHandle<()>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::on(Arc::new(MemoryStore::default()))
    }

    pub(super) fn on(store: Arc<dyn EventStore>) -> Self {
        let contexts = Contexts::new(&["context"], |_| true);
        Self { store, callee: Arc::default(), contexts, born: Instant::now() }
    }

    /// The same people, and another log.
    pub(super) fn moved_to(&self, store: Arc<dyn EventStore>) -> Self {
        Self { store, callee: Arc::clone(&self.callee), contexts: self.contexts.clone(), born: self.born }
    }

    /// The policy has kept this as its checkpoint.
    pub(super) async fn notes(&self, checkpoint: &[u8]) {
        let event = NewEvent {
            id: Uuid::now_v7(),
            event_type: "CheckpointReached".into(),
            data: checkpoint.to_owned().into(),
            metadata: "{}".into(),
            decoded: Decoded::default(),
        };
        let stream = StreamName::new("test.checkpoint-policy").unwrap();
        self.store.append(&stream, ExpectedRevision::Any, vec![event]).await.unwrap();
    }

    pub(super) fn clock(&self) -> Clock {
        let born = self.born;
        Arc::new(move || born.elapsed().as_millis() as u64)
    }

    /// Something happened to a key.
    pub(super) async fn happens(&self, key: u128, what: &str) {
        let metadata = Metadata {
            correlation_id: Uuid::from_u128(key),
            causation_id: Uuid::nil(),
            actor: "test".into(),
            time: (self.clock())(),
            schema_version: 1,
        };
        let event = NewEvent {
            id: Uuid::now_v7(),
            event_type: "Happened".into(),
            data: what.to_owned().into(),
            metadata: metadata.encode().into(),
            decoded: Decoded::default(),
        };
        let stream = StreamName::new(format!("test.thing-{key}")).unwrap();
        self.store.append(&stream, ExpectedRevision::Any, vec![event]).await.unwrap();
    }

    pub(super) fn refuse(&self, what: &str) {
        self.callee.refuses.lock().unwrap().insert(what.to_owned());
    }

    /// From now on it does everything that it is asked.
    pub(super) fn relent(&self) {
        self.callee.refuses.lock().unwrap().clear();
    }

    pub(super) fn done(&self) -> Vec<String> {
        self.callee.done.lock().unwrap().clone()
    }

    pub(super) fn process(&self, settings: RunnerSettings) -> Process {
        self.process_that(settings, decode)
    }

    pub(super) fn process_that(
        &self,
        settings: RunnerSettings,
        decode: fn(&RecordedEvent, u16) -> Result<Option<String>, DecodeError>,
    ) -> Process {
        let policy = Policy {
            name: "policy",
            context: "context",
            hears: &["Happened"],
            react: |what: &String| Reaction::Now(what.clone()),
        };
        let context = self.contexts.find("context").unwrap().clone();
        let (callee, store) = (Arc::clone(&self.callee) as _, Arc::clone(&self.store));
        let runner = Runner::new(policy, "test", context, decode, callee, store, self.clock(), settings);
        let (oversight, shutdown) = (runner.oversight(), CancellationToken::new());
        let running = tokio::spawn((Box::new(runner) as Box<dyn RunPolicy>).run(shutdown.clone()));
        Process { oversight, shutdown, running }
    }
}

pub(super) fn decode(event: &RecordedEvent, _: u16) -> Result<Option<String>, DecodeError> {
    let happened = &*event.event_type == "Happened";
    Ok(happened.then(|| String::from_utf8(event.data.to_vec()).unwrap()))
}

impl Process {
    /// Waits until something is true of its policy.
    pub(super) async fn until(&self, is: impl FnMut(&PolicyStatus) -> bool) -> PolicyStatus {
        let mut status = self.oversight.status();
        timeout(NEVER, status.wait_for(is)).await.unwrap().unwrap().clone()
    }

    /// Waits until everything on the log is handled.
    pub(super) async fn settle(&self, world: &World) {
        let head = world.store.head().await.unwrap();
        self.until(|status| status.position >= head && status.open == 0).await;
    }

    /// The positions of what is parked.
    pub(super) async fn parked(&self) -> Vec<u64> {
        let parked = self.oversight.parking().list().await.unwrap();
        parked.iter().map(|reaction| reaction.trigger.position.0).collect()
    }

    pub(super) async fn stop(self) {
        self.shutdown.cancel();
        self.running.await.unwrap();
    }

    /// Dies in the middle of whatever it does.
    pub(super) async fn die(self) {
        self.running.abort();
        assert!(self.running.await.unwrap_err().is_cancelled());
    }
}
