//! A log, rows and the program between them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use domain::elearning::Fact;
use domain::kernel::{Event, Metadata};
use event_store::{
    Decoded, Direction, EmbeddedStore, EventStore, ExpectedRevision, Filter, NewEvent, StreamName,
};
use serde_json::Value;
use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};
use tempfile::TempDir;
use uuid::Uuid;

use crate::stories::*;

/// Longer than anything is waited for.
const NEVER: Duration = Duration::from_secs(90);

/// A log on disk, and rows in SQLite.
pub(crate) struct Desk {
    folder: TempDir,
    events: PathBuf,
}

/// What a command said.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Desk {
    /// A log in which these students were served.
    pub(crate) async fn with_students(count: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let desk = Self { events: folder.path().join("events"), folder };
        let store = EmbeddedStore::open(desk.events()).unwrap();
        let mut cause = Uuid::from_u128(7);
        for n in 0..count {
            for fact in happy(&wanted_by("student1", n)) {
                cause = append(&store, &fact, cause).await;
            }
        }
        desk
    }

    pub(crate) fn events(&self) -> PathBuf {
        self.events.clone()
    }

    /// From here on the log is in another folder; where it was.
    pub(crate) fn moves(&mut self, events: &Path) -> PathBuf {
        std::mem::replace(&mut self.events, events.to_owned())
    }

    /// A worker runs until every row is there, and is told to stop.
    pub(crate) fn runs_until_kept_up(&self) {
        let mut worker = self.command("run").stderr(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        let behind = |row: &Value| row["lag"] != 0;
        while self.says("status --format json").json().as_array().unwrap().iter().any(behind) {
            assert!(began.elapsed() < NEVER, "the worker never gets there");
        }
        let told = Command::new("kill").args(["-TERM", &worker.id().to_string()]).status().unwrap();
        assert!(told.success() && worker.wait().unwrap().success());
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.folder.path().join("read.db").display())
    }

    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_projections"));
        command.args(words.split(' ')).env("GIROK_STORE", self.events()).env("GIROK_READ_MODEL", self.url());
        command
    }

    pub(crate) fn says(&self, words: &str) -> Answer {
        let Output { status, stdout, stderr } = self.command(words).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
    }

    /// Another student is served.
    pub(crate) async fn serves(&self, n: u64) {
        let store = EmbeddedStore::open(self.events()).unwrap();
        let mut cause = Uuid::from_u128(7);
        for fact in happy(&wanted_by("student1", n)) {
            cause = append(&store, &fact, cause).await;
        }
    }

    /// When each event was recorded, in microseconds since the Unix epoch.
    pub(crate) async fn recorded(&self) -> Vec<u64> {
        let store = EmbeddedStore::open(self.events()).unwrap();
        let all = store.read_all(None, Direction::Forwards, &Filter::all(), 1000).await.unwrap();
        all.events.iter().map(|event| event.recorded_at).collect()
    }

    /// An event comes that no program of this version can read.
    pub(crate) async fn unreadable(&self) {
        let store = EmbeddedStore::open(self.events()).unwrap();
        let stream = StreamName::new("elearning.payment-odd").unwrap();
        let event = NewEvent {
            id: Uuid::new_v4(),
            event_type: "PayCompleted".into(),
            data: b"{}".to_vec().into(),
            metadata: Vec::new().into(),
            decoded: Decoded::default(),
        };
        store.append(&stream, ExpectedRevision::NoStream, vec![event]).await.unwrap();
    }

    pub(crate) async fn tamper(&self, statement: &str) {
        install_default_drivers();
        let mut connection = AnyConnection::connect(&self.url()).await.unwrap();
        connection.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }
}

async fn append(store: &EmbeddedStore, fact: &Fact, cause: Uuid) -> Uuid {
    let (aggregate, name, data) = match fact {
        Fact::Apply(event) => ("apply", event.name(), event.encode()),
        Fact::Payment(event) => ("payment", event.name(), event.encode()),
        Fact::Delivery(event) => ("delivery", event.name(), event.encode()),
    };
    let body: Value = serde_json::from_slice(&data).unwrap();
    let id = body.pointer("/application/id").or(body.pointer("/sale/id")).unwrap().as_str().unwrap();
    let actor = if aggregate == "apply" { "student:student1" } else { "policy:payment" };
    let metadata = Metadata {
        correlation_id: Uuid::nil(),
        causation_id: cause,
        actor: actor.into(),
        time: 1_700_000_000_000,
        schema_version: 1,
    };
    let event = NewEvent {
        id: Uuid::new_v4(),
        event_type: name.into(),
        data: data.into(),
        metadata: metadata.encode().into(),
        decoded: Decoded::default(),
    };
    let id = (event.id, StreamName::new(format!("elearning.{aggregate}-{id}")).unwrap());
    store.append(&id.1, ExpectedRevision::Any, vec![event]).await.unwrap();
    id.0
}
