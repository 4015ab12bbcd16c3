//! A read side of its own for every test, and what people do with it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use domain::elearning::Fact;
use domain::kernel::{Event, Metadata, RequestId};
use event_store::{Decoded, EventStore, ExpectedRevision, MemoryStore, NewEvent, Position, StreamName};
use projections::query::QueryOptions;
use projections::{Database, ReadSide, Rows, StepError, System, elearning, rebuild, rows};
use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;
use uuid::Uuid;

use crate::place::Place;

/// When the first event of every test happened, in milliseconds since the Unix epoch.
const BEGINNING: u64 = 1_700_000_000_000;

/// A log, a folder with the database, and the read side over them.
pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) system: System,
    pub(crate) database: Database,
    place: Place,
    running: Option<(ReadSide, CancellationToken)>,
    router: Router,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl World {
    /// A read side that runs over an empty log.
    pub(crate) async fn running() -> Self {
        let mut world = Self::asleep(elearning::system()).await;
        world.start().await.unwrap();
        world
    }

    /// The same, not started.
    pub(crate) async fn asleep(system: System) -> Self {
        Self::at(Place::new().await, system).await
    }

    /// The same, with the rows there.
    pub(crate) async fn at(place: Place, system: System) -> Self {
        let database = Database::open(&place.url()).await.unwrap();
        let store = Arc::new(MemoryStore::default());
        Self { store, system, database, place, running: None, router: Router::new() }
    }

    pub(crate) async fn start(&mut self) -> Result<(), StepError> {
        self.start_with(QueryOptions { wait: Duration::from_secs(60), ..QueryOptions::default() }).await
    }

    pub(crate) async fn start_with(&mut self, options: QueryOptions) -> Result<(), StepError> {
        let shutdown = CancellationToken::new();
        let store: Arc<dyn EventStore> = self.store.clone();
        let side = ReadSide::start(store, self.database.clone(), &self.system, shutdown.clone()).await?;
        self.router = side.router_with(options);
        self.running = Some((side, shutdown));
        Ok(())
    }

    /// Stops the process and answers from another that only reads, whether or not the database is there.
    #[allow(dead_code, reason = "only a server can be away")]
    pub(crate) async fn watched_by_another(&mut self) {
        let (side, shutdown) = self.running.take().unwrap();
        shutdown.cancel();
        side.stopped().await;
        self.database = Database::open_to_read(&self.place.url()).await.unwrap();
        let shutdown = CancellationToken::new();
        let store: Arc<dyn EventStore> = self.store.clone();
        let side = ReadSide::observe(store, self.database.clone(), &self.system, shutdown.clone());
        self.router =
            side.router_with(QueryOptions { wait: Duration::from_secs(60), ..QueryOptions::default() });
        self.running = Some((side, shutdown));
    }

    /// Another process that only reads, beside this one.
    pub(crate) fn beside(&self, shutdown: &CancellationToken) -> ReadSide {
        let store: Arc<dyn EventStore> = self.store.clone();
        ReadSide::observe(store, self.database.clone(), &self.system, shutdown.clone())
    }

    /// Stops the process and starts the next one, whether or not the database is there.
    #[allow(dead_code, reason = "only a server can be away")]
    pub(crate) async fn restarted(&mut self) {
        let (side, shutdown) = self.running.take().unwrap();
        shutdown.cancel();
        side.stopped().await;
        let shutdown = CancellationToken::new();
        let store: Arc<dyn EventStore> = self.store.clone();
        let side = ReadSide::open(store, &self.place.url(), &self.system, shutdown.clone()).await.unwrap();
        self.router =
            side.router_with(QueryOptions { wait: Duration::from_secs(60), ..QueryOptions::default() });
        self.running = Some((side, shutdown));
    }

    /// Stops the process and opens its database again, as the next process would.
    pub(crate) async fn stop(&mut self) {
        let (side, shutdown) = self.running.take().unwrap();
        shutdown.cancel();
        side.stopped().await;
        self.router = Router::new();
        self.database = Database::open(&self.place.url()).await.unwrap();
    }

    pub(crate) fn side(&self) -> &ReadSide {
        &self.running.as_ref().unwrap().0
    }

    pub(crate) fn shutdown(&self) {
        self.running.as_ref().unwrap().1.cancel();
    }

    /// Puts what happened on the log, one event each.
    pub(crate) async fn happened(&self, facts: impl IntoIterator<Item = Fact>) -> Position {
        let mut last = Position(0);
        for fact in facts {
            let (stream, name, data) = parts(&fact);
            last = self.appended(&stream, name, data, Some(1)).await;
        }
        last
    }

    /// Puts any bytes on the log; without a version, without metadata.
    pub(crate) async fn appended(
        &self,
        stream: &str,
        name: &str,
        data: Vec<u8>,
        version: Option<u16>,
    ) -> Position {
        let next = self.store.head().await.unwrap().map_or(0, |head| head.0 + 1);
        let metadata = version.map(|schema_version| Metadata {
            correlation_id: Uuid::nil(),
            causation_id: Uuid::nil(),
            actor: "student:student1".into(),
            time: BEGINNING + next,
            schema_version,
        });
        let event = NewEvent {
            id: Uuid::new_v4(),
            event_type: name.to_owned().into(),
            data: data.into(),
            metadata: metadata.map(|metadata| metadata.encode()).unwrap_or_default().into(),
            decoded: Decoded::default(),
        };
        let stream = StreamName::new(stream).unwrap();
        self.store.append(&stream, ExpectedRevision::Any, vec![event]).await.unwrap().position
    }

    /// Waits until a projection considered a position, or stopped; the reason if it stopped.
    pub(crate) async fn considered(&self, projection: &str, position: Position) -> Option<String> {
        let mut progress = self.side().progress(projection).unwrap();
        let settled = progress.wait_for(|p| p.considered >= Some(position) || p.stopped.is_some());
        settled.await.unwrap().stopped.clone()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let response = self.open(path, &[]).await;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        Answer { status: parts.status, headers: parts.headers, body: serde_json::from_slice(&body).unwrap() }
    }

    /// An answer whose body is still to be read.
    pub(crate) async fn open(&self, path: &str, headers: &[(&str, &str)]) -> axum::response::Response {
        let mut request = Request::get(path).header("host", "here");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    }

    /// The MyPage row of an application, once it shows everything up to a position.
    pub(crate) async fn my_page(&self, id: RequestId, after: Position) -> Value {
        let answer = self.get(&format!("/myPages/{id}?after={after}&strict=true")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    /// Does something to the database behind everybody's back.
    pub(crate) async fn tamper(&self, statement: &'static str) {
        let mut connection = AnyConnection::connect(&self.place.url()).await.unwrap();
        connection.execute(statement).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Where its rows are.
    pub(crate) fn url(&self) -> String {
        self.place.url()
    }

    /// How many rows a table has.
    pub(crate) async fn rows_of(&self, table: &'static str) -> i64 {
        let mut connection = AnyConnection::connect(&self.place.url()).await.unwrap();
        let statement = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap()
    }

    /// The rows as they are.
    pub(crate) async fn rows(&self) -> Rows {
        rows(&self.database, &self.system).await.unwrap()
    }

    /// The rows as they would be, had they been made today from the whole log.
    pub(crate) async fn rebuilt(&self) -> Rows {
        let database = Database::open("sqlite::memory:").await.unwrap();
        rebuild(self.store.clone(), &database, &self.system).await.unwrap()
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The items of a list.
    pub(crate) fn items(&self, name: &str) -> &[Value] {
        self.body["_embedded"][name].as_array().unwrap()
    }

    /// The path and query of a link.
    pub(crate) fn link(&self, relation: &str) -> Option<&str> {
        let address = self.body["_links"][relation]["href"].as_str()?;
        Some(address.strip_prefix("http://here").unwrap())
    }
}

/// The stream, the name and the JSON of a fact.
pub(crate) fn parts(fact: &Fact) -> (String, &'static str, Vec<u8>) {
    let (aggregate, name, json) = match fact {
        Fact::Apply(event) => ("apply", event.name(), event.encode()),
        Fact::Payment(event) => ("payment", event.name(), event.encode()),
        Fact::Delivery(event) => ("delivery", event.name(), event.encode()),
    };
    let body: Value = serde_json::from_slice(&json).unwrap();
    let id = body.pointer("/application/id").or(body.pointer("/sale/id")).unwrap().as_str().unwrap();
    (format!("elearning.{aggregate}-{id}"), name, json)
}
