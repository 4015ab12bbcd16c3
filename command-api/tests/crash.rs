//! The real process, killed in the middle of its work, again and again. Whatever it acknowledged is
//! there afterwards, exactly once.
//!
//! `GIROK_CRASH_CYCLES` says how often; `make torture` says 50.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use event_store::{Direction, EmbeddedStore, EventStore, Filter};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use uuid::Uuid;

/// A running process that is killed when it goes out of scope.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_command-api"))
            .args(["--listen", "127.0.0.1:0", "--head-start-ms", "700", "--data"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url =
            lines.find_map(|line| line.unwrap().split_once("listening on ").map(|(_, url)| url.to_owned()));
        // Whoever does not read makes the process wait.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: url.expect("the process says where it listens") }
    }

    /// `kill -9`.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and a clean end.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success(), "exit code 0 after SIGTERM");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _already_gone = self.child.kill();
    }
}

/// What the process acknowledged.
#[derive(Default)]
struct Journal {
    applied: HashSet<String>,
    cancelled: HashSet<String>,
}

/// Applies, and now and then cancels, until the process dies.
async fn student(client: Client, url: String, journal: Arc<Mutex<Journal>>, acknowledged: Arc<AtomicUsize>) {
    let body = json!({ "studentId": "student1", "bookId": "001", "qty": "1", "amount": "1000" }).to_string();
    for turn in 0.. {
        let Ok(response) = client.post(format!("{url}/applies")).body(body.clone()).send().await else {
            return;
        };
        assert_eq!(response.status(), StatusCode::CREATED);
        let location = response.headers()["location"].to_str().unwrap().to_owned();
        let id = location.rsplit('/').next().unwrap().to_owned();
        journal.lock().await.applied.insert(id.clone());
        acknowledged.fetch_add(1, Ordering::Relaxed);
        if turn % 5 == 4 {
            let cancel = client.patch(location).body(r#"{"applyStatus":"cancelled"}"#).send().await;
            let Ok(response) = cancel else { return };
            assert_eq!(response.status(), StatusCode::OK);
            journal.lock().await.cancelled.insert(id);
        }
    }
}

/// Waits until no policy and no projection has anything left to do.
async fn at_rest(url: &str) {
    for _ in 0..6000 {
        let status: Value = reqwest::get(format!("{url}/status")).await.unwrap().json().await.unwrap();
        assert_eq!(status["problems"], json!([]));
        let idle = |policy: &Value| {
            assert_eq!(policy["parked"], json!([]), "{policy}");
            policy["open"] == 0 && policy["running"] == true
        };
        let kept_up = |projection: &Value| projection["lag"] == 0;
        let all = |list: &str, is: &dyn Fn(&Value) -> bool| status[list].as_array().unwrap().iter().all(is);
        let caught_up = |policy: &Value| policy["position"] == status["head"];
        if all("policies", &|policy| idle(policy) && caught_up(policy)) && all("projections", &kept_up) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the process never comes to rest");
}

/// G5, EL-I2, EL-I16, EL-I20, G10: kill -9 under load.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_survives_any_number_of_kills_exactly_once() {
    let cycles = std::env::var("GIROK_CRASH_CYCLES").map_or(8, |cycles| cycles.parse::<u64>().unwrap());
    let folder = tempfile::TempDir::new().unwrap();
    let data = folder.path().join("data");
    let journal = Arc::new(Mutex::new(Journal::default()));
    for cycle in 0..cycles {
        let mut process = Process::start(&data);
        let acknowledged = Arc::new(AtomicUsize::new(0));
        // Somewhere between the first acknowledgement and the five hundredth.
        let enough = 1 + (Uuid::new_v5(&Uuid::nil(), &cycle.to_le_bytes()).as_u128() % 500) as usize;
        let client = Client::new();
        let students = (0..8).map(|_| {
            let (journal, acknowledged) = (Arc::clone(&journal), Arc::clone(&acknowledged));
            tokio::spawn(student(client.clone(), process.url.clone(), journal, acknowledged))
        });
        let students: Vec<_> = students.collect();
        while acknowledged.load(Ordering::Relaxed) < enough {
            tokio::task::yield_now().await;
        }
        process.kill();
        for student in students {
            student.await.unwrap();
        }
    }
    let process = Process::start(&data);
    at_rest(&process.url).await;
    process.stop();
    let journal = journal.lock().await;
    check(&data, &journal).await;
    println!(
        "{cycles} kills: {} applications and {} cancels acknowledged, 0 lost, 0 doubled",
        journal.applied.len(),
        journal.cancelled.len()
    );
}

/// Compares what was acknowledged with the log, and the log with the read models.
async fn check(data: &Path, journal: &Journal) {
    let store: Arc<dyn EventStore> = Arc::new(EmbeddedStore::open(data.join("events")).unwrap());
    let mut stories: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let filter = Filter::categories(["elearning.apply", "elearning.payment", "elearning.delivery"]);
    let all = store.read_all(None, Direction::Forwards, &filter, usize::MAX).await.unwrap();
    for event in all.events {
        let (_, id) = event.stream.as_str().split_once('-').unwrap();
        stories.entry(id.to_owned()).or_default().push(event.event_type.to_string());
    }
    for id in &journal.applied {
        assert!(stories.contains_key(id), "{id} was acknowledged and is lost");
    }
    for (id, story) in &stories {
        let times = |event: &str| story.iter().filter(|happened| *happened == event).count();
        let at_most_once = ["Applied", "ApplyCancelled", "PayCompleted", "PayCancelled", "DeliveryStarted"];
        assert!(at_most_once.iter().all(|event| times(event) <= 1), "{id}: {story:?}");
        if times("ApplyCancelled") == 1 {
            let undone = times("PayCancelled") == 1 && times("DeliveryStarted") <= times("DeliveryCancelled");
            assert!(undone, "{id}: {story:?}");
        } else {
            assert!(!journal.cancelled.contains(id), "the cancel of {id} was acknowledged and is lost");
            assert_eq!((times("PayCompleted"), times("DeliveryStarted")), (1, 1), "{id}: {story:?}");
        }
    }
    let live = database(&data.join("read-model.db")).await;
    let fresh = database(&data.join("rebuilt.db")).await;
    let system = projections::elearning::system();
    let rebuilt = projections::rebuild(store, &fresh, &system).await.unwrap();
    assert_eq!(rebuilt["my_page"].len(), stories.len());
    assert_eq!(projections::rows(&live, &system).await.unwrap(), rebuilt);
}

async fn database(file: &Path) -> projections::Database {
    projections::Database::open(&format!("sqlite:{}", file.display())).await.unwrap()
}
