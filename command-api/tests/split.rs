//! Every context a process of its own: one of them serves the event store, the others join it over the
//! EventStoreDB protocol, and the synchronous calls go over HTTP. Processes are killed, not stopped.

#![allow(clippy::unwrap_used, reason = "a test ends where it fails")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use event_store::{Direction, EmbeddedStore, EventStore, Filter};
use reqwest::Client;
use serde_json::{Value, json};

/// Longer than anything takes that works.
const NEVER: Duration = Duration::from_secs(90);

/// A process that is killed when it goes out of scope.
struct Process(Child);

impl Process {
    /// Starts a process and waits until it listens.
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_command-api"))
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let listens = lines.any(|line| line.unwrap().contains("listening on "));
        // Whoever does not read makes the process wait.
        std::thread::spawn(move || lines.for_each(drop));
        assert!(listens, "the process says that it listens");
        Self(child)
    }

    /// SIGTERM, and a clean end.
    fn stop(mut self) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.0.wait().unwrap().success(), "exit code 0 after SIGTERM");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already, or killed here.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Addresses on this machine that nobody listens on.
fn free_addresses<const N: usize>() -> [String; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().to_string())
}

/// Asks again until the answer is as wanted.
async fn until(what: &str, url: &str, is: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let answer = match reqwest::get(url).await {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        };
        if is(&answer) {
            return answer;
        }
        assert!(began.elapsed() < NEVER, "never: {what}; {answer:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Applies until somebody takes it: with a store that is away nothing is taken.
async fn apply(client: &Client, url: &str, key: &str) -> (String, Value) {
    let body =
        json!({ "studentId": "s", "bookId": "b", "qty": 1, "amount": 1000, "address": "seoul" }).to_string();
    let began = Instant::now();
    loop {
        let request = client.post(format!("{url}/applies")).header("idempotency-key", key).body(body.clone());
        let response = request.send().await.unwrap();
        if response.status() == 201 {
            let applied: Value = response.json().await.unwrap();
            return (applied["id"].as_str().unwrap().to_owned(), applied);
        }
        assert_eq!(response.status(), 503, "a store that is away is no defect");
        assert!(began.elapsed() < NEVER, "never taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// DESIGN 2 and 6, G12, G15, EL-I2, EL-I5, EL-I11, EL-I20.
#[tokio::test]
async fn contexts_in_processes_of_their_own_survive_each_other() {
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let [store, delivery, payment, apply_at] = free_addresses();
    let esdb = format!("esdb://{store}?tls=false");
    let (delivery_url, payment_url) = (format!("http://{delivery}"), format!("http://{payment}"));
    let url = format!("http://{apply_at}");
    let (d, p, a) = (at("delivery"), at("payment"), at("apply"));
    let start_delivery = || {
        let arguments =
            ["--data", &d, "--contexts", "delivery", "--listen", &delivery, "--serve-store", &store];
        Process::start(&[&arguments[..], &["--without-read-side"]].concat())
    };
    let start_payment = || {
        let arguments = ["--data", &p, "--contexts", "payment", "--listen", &payment, "--store", &esdb];
        Process::start(&[&arguments[..], &["--delivery-url", &delivery_url, "--without-read-side"]].concat())
    };
    let start_apply = || {
        let arguments = ["--data", &a, "--contexts", "apply", "--listen", &apply_at, "--store", &esdb];
        Process::start(&[&arguments[..], &["--payment-url", &payment_url]].concat())
    };
    let (mut delivers, mut pays, applies) = (start_delivery(), start_payment(), start_apply());
    let client = Client::new();
    let my_page = |id: &str| format!("{url}/myPages/{id}");
    let started = |page: &Value| page["deliveryStatus"] == "started";

    let (first, applied) = apply(&client, &url, "first").await;
    assert_eq!(applied["payStatus"], "completed", "asked over HTTP");
    until("delivered", &my_page(&first), started).await;

    drop(pays);
    let (second, applied) = apply(&client, &url, "second").await;
    assert_eq!(applied["payStatus"], "pending", "payment is killed");
    pays = start_payment();
    until("paid for and delivered later", &my_page(&second), started).await;

    drop(delivers);
    let cancel = client.patch(format!("{url}/applies/{first}")).body(r#"{"applyStatus":"cancelled"}"#);
    assert_eq!(cancel.send().await.unwrap().status(), 503, "the store is killed: nothing half done");
    delivers = start_delivery();
    let (third, _) = apply(&client, &url, "third").await;
    until("delivered by the next process", &my_page(&third), started).await;
    until("still as it was", &my_page(&first), |page| page["applyStatus"] == "completed").await;
    let began = Instant::now();
    while client
        .patch(format!("{url}/applies/{first}"))
        .body(r#"{"applyStatus":"cancelled"}"#)
        .send()
        .await
        .unwrap()
        .status()
        != 200
    {
        assert!(began.elapsed() < NEVER, "never cancelled");
    }
    let undone = |page: &Value| page["payStatus"] == "cancelled" && page["deliveryStatus"] == "cancelled";
    until("undone across processes", &my_page(&first), undone).await;

    applies.stop();
    pays.stop();
    delivers.stop();
    check(&folder.path().join("delivery/events"), [(first, 8), (second, 4), (third, 4)]).await;
}

/// Every story has as many events as it should: nothing twice, nothing lost.
async fn check(log: &Path, stories: [(String, usize); 3]) {
    let store = EmbeddedStore::open(log).unwrap();
    let categories = Filter::categories(["elearning.apply", "elearning.payment", "elearning.delivery"]);
    let all = store.read_all(None, Direction::Forwards, &categories, usize::MAX).await.unwrap();
    for (id, events) in stories {
        let of = all.events.iter().filter(|event| event.stream.as_str().ends_with(&id));
        let of: Vec<_> = of.map(|event| &*event.event_type).collect();
        assert_eq!(of.len(), events, "{of:?}");
    }
}
