//! The whole application on a port of its own, with its own store and database, and what a student
//! and an operator do with it.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use command_api::app::{App, AppParts, ReadSide};
use command_api::business::{Business, Environment};
use command_api::calls::{BreakerSettings, CallSettings, PortSettings};
use command_api::config::Delay;
use command_api::context::Contexts;
use command_api::execute::wall_clock;
use command_api::payment_provider::{Provider, SimulatedProvider, Simulation};
use command_api::policies::{PolicyStatus, RunnerSettings};
use command_api::{elearning, rentcar};
use event_store::{Direction, EventStore, Filter, MemoryStore, RecordedEvent};
use futures::FutureExt;
use reqwest::{Client, Method, Response, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything takes that works, on the slowest machine.
const NEVER: Duration = Duration::from_secs(60);

/// What a test wants to be different.
pub struct Settings {
    /// Where events are kept; tests that share it are processes of one system.
    pub store: Arc<dyn EventStore>,
    /// The contexts that run at first; all where nothing is said.
    pub contexts: Option<Vec<&'static str>>,
    /// How long a caller waits for an answer. Long, unless a test is about that.
    pub timeout: Duration,
    /// How long policies give a request before they make sure.
    pub head_start: Duration,
    /// How long after an application its payment is given up.
    pub give_up_after: Duration,
    /// For how long a process takes the right to run a policy, where several share a store.
    pub lease: Option<Duration>,
    /// Where the payment context answers, when elsewhere.
    pub payment_url: Option<String>,
    /// Where the delivery context answers, when elsewhere.
    pub delivery_url: Option<String>,
    /// Where the car context answers, when elsewhere.
    pub car_url: Option<String>,
    /// How long the car context takes to answer.
    pub car_delay: (u64, u64),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            store: Arc::new(MemoryStore::default()),
            contexts: None,
            timeout: NEVER,
            // Short, so that a test sees policies find everything done; should one be faster than a
            // request on a slow machine, both do the same thing under the same key.
            head_start: Duration::from_millis(300),
            give_up_after: Duration::from_secs(24 * 3600),
            lease: None,
            payment_url: None,
            delivery_url: None,
            car_url: None,
            car_delay: (0, 0),
        }
    }
}

impl Settings {
    /// Settings under which a payment that is not made at once is given up soon and made sure of
    /// soon after.
    pub fn impatient() -> Self {
        let (timeout, head_start) = (Duration::from_millis(50), Duration::from_millis(100));
        Self { timeout, head_start, ..Self::default() }
    }
}

/// A running application.
pub struct TestApp {
    /// Where it answers.
    pub url: String,
    /// Which business it runs.
    pub system: &'static str,
    /// Where its events are.
    pub store: Arc<dyn EventStore>,
    /// Who takes its money.
    pub provider: Arc<SimulatedProvider>,
    client: Client,
    policies: Vec<watch::Receiver<PolicyStatus>>,
    read_side: Arc<projections::ReadSide>,
    shutdown: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    _folder: TempDir,
}

/// Starts an application in which everything works.
pub async fn spawn_app() -> TestApp {
    TestApp::spawn(Settings::default()).await
}

/// The application of the documents' first command (SPEC 1.7-2), as httpie sends it.
pub fn documents_application() -> Value {
    json!({
        "studentId": "student1", "studentName": "홍길동", "qty": "10", "amount": "1000",
        "applyStatus": "completed", "address": "seoul", "bookId": "001", "bookName": "book001",
    })
}

/// A business as these settings want it.
fn business(settings: Settings, system: &str, provider: &Arc<SimulatedProvider>) -> Business {
    let names = if system == "rentcar" { rentcar::CONTEXTS } else { elearning::CONTEXTS };
    let runs = |name: &str| settings.contexts.as_ref().is_none_or(|running| running.contains(&name));
    let environment = Environment {
        store: settings.store,
        clock: wall_clock(),
        contexts: Contexts::new(&names, runs),
        runner: RunnerSettings {
            head_start: settings.head_start,
            longest_pause: Duration::from_millis(200),
            lease: settings.lease,
            in_time: settings.give_up_after,
            ..RunnerSettings::default()
        },
    };
    let call = |url| {
        let breaker = BreakerSettings::default();
        let port = PortSettings { timeout: settings.timeout, max_concurrent: 1000, breaker };
        CallSettings { url, port }
    };
    match system {
        "rentcar" => {
            let car_delay = Delay(settings.car_delay.0, settings.car_delay.1);
            rentcar::business(rentcar::Parts { car: call(settings.car_url), car_delay }, environment)
        }
        _ => {
            let parts = elearning::Parts {
                provider: Provider::Simulated(Arc::clone(provider)),
                payment: call(settings.payment_url),
                delivery: call(settings.delivery_url),
                service_type: "TEST".into(),
            };
            elearning::business(parts, environment)
        }
    }
}

