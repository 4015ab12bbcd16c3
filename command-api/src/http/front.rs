//! What every request passes on its way to its route: it is named, how long its answer took is counted, and
//! after many answers others have their turn. One service around all routes, whose future is no allocation of its own.

use std::cell::Cell;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tower::Service;
use uuid::Uuid;

use crate::operate::{Requests, method};

/// Tells requests apart in logs and in the causation of events.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: Uuid;
}

/// The name of the HTTP request that is being answered here.
pub(crate) fn current() -> Option<Uuid> {
    CURRENT.try_with(|id| *id).ok()
}

/// After so many answers a worker of the runtime lets others have its core.
const TURN: u32 = 64;

/// Counts an answer of this worker. The system lets a thread that is never done run from tick to tick, which are
/// 4 ms on most machines, and for as long waits whatever shares its core: the other worker with the requests
/// that it has begun, the writer of the log, the client.
fn take_turns() {
    thread_local! {
        static ANSWERED: Cell<u32> = const { Cell::new(0) };
    }
    let answered = ANSWERED.get() + 1;
    ANSWERED.set(answered % TURN);
    if answered == TURN {
        thread::yield_now();
    }
}

/// All routes, and what is around them.
#[derive(Clone)]
pub struct Front {
    routes: Router,
    requests: Requests,
}

impl Front {
    /// In front of these routes.
    pub(crate) fn new(routes: Router, requests: Requests) -> Self {
        Self { routes, requests }
    }
}

impl Service<Request> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// Names the request (as the client does, when its `X-Request-Id` is a UUID) and answers with that name.
    fn call(&mut self, request: Request) -> Answering {
        let began = Instant::now();
        let named = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok()?.parse().ok());
        let id = named.unwrap_or_else(Uuid::now_v7);
        let method = method(request.method());
        let answer = CURRENT.scope(id, self.routes.call(request));
        Answering { answer, id, began, method, requests: self.requests.clone() }
    }
}

pin_project! {
    /// A request that is being answered.
    pub struct Answering {
        #[pin]
        answer: TaskLocalFuture<Uuid, RouteFuture<Infallible>>,
        id: Uuid,
        began: Instant,
        method: &'static str,
        requests: Requests,
    }
}

impl Future for Answering {
    type Output = Result<Response, Infallible>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Ok(mut response) = ready!(this.answer.poll(context));
        let id = HeaderValue::from_str(this.id.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()));
        response.headers_mut().insert(REQUEST_ID, id.expect("a UUID is a header"));
        this.requests.count(this.method, response.status(), this.began.elapsed());
        take_turns();
        Poll::Ready(Ok(response))
    }
}
