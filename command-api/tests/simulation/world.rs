//! Plays a script: one life of the process after the other on the same log, in virtual time.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use command_api::app::{App, AppParts};
use command_api::business::Environment;
use command_api::calls::{BreakerSettings, CallSettings, PortSettings};
use command_api::context::Contexts;
use command_api::http::Front;
use command_api::policies::{PolicyStatus, RunnerSettings};
use domain::kernel::RequestId;
use event_store::{Direction, EventStore, Filter, MemoryStore, RecordedEvent};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::deed::{Deed, Outside};
use crate::script::{Down, Fault, Script};
use crate::somebody::{Somebody, same_person};
use crate::store::MortalStore;

/// Virtual hours: whoever needs them never ends.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// How a history ended.
pub(crate) struct Ending<D: Deed> {
    pub(crate) log: Vec<RecordedEvent>,
    /// For every act, what came of it for whoever did it.
    pub(crate) answers: Vec<Answer>,
    pub(crate) outside: Arc<D::Outside>,
    /// Whether the last crash of the script happened, so that a later one may.
    pub(crate) crashed: bool,
    /// What is not done although there was time for ever.
    pub(crate) restless: Option<String>,
    pub(crate) parked: usize,
}

/// What somebody knows of an act.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    /// The status in the end.
    pub(crate) status: Option<StatusCode>,
    /// The request, once it has a place.
    pub(crate) id: Option<RequestId>,
    /// How many times it was sent and nothing was heard: whatever came of it.
    pub(crate) unheard: u32,
}

/// What outlives the process.
struct Survivors<D: Deed> {
    log: MemoryStore,
    outside: Arc<D::Outside>,
    answers: Answers,
}

type Answers = Arc<Mutex<Vec<Answer>>>;

/// Plays a script to its end.
pub(crate) fn play<D: Deed>(script: &Script<D>) -> Ending<D> {
    let survivors = Survivors::<D> {
        log: MemoryStore::default(),
        outside: Arc::new(D::outside(script)),
        answers: Arc::new(Mutex::new(vec![Answer::default(); script.acts.len()])),
    };
    let mut now = Duration::ZERO;
    let mut statuses = Vec::new();
    let mut restless = None;
    let mut lives = 0;
    for life in 0..=script.crashes.len() {
        // A process that dies takes its threads, tasks and timers with it: so does a runtime.
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (lived, end) = runtime.block_on(live(script, life, now, &survivors));
        now += lived;
        lives += 1;
        if let Some(end) = end {
            (statuses, restless) = end;
            break;
        }
    }
    let log = read(&survivors.log);
    let answers = survivors.answers.lock().unwrap().clone();
    let parked = statuses.iter().map(|status: &PolicyStatus| status.parked.len()).sum();
    Ending {
        log,
        answers,
        outside: survivors.outside,
        crashed: lives > script.crashes.len(),
        restless,
        parked,
    }
}

type End = (Vec<PolicyStatus>, Option<String>);

