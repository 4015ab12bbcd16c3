use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use domain::kernel::DecodeError;
use event_store::{
    AppendError, Appended, Batch, Direction, EventStore, ExpectedRevision, Filter, Health, MemoryStore,
    NewEvent, Position, ReadError, RecordedEvent, StreamName, Subscription,
};
use futures::stream;
use tokio::time::sleep;
use uuid::Uuid;

use super::world::{World, decode};
use crate::policies::RunnerSettings;

/// A store of which a part does not answer.
#[derive(Default)]
struct Sick {
    log: MemoryStore,
    appends_hang: AtomicBool,
    is_deaf: bool,
}

#[async_trait]
impl EventStore for Sick {
    async fn append(
        &self,
        stream: &StreamName,
        expected: ExpectedRevision,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        if self.appends_hang.load(Ordering::SeqCst) && stream.as_str().contains("checkpoint") {
            std::future::pending().await
        }
        self.log.append(stream, expected, events).await
    }

    async fn read_stream(
        &self,
        stream: &StreamName,
        from: u64,
        direction: Direction,
        max: usize,
    ) -> Result<Vec<RecordedEvent>, ReadError> {
        self.log.read_stream(stream, from, direction, max).await
    }

    async fn read_all(
        &self,
        after: Option<Position>,
        direction: Direction,
        filter: &Filter,
        max: usize,
    ) -> Result<Batch, ReadError> {
        self.log.read_all(after, direction, filter, max).await
    }

    async fn subscribe(&self, after: Option<Position>, filter: Filter) -> Result<Subscription, ReadError> {
        if self.is_deaf {
            return Ok(Subscription::new(stream::pending()));
        }
        self.log.subscribe(after, filter).await
    }

    async fn head(&self) -> Result<Option<Position>, ReadError> {
        self.log.head().await
    }

    fn id(&self) -> Uuid {
        self.log.id()
    }

    fn health(&self) -> Health {
        Health::Ready
    }
}

async fn a_while(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

/// C3.1: only a loop that does not turn any more is a reason to start the process anew.
#[tokio::test(start_paused = true)]
async fn a_loop_that_hangs_is_seen() {
    let store = Arc::new(Sick::default());
    let world = World::on(Arc::clone(&store) as _);
    let process = world.process(RunnerSettings::default());
    a_while(3600).await;
    assert_eq!(process.oversight.hangs(), None, "there was nothing to do");
    store.appends_hang.store(true, Ordering::SeqCst);
    world.happens(1, "it").await;
    a_while(50).await;
    assert_eq!(process.oversight.hangs(), None, "it may still be slow");
    a_while(20).await;
    let hangs = process.oversight.hangs();
    assert!(
        hangs.as_ref().is_some_and(|hangs| hangs.starts_with("policy policy hangs since 6")),
        "{hangs:?}"
    );
    assert_eq!(process.oversight.problem().await.unwrap(), hangs);
}

/// A context that is stopped, and a process that stands by, are as they should be.
#[tokio::test(start_paused = true)]
async fn a_loop_that_rests_or_stands_by_does_not_hang() {
    let world = World::new();
    let settings = RunnerSettings { lease: Some(Duration::from_secs(5)), ..RunnerSettings::default() };
    let (runs, stands_by) = (world.process(settings.clone()), world.process(settings));
    a_while(3600).await;
    world.contexts.find("context").unwrap().switch(false);
    a_while(3600).await;
    for process in [runs, stands_by] {
        assert_eq!(process.oversight.hangs(), None);
        assert_eq!(process.oversight.problem().await.unwrap(), None);
    }
}

/// C3.1: the log moved, there is nothing under way, and nobody looks.
#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_looks_at_is_seen() {
    let world = World::on(Arc::new(Sick { is_deaf: true, ..Sick::default() }));
    let process = world.process(RunnerSettings::default());
    a_while(3600).await;
    assert_eq!(process.oversight.problem().await.unwrap(), None, "there is none");
    world.happens(1, "it").await;
    let problem = process.oversight.problem().await.unwrap().unwrap();
    assert!(problem.starts_with("policy policy overlooks 0 since"), "{problem}");
}

/// EL-I11: that somebody else is away is worth a word, and no reason to refuse requests.
#[tokio::test(start_paused = true)]
async fn what_is_tried_for_long_is_named_with_its_age() {
    let world = World::new();
    world.callee.down.store(true, Ordering::SeqCst);
    let process = world.process(RunnerSettings::default());
    world.happens(7, "it").await;
    a_while(59).await;
    assert_eq!(process.oversight.warnings(), Vec::<String>::new());
    a_while(60).await;
    let told = [format!("policy policy tries for 119 s what follows from 0 of {}: down", Uuid::from_u128(7))];
    assert_eq!((process.oversight.warnings(), process.oversight.problem().await), (told.into(), Ok(None)));
    world.callee.down.store(false, Ordering::SeqCst);
    process.settle(&world).await;
    assert_eq!(process.oversight.warnings(), Vec::<String>::new());
}

/// A defect of the runner itself: told, and tried anew.
#[tokio::test(start_paused = true)]
async fn a_runner_that_panics_says_so_and_starts_anew() {
    static WELL: AtomicBool = AtomicBool::new(false);
    fn panics(event: &RecordedEvent, version: u16) -> Result<Option<String>, DecodeError> {
        if WELL.load(Ordering::SeqCst) { decode(event, version) } else { panic!("not like this") }
    }
    let world = World::new();
    world.happens(1, "it").await;
    let process = world.process_that(RunnerSettings::default(), panics);
    let stopped = process.until(|status| status.stopped.is_some()).await.stopped.unwrap();
    assert_eq!(stopped, "a defect: the runner panicked: not like this");
    assert!(process.oversight.problem().await.unwrap().unwrap().contains("not like this"));
    WELL.store(true, Ordering::SeqCst);
    process.settle(&world).await;
    assert_eq!((world.done(), process.oversight.problem().await), (vec!["it".to_owned()], Ok(None)));
}
