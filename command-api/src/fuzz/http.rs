//! Any requests to the routes of a business: no answer is a defect of ours, every refusal says why in
//! one form (G14), and what was accepted can be read again.
//!
//! An input is some requests one after the other, written as HTTP/1 has it and parted by a line `---`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use domain::kernel::Metadata;
use event_store::{Direction, EventStore, Filter, MemoryStore, RecordedEvent};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::app::{App, AppParts};
use crate::business::{Business, Environment};
use crate::calls::{BreakerSettings, CallSettings, PortSettings};
use crate::config::Delay;
use crate::context::Contexts;
use crate::http::Front;
use crate::payment_provider::{Provider, SimulatedProvider};
use crate::policies::RunnerSettings;

/// Between two requests.
const NEXT: &[u8] = b"\n---\n";
/// The most requests of one input.
const MOST: usize = 6;
/// More than this is no answer of ours.
const LARGEST: usize = 1 << 20;

pub(super) fn elearning(input: &[u8]) {
    use crate::elearning::{CONTEXTS, Parts, business};
    use domain::elearning::{Fact, SYSTEM};
    let wired = |environment| {
        let provider = Provider::Simulated(Arc::new(SimulatedProvider::default()));
        let parts = Parts { provider, payment: call(), delivery: call(), service_type: "FUZZ".into() };
        business(parts, environment)
    };
    for event in sent(input, &CONTEXTS, wired).iter().filter(|event| is_of(event, SYSTEM, &Fact::AGGREGATES))
    {
        let version = metadata(event).schema_version;
        let fact = Fact::decode(event.stream.as_str(), &event.event_type, version, &event.data);
        assert!(matches!(fact, Ok(Some(_))), "{event:?} is read as {fact:?}");
    }
}

pub(super) fn rentcar(input: &[u8]) {
    use crate::rentcar::{CONTEXTS, Parts, business};
    use domain::rentcar::{Fact, SYSTEM};
    let wired = |environment| business(Parts { car: call(), car_delay: Delay(0, 0) }, environment);
    for event in sent(input, &CONTEXTS, wired).iter().filter(|event| is_of(event, SYSTEM, &Fact::AGGREGATES))
    {
        let version = metadata(event).schema_version;
        let fact = Fact::decode(event.stream.as_str(), &event.event_type, version, &event.data);
        assert!(matches!(fact, Ok(Some(_))), "{event:?} is read as {fact:?}");
    }
}

/// A call that is answered at once, unless the provider is told otherwise. No time is real.
fn call() -> CallSettings {
    let timeout = Duration::from_millis(610);
    let port = PortSettings { timeout, max_concurrent: 1000, breaker: BreakerSettings::default() };
    CallSettings { url: None, port }
}

fn is_of(event: &RecordedEvent, system: &str, aggregates: &[&str]) -> bool {
    let kind = event.stream.category().strip_prefix(system).and_then(|kind| kind.strip_prefix('.'));
    kind.is_some_and(|kind| aggregates.contains(&kind))
}

fn metadata(event: &RecordedEvent) -> Metadata<'_> {
    Metadata::decode(&event.metadata).expect("what was written has metadata")
}

/// What is on the log after these requests.
fn sent(
    input: &[u8],
    contexts: &[&'static str],
    wired: impl FnOnce(Environment) -> Business,
) -> Vec<RecordedEvent> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime needs nothing").block_on(async {
        let store = Arc::new(MemoryStore::default());
        let environment = Environment {
            store: Arc::clone(&store) as _,
            clock: Arc::new(|| 1_700_000_000_000),
            contexts: Contexts::new(contexts, |_| true),
            runner: RunnerSettings::default(),
        };
        let business = wired(environment);
        let shutdown = CancellationToken::new();
        let app = App::new(AppParts { store: Arc::clone(&store) as _, business, read_side: None, shutdown });
        // Whoever reacts would do so at times of its own.
        let (front, runners) = app.start();
        drop(runners);
        // A context that was stopped, or a provider that was told to be down, is unavailable.
        let down = ["/stop", "simulator"].iter().any(|word| has(input, word.as_bytes()));
        for request in parts(input).into_iter().take(MOST).filter_map(read) {
            check(request, &front, down).await;
        }
        let all = store.read_all(None, Direction::Forwards, &Filter::all(), usize::MAX).await;
        all.expect("memory can be read").events
    })
}

fn has(input: &[u8], word: &[u8]) -> bool {
    input.windows(word.len()).any(|window| window == word)
}

fn parts(mut input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some(at) = input.windows(NEXT.len()).position(|window| window == NEXT) {
        parts.push(&input[..at]);
        input = &input[at + NEXT.len()..];
    }
    parts.push(input);
    parts
}

/// A request as a server reads it; `None` where no server would.
fn read(input: &[u8]) -> Option<Request<Body>> {
    let end = input.windows(2).position(|window| window == b"\n\n").unwrap_or(input.len());
    let (head, body) = (&input[..end], input.get(end + 2..).unwrap_or_default());
    let mut lines = head.split(|byte| *byte == b'\n');
    let mut words = lines.next()?.splitn(2, |byte| *byte == b' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        request = request.header(&line[..at], line[at + 1..].trim_ascii());
    }
    let request = request.body(Body::from(body.to_vec())).ok()?;
    request.uri().path().starts_with('/').then_some(request)
}

async fn check(request: Request<Body>, front: &Front, down: bool) {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let asked = format!("{method} {path}");
    let answer = front.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    let (parts, body) = answer.into_parts();
    let body = to_bytes(Body::new(body), LARGEST).await.expect("an answer has an end");
    let is_unavailable = down && parts.status == StatusCode::SERVICE_UNAVAILABLE;
    assert!(is_unavailable || !parts.status.is_server_error(), "{asked}: {} {body:?}", parts.status);
    let said = content_type(&parts.headers);
    let json = said.ends_with("json").then(|| serde_json::from_slice::<Value>(&body));
    let is_page = path == "/" || path == "/cancel" || path.starts_with("/web/");
    match json {
        _ if method == Method::HEAD => {}
        Some(Err(error)) => panic!("{asked}: {error} in {body:?}"),
        Some(Ok(json)) if parts.status.as_u16() >= 400 => check_refusal(&asked, said, &json),
        Some(Ok(_)) => {}
        None if parts.status.as_u16() < 400 || (is_page && said.starts_with("text/html")) => {}
        None => panic!("{asked}: {} is refused as {said:?}: {body:?}", parts.status),
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|said| said.to_str().ok()).unwrap_or_default()
}

fn check_refusal(asked: &str, said: &str, problem: &Value) {
    let code = problem["code"].as_str().unwrap_or_default();
    let stable = !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    assert!(said == "application/problem+json" && stable, "{asked}: {said} {problem}");
}
