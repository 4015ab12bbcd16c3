//! Plays a script: one life of the process after the other on the same log, in virtual time.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use command_api::app::{App, AppParts};
use command_api::business::Environment;
use command_api::calls::{BreakerSettings, CallSettings, PortSettings};
use command_api::context::Contexts;
use command_api::elearning::{CONTEXTS, Parts, business};
use command_api::payment_provider::Provider as Taker;
use command_api::policies::{PolicyStatus, RunnerSettings};
use domain::kernel::RequestId;
use event_store::{Direction, EventStore, Filter, MemoryStore, RecordedEvent};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::{Uuid, uuid};

use crate::provider::Provider;
use crate::script::{Act, Down, Fault, Script, What};
use crate::store::MortalStore;

/// Virtual hours: whoever needs them never ends.
const FOR_EVER: Duration = Duration::from_secs(24 * 3600);

/// The names that the process gives to requests come from the keys of the students.
const IDEMPOTENCY: Uuid = uuid!("6f1cf6f0-6a2b-4f0e-9a55-2b8f6d0c1e47");

/// How a history ended.
pub(crate) struct Ending {
    pub(crate) log: Vec<RecordedEvent>,
    /// For every act, the status that its student got in the end.
    pub(crate) answers: Vec<Option<StatusCode>>,
    pub(crate) provider: Arc<Provider>,
    /// Whether the last crash of the script happened, so that a later one may.
    pub(crate) crashed: bool,
    /// What is not done although there was time for ever.
    pub(crate) restless: Option<String>,
    pub(crate) parked: usize,
}

/// The request of a student.
pub(crate) fn request_of(student: u64) -> RequestId {
    RequestId(Uuid::new_v5(&IDEMPOTENCY, format!("student-{student}").as_bytes()))
}

/// What outlives the process.
struct Outside {
    log: MemoryStore,
    provider: Arc<Provider>,
    answers: Arc<Mutex<Vec<Option<StatusCode>>>>,
}

/// Plays a script to its end.
pub(crate) fn play(script: &Script) -> Ending {
    let outside = Outside {
        log: MemoryStore::default(),
        provider: Arc::new(Provider::new(script.seed, script.declined, script.pace)),
        answers: Arc::new(Mutex::new(vec![None; script.acts.len()])),
    };
    let mut now = Duration::ZERO;
    let mut statuses = Vec::new();
    let mut restless = None;
    let mut lives = 0;
    for life in 0..=script.crashes.len() {
        // A process that dies takes its threads, tasks and timers with it: so does a runtime.
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (lived, end) = runtime.block_on(live(script, life, now, &outside));
        now += lived;
        lives += 1;
        if let Some(end) = end {
            (statuses, restless) = end;
            break;
        }
    }
    let log = read(&outside.log);
    let answers = outside.answers.lock().unwrap().clone();
    let parked = statuses.iter().map(|status: &PolicyStatus| status.parked.len()).sum();
    Ending {
        log,
        answers,
        provider: outside.provider,
        crashed: lives > script.crashes.len(),
        restless,
        parked,
    }
}

type End = (Vec<PolicyStatus>, Option<String>);

