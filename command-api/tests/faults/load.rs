//! Students who apply and cancel, and what they were told.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::process::{NEVER, Process, main_job};

/// What students were told, over all processes.
#[derive(Default)]
pub(crate) struct Journal {
    /// The ids of what was taken.
    pub(crate) applied: HashSet<String>,
    /// Which of them were cancelled.
    pub(crate) cancelled: HashSet<String>,
    /// How much students write; the same in every repeat of a request.
    letters: usize,
    /// The keys of applications without an answer: perhaps taken, perhaps not.
    unanswered: HashSet<String>,
    /// The ids of cancels without an answer.
    uncancelled: HashSet<String>,
}

/// Students at work.
pub(crate) struct Load {
    client: Client,
    acknowledged: Arc<AtomicUsize>,
    enough: Arc<AtomicBool>,
    students: JoinSet<()>,
}

/// A client that gives up on an answer which never comes: the process may be gone in any moment of it.
fn client() -> Client {
    Client::builder().timeout(Duration::from_secs(60)).build().unwrap()
}

/// The application of a student who writes so much about everything.
fn application(letters: usize) -> String {
    let much = "기".repeat(letters);
    let (name, book, address) = (&much, &much, &much);
    let application = json!({
        "studentId": "student1", "studentName": name, "bookId": "001", "bookName": book,
        "qty": "1", "amount": "1000", "address": address,
    });
    application.to_string()
}

/// A data folder of a process that was stopped after so many acknowledged answers and had done everything.
pub(crate) async fn some_history(data: &Path, journal: &Arc<Mutex<Journal>>, acknowledged: usize) {
    let process = Process::start(main_job(data));
    let load = Load::of(4, &process.url, journal);
    load.until(acknowledged).await;
    load.end().await;
    process.at_rest().await;
    process.stop();
}

impl Load {
    /// So many students, one request each at a time.
    pub(crate) fn of(students: usize, url: &str, journal: &Arc<Mutex<Journal>>) -> Self {
        Self::writing(2, students, url, journal)
    }

    /// The same, with names and addresses of so many letters.
    pub(crate) fn writing(letters: usize, students: usize, url: &str, journal: &Arc<Mutex<Journal>>) -> Self {
        journal.lock().unwrap().letters = letters;
        let mut load = Self {
            client: client(),
            acknowledged: Arc::default(),
            enough: Arc::default(),
            students: JoinSet::new(),
        };
        for _ in 0..students {
            let student = Student {
                client: load.client.clone(),
                url: url.to_owned(),
                application: application(letters),
                enough: Arc::clone(&load.enough),
            };
            load.students.spawn(student.study(Arc::clone(journal), Arc::clone(&load.acknowledged)));
        }
        load
    }

    /// How many applications were acknowledged.
    pub(crate) fn acknowledged(&self) -> usize {
        self.acknowledged.load(Ordering::Relaxed)
    }

    /// Waits until so many were acknowledged.
    pub(crate) async fn until(&self, acknowledged: usize) {
        let began = Instant::now();
        while self.acknowledged() < acknowledged {
            assert!(began.elapsed() < NEVER, "only {} were acknowledged", self.acknowledged());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until every student has ended: by themselves when the process is gone.
    pub(crate) async fn ended(mut self) {
        while let Some(student) = self.students.join_next().await {
            student.unwrap();
        }
    }

    /// Tells the students that it is enough, and waits for them.
    pub(crate) async fn end(self) {
        self.enough.store(true, Ordering::Relaxed);
        self.ended().await;
    }
}

/// Who applies and cancels.
struct Student {
    client: Client,
    url: String,
    application: String,
    enough: Arc<AtomicBool>,
}

impl Student {
    /// Applies, and cancels every fifth time, until it is enough or the process is gone.
    async fn study(self, journal: Arc<Mutex<Journal>>, acknowledged: Arc<AtomicUsize>) {
        for turn in 1.. {
            let key = Uuid::new_v4().to_string();
            journal.lock().unwrap().unanswered.insert(key.clone());
            let Some(response) = self.insist(|| self.apply(&key)).await else { return };
            let id = told(&mut journal.lock().unwrap(), &key, &response);
            acknowledged.fetch_add(1, Ordering::Relaxed);
            if turn % 5 == 0 {
                journal.lock().unwrap().uncancelled.insert(id.clone());
                let Some(response) = self.insist(|| self.cancel(&id)).await else { return };
                assert_eq!(response.status(), StatusCode::OK);
                let mut journal = journal.lock().unwrap();
                journal.uncancelled.remove(&id);
                journal.cancelled.insert(id);
            }
            if self.enough.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn apply(&self, key: &str) -> RequestBuilder {
        let request = self.client.post(format!("{}/applies", self.url)).header("idempotency-key", key);
        request.body(self.application.clone())
    }

    fn cancel(&self, id: &str) -> RequestBuilder {
        self.client.patch(format!("{}/applies/{id}", self.url)).body(r#"{"applyStatus":"cancelled"}"#)
    }

    /// Sends a request again while the answer is "not now"; `None` when the process is gone, or it is
    /// enough.
    async fn insist(&self, request: impl Fn() -> RequestBuilder) -> Option<Response> {
        loop {
            let response = request().send().await.ok()?;
            if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                return Some(response);
            }
            assert!(response.headers().contains_key("retry-after"), "{}", response.text().await.unwrap());
            if self.enough.load(Ordering::Relaxed) {
                return None;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Notes that an application was taken; its id.
fn told(journal: &mut Journal, key: &str, response: &Response) -> String {
    assert_eq!(response.status(), StatusCode::CREATED);
    let id = response.headers()["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned();
    journal.unanswered.remove(key);
    journal.applied.insert(id.clone());
    id
}

/// G5: repeats every request that had no answer, as a patient client does, until each has one.
pub(crate) async fn repeat_the_unanswered(url: &str, journal: &Mutex<Journal>) {
    let (keys, ids) = {
        let mut journal = journal.lock().unwrap();
        (journal.unanswered.clone(), std::mem::take(&mut journal.uncancelled))
    };
    let letters = journal.lock().unwrap().letters;
    let student = Student {
        client: client(),
        url: url.to_owned(),
        application: application(letters),
        enough: Arc::default(),
    };
    for key in keys {
        let response = student.insist(|| student.apply(&key)).await.unwrap();
        told(&mut journal.lock().unwrap(), &key, &response);
    }
    for id in ids {
        let response = student.insist(|| student.cancel(&id)).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        journal.lock().unwrap().cancelled.insert(id);
    }
}