impl TestApp {
    /// Starts e-learning.
    pub async fn spawn(settings: Settings) -> Self {
        Self::spawn_system(settings, "elearning").await
    }

    /// Starts a business.
    pub async fn spawn_system(settings: Settings, system: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("sqlite:{}", folder.path().join("read-model.db").display());
        let database = projections::Database::open(&url).await.unwrap();
        let (store, shutdown) = (Arc::clone(&settings.store), CancellationToken::new());
        let read = projections::System::find(system).unwrap();
        let read_side = projections::ReadSide::start(Arc::clone(&store), database, &read, shutdown.clone());
        let read_side = Arc::new(read_side.await.unwrap());
        let provider = Arc::new(SimulatedProvider::default());
        let app = App::new(AppParts {
            store: Arc::clone(&store),
            business: business(settings, system, &provider),
            read_side: Some(ReadSide {
                router: read_side.router(),
                status: Arc::new(|| std::future::ready(Vec::new()).boxed()),
                metrics: {
                    let read_side = Arc::clone(&read_side);
                    Arc::new(move || {
                        let read_side = Arc::clone(&read_side);
                        async move { read_side.metrics().await }.boxed()
                    })
                },
            }),
            shutdown: shutdown.clone(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let policies = app.policies();
        let serving = tokio::spawn(app.serve(listener));
        let client = Client::new();
        Self { url, system, store, provider, client, policies, read_side, shutdown, serving, _folder: folder }
    }

    /// Sends a request with a body as it is.
    pub async fn send(&self, method: Method, path: &str, body: impl Into<reqwest::Body>) -> Response {
        self.client.request(method, format!("{}{path}", self.url)).body(body).send().await.unwrap()
    }

    /// Sends a request with headers of its own.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// A student applies as in the documents. Answers the id and the response.
    pub async fn apply(&self) -> (String, Value) {
        let response = self.send(Method::POST, "/applies", documents_application().to_string()).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let id = location.rsplit('/').next().unwrap().to_owned();
        (id, response.json().await.unwrap())
    }

    /// A student cancels as in the documents (SPEC 1.7-7).
    pub async fn cancel(&self, id: &str) -> Response {
        let mut body = documents_application();
        body["applyStatus"] = "cancelled".into();
        self.send(Method::PUT, &format!("/applies/{id}"), body.to_string()).await
    }

    /// A student or an operator cancels the payment itself (SPEC 1.7-9).
    pub async fn cancel_payment(&self, id: &str) -> Response {
        self.send(Method::PUT, &format!("/pays/{id}"), json!({ "applyStatus": "cancelled" }).to_string())
            .await
    }

    /// What is shown under a path.
    pub async fn get(&self, path: &str) -> Value {
        let response = self.send(Method::GET, path, "").await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.json().await.unwrap()
    }

    /// What MyPage shows of a request now: everything that is on the log.
    pub async fn my_page(&self, id: &str) -> Value {
        let head = self.store.head().await.unwrap().map_or(0, |head| head.0);
        self.get(&format!("/myPages/{id}?after={head}&strict=true")).await
    }

    /// An operator stops a context.
    pub async fn stop(&self, context: &str) {
        let response = self.send(Method::POST, &format!("/contexts/{context}/stop"), "").await;
        assert_eq!(response.status(), StatusCode::OK);
        // Its policies rest from here on, so that a test knows what they have done.
        for policy in &self.policies {
            if policy.borrow().context == context {
                let rests = |status: &PolicyStatus| !status.running;
                timeout(NEVER, policy.clone().wait_for(rests)).await.unwrap().unwrap();
            }
        }
    }

    /// An operator starts a context.
    pub async fn start(&self, context: &str) {
        let response = self.send(Method::POST, &format!("/contexts/{context}/start"), "").await;
        assert_eq!(response.status(), StatusCode::OK);
    }

    /// The payment provider goes down, or comes back.
    pub fn provider_outage(&self, outage: bool) {
        self.provider.simulate(Simulation { outage, ..self.provider.simulation() });
    }

    /// The payment provider takes this long.
    pub fn provider_takes(&self, ms: u64) {
        let simulation = self.provider.simulation();
        self.provider.simulate(Simulation { min_delay_ms: ms, max_delay_ms: ms, ..simulation });
    }

    /// Waits, from event to event, until something is true.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, is_true: impl Fn() -> F) {
        let wait = async {
            let mut events = self.store.subscribe(None, Filter::all()).await.unwrap();
            while !is_true().await {
                events.next().await.unwrap();
            }
        };
        if timeout(NEVER, wait).await.is_err() {
            panic!("never: {what}; {:#}", self.get("/status").await);
        }
    }

    /// Waits until a stream ends with an event of this type.
    pub async fn until_last(&self, aggregate: &str, id: &str, event_type: &str) {
        let ends = async || self.types(aggregate, id).await.last().is_some_and(|last| last == event_type);
        self.until(&format!("{aggregate} of {id} ends with {event_type}"), ends).await;
    }

    /// Waits until the running policies have nothing left to do.
    pub async fn settle(&self) {
        let head = self.store.head().await.unwrap();
        for policy in &self.policies {
            let done =
                |status: &PolicyStatus| !status.running || (status.open == 0 && status.position >= head);
            let settled = timeout(NEVER, policy.clone().wait_for(done)).await.is_ok();
            if !settled {
                panic!("never settled: {:#}", self.get("/status").await);
            }
        }
    }

    /// The events of one aggregate.
    pub async fn events(&self, aggregate: &str, id: &str) -> Vec<RecordedEvent> {
        let stream = event_store::StreamName::new(format!("{}.{aggregate}-{id}", self.system)).unwrap();
        self.store.read_stream(&stream, 0, Direction::Forwards, usize::MAX).await.unwrap()
    }

    /// The types of the events of one aggregate.
    pub async fn types(&self, aggregate: &str, id: &str) -> Vec<String> {
        self.events(aggregate, id).await.iter().map(|event| event.event_type.to_string()).collect()
    }

    /// Every event of one request, in the order of the log.
    pub async fn story(&self, id: &str) -> Vec<String> {
        let all = self.store.read_all(None, Direction::Forwards, &Filter::all(), usize::MAX).await.unwrap();
        let of_request = all.events.iter().filter(|event| event.stream.as_str().ends_with(id));
        of_request.map(|event| event.event_type.to_string()).collect()
    }

    /// How many events of the business there are.
    pub async fn business_events(&self) -> usize {
        let filter = Filter::categories(["elearning.apply", "elearning.payment", "elearning.delivery"]);
        self.store.read_all(None, Direction::Forwards, &filter, usize::MAX).await.unwrap().events.len()
    }

    /// The process dies in the middle of whatever it does.
    pub async fn kill_process(self) {
        self.serving.abort();
        assert!(self.serving.await.unwrap_err().is_cancelled());
    }

    /// Waits until a process runs a policy, or stands by.
    pub async fn until_policy(&self, name: &str, running: bool) {
        let policy = self.policies.iter().find(|policy| policy.borrow().name == name).unwrap();
        let is = |status: &PolicyStatus| status.running == running;
        timeout(NEVER, policy.clone().wait_for(is)).await.unwrap().unwrap();
    }

    /// Waits until a policy has parked so many reactions.
    pub async fn until_parked(&self, name: &str, parked: usize) {
        let policy = self.policies.iter().find(|policy| policy.borrow().name == name).unwrap();
        let has = |status: &PolicyStatus| status.running && status.parked.len() == parked;
        timeout(NEVER, policy.clone().wait_for(has)).await.unwrap().unwrap();
    }

    /// The process is told to stop, and stops.
    pub async fn stop_process(self) {
        self.shutdown.cancel();
        timeout(NEVER, self.serving).await.unwrap().unwrap().unwrap();
        self.read_side.stopped().await;
    }
}