/// One life: how long it was, and how it ended if nobody killed it.
async fn live(script: &Script, life: usize, before: Duration, outside: &Outside) -> (Duration, Option<End>) {
    let born = Instant::now();
    let crash = script.crashes.get(life).copied();
    let store = MortalStore::new(outside.log.clone(), script.seed ^ life as u64, crash);
    let dies = store.dies.clone();
    let contexts = Contexts::new(&CONTEXTS, |_| true);
    let (router, policies, _running) = start(store, &contexts, outside, born, before);
    let at = |ms: u64| born + Duration::from_millis(ms).saturating_sub(before);
    let mut tasks = JoinSet::new();
    for Fault { from, to, down } in script.faults.iter().copied() {
        let (contexts, provider) = (contexts.clone(), Arc::clone(&outside.provider));
        let (from, to) = (at(from), at(to));
        tasks.spawn(async move {
            for (when, is_down) in [(from, true), (to, false)] {
                sleep_until(when).await;
                match down {
                    Down::Context(name) => contexts.find(name).unwrap().switch(!is_down),
                    Down::Provider => provider.down(is_down),
                }
            }
        });
    }
    for (index, act) in script.acts.iter().copied().enumerate() {
        if outside.answers.lock().unwrap()[index].is_none() {
            let (router, answers) = (router.clone(), Arc::clone(&outside.answers));
            let when = at(act.at);
            tasks.spawn(async move {
                sleep_until(when).await;
                let status = persist(&router, act).await;
                answers.lock().unwrap()[index] = Some(status);
            });
        }
    }
    let rest = async {
        while tasks.join_next().await.is_some() {}
        contexts.iter().for_each(|context| context.switch(true));
        outside.provider.down(false);
        settle(&policies, &outside.log).await
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
fn start(
    store: Arc<MortalStore>,
    contexts: &Contexts,
    outside: &Outside,
    born: Instant,
    before: Duration,
) -> (Router, Vec<watch::Receiver<PolicyStatus>>, JoinSet<()>) {
    let call = || {
        let timeout = Duration::from_millis(610);
        let port = PortSettings { timeout, max_concurrent: 1000, breaker: BreakerSettings::default() };
        CallSettings { url: None, port }
    };
    let environment = Environment {
        store: Arc::clone(&store) as _,
        clock: Arc::new(move || (before + born.elapsed()).as_millis() as u64),
        contexts: contexts.clone(),
        runner: RunnerSettings::default(),
    };
    let parts = Parts {
        provider: Taker::Other(Arc::clone(&outside.provider) as _),
        payment: call(),
        delivery: call(),
        service_type: "SIMULATION".into(),
    };
    let business = business(parts, environment);
    let app = App::new(AppParts { store, business, read_side: None, shutdown: CancellationToken::new() });
    let policies = app.policies();
    let (router, running) = app.start();
    (router, policies, running)
}

/// A student who does not give up before there is an answer.
async fn persist(router: &Router, act: Act) -> StatusCode {
    if let Some(patience) = act.hangs_up {
        // Whatever comes of it, the student does not hear it.
        let _ = timeout(Duration::from_millis(patience), send(router, act)).await;
    }
    loop {
        let status = if act.twice {
            let (first, second) = tokio::join!(send(router, act), send(router, act));
            first.max(second)
        } else {
            send(router, act).await
        };
        // Nothing there yet may mean that the application is still on its way.
        if !status.is_server_error() && status != StatusCode::CONFLICT {
            return status;
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn send(router: &Router, act: Act) -> StatusCode {
    let id = request_of(act.student);
    let (method, path, body) = match act.what {
        What::Apply => {
            let body = r#"{"studentId":"s","bookId":"b","qty":1,"amount":1000,"address":"seoul"}"#;
            ("POST", "/applies".to_owned(), body)
        }
        What::Cancel => ("PUT", format!("/applies/{id}"), r#"{"applyStatus":"cancelled"}"#),
        What::CancelPayment => ("PUT", format!("/pays/{id}"), r#"{"applyStatus":"cancelled"}"#),
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("idempotency-key", format!("student-{}", act.student))
        .header("x-request-id", Uuid::from_u64_pair(act.student, act.what as u64).to_string())
        .body(Body::from(body))
        .unwrap();
    router.clone().oneshot(request).await.unwrap().status()
}

/// Waits until the policies have handled everything.
async fn settle(policies: &[watch::Receiver<PolicyStatus>], log: &MemoryStore) {
    let head = log.head().await.unwrap();
    for policy in policies {
        let done = |status: &PolicyStatus| status.open == 0 && status.position >= head;
        policy.clone().wait_for(done).await.unwrap();
    }
    let quiet = Filter { stream_prefixes: vec!["elearning.checkpoint-".into()], ..Filter::all() };
    let later = log.read_all(head, Direction::Forwards, &Filter::all(), usize::MAX).await.unwrap();
    let business = later.events.iter().any(|event| !quiet.matches(&event.stream, &event.event_type));
    if business {
        Box::pin(settle(policies, log)).await;
    }
}

fn read(log: &MemoryStore) -> Vec<RecordedEvent> {
    let runtime: Runtime = Builder::new_current_thread().build().unwrap();
    let everything = Filter::all();
    let all = runtime.block_on(log.read_all(None, Direction::Forwards, &everything, usize::MAX));
    let all = all.unwrap().events;
    let business = |event: &RecordedEvent| !event.stream.as_str().contains(".checkpoint-");
    all.into_iter().filter(business).collect()
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "what happened:")?;
        for event in &self.log {
            writeln!(f, "  {} @{} {} {}", event.stream, event.revision, event.event_type, event.id)?;
        }
        writeln!(f, "answers: {:?}, parked: {}", self.answers, self.parked)
    }
}