/// One life: how long it was, and how it ended if nobody killed it.
async fn live<D: Deed>(
    script: &Script<D>,
    life: usize,
    before: Duration,
    survivors: &Survivors<D>,
) -> (Duration, Option<End>) {
    let Survivors { log, outside, answers } = survivors;
    let born = Instant::now();
    let crash = script.crashes.get(life).copied();
    let stalls = D::stalls(&script.circumstances);
    let store = MortalStore::new(log.clone(), script.seed ^ life as u64, stalls, crash);
    let dies = store.dies.clone();
    let contexts = Contexts::new(D::CONTEXTS, |_| true);
    let (front, policies, _running) = start(script, store, &contexts, outside, born, before);
    let at = |ms: u64| born + Duration::from_millis(ms).saturating_sub(before);
    let mut tasks = JoinSet::new();
    for Fault { from, to, down } in script.faults.iter().copied() {
        let (contexts, outside) = (contexts.clone(), Arc::clone(outside));
        let (from, to) = (at(from), at(to));
        tasks.spawn(async move {
            for (when, is_down) in [(from, true), (to, false)] {
                sleep_until(when).await;
                match down {
                    Down::Context(name) => contexts.find(name).unwrap().switch(!is_down),
                    Down::Outside => outside.down(is_down),
                }
            }
        });
    }
    for (index, act) in script.acts.iter().copied().enumerate() {
        if answers.lock().unwrap()[index].status.is_none() {
            let (front, answers) = (front.clone(), Arc::clone(answers));
            let (when, same) = (at(act.at), same_person(script, index));
            tasks.spawn(async move {
                sleep_until(when).await;
                let somebody = Somebody { front, answers, index, act, same };
                somebody.persist().await;
            });
        }
    }
    let rest = async {
        while tasks.join_next().await.is_some() {}
        contexts.iter().for_each(|context| context.switch(true));
        outside.down(false);
        settle(&policies, log).await
    };
    tokio::select! {
        biased;
        () = dies.cancelled() => (born.elapsed(), None),
        settled = timeout(FOR_EVER, rest) => {
            let statuses = policies.iter().map(|policy| policy.borrow().clone()).collect();
            let restless = settled.err().map(|_| "never comes to rest".to_owned());
            (born.elapsed(), Some((statuses, restless)))
        }
    }
}

/// The application as `main` builds it, on what is simulated.
fn start<D: Deed>(
    script: &Script<D>,
    store: Arc<MortalStore>,
    contexts: &Contexts,
    outside: &Arc<D::Outside>,
    born: Instant,
    before: Duration,
) -> (Front, Vec<watch::Receiver<PolicyStatus>>, JoinSet<()>) {
    let environment = Environment {
        store: Arc::clone(&store) as _,
        clock: Arc::new(move || (before + born.elapsed()).as_millis() as u64),
        contexts: contexts.clone(),
        runner: RunnerSettings::default(),
    };
    let business = D::business(script, outside, environment);
    let app = App::new(AppParts { store, business, read_side: None, shutdown: CancellationToken::new() });
    let policies = app.policies();
    let (front, running) = app.start();
    (front, policies, running)
}

/// The guarded call of a business to a context in the same process.
pub(crate) fn call(timeout_ms: u64) -> CallSettings {
    let timeout = Duration::from_millis(timeout_ms);
    let port = PortSettings { timeout, max_concurrent: 1000, breaker: BreakerSettings::default() };
    CallSettings { url: None, port }
}

/// Waits until the policies have handled everything.
async fn settle(policies: &[watch::Receiver<PolicyStatus>], log: &MemoryStore) {
    let head = log.head().await.unwrap();
    for policy in policies {
        let done = |status: &PolicyStatus| status.open == 0 && status.position >= head;
        policy.clone().wait_for(done).await.unwrap();
    }
    let later = log.read_all(head, Direction::Forwards, &Filter::all(), usize::MAX).await.unwrap();
    if later.events.iter().any(is_business) {
        Box::pin(settle(policies, log)).await;
    }
}

fn read(log: &MemoryStore) -> Vec<RecordedEvent> {
    let runtime: Runtime = Builder::new_current_thread().build().unwrap();
    let everything = Filter::all();
    let all = runtime.block_on(log.read_all(None, Direction::Forwards, &everything, usize::MAX));
    let all = all.unwrap().events;
    all.into_iter().filter(is_business).collect()
}

/// What happened in the business, and not what the process notes for itself.
fn is_business(event: &RecordedEvent) -> bool {
    let stream = event.stream.as_str();
    !stream.contains(".checkpoint-") && !stream.contains("snapshot-")
}

impl<D: Deed> fmt::Display for Ending<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "what happened:")?;
        for event in &self.log {
            writeln!(f, "  {} @{} {} {}", event.stream, event.revision, event.event_type, event.id)?;
        }
        for (index, Answer { status, id, unheard }) in self.answers.iter().enumerate() {
            let id = id.map_or(String::new(), |id| format!(" about {id}"));
            writeln!(f, "answer {index}: {status:?}{id}, unheard {unheard} times")?;
        }
        writeln!(f, "parked: {}", self.parked)
    }
}
