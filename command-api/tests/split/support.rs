//! Processes, and somebody who applies.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};

/// Longer than anything takes that works.
pub(crate) const NEVER: Duration = Duration::from_secs(90);

/// A process that is killed when it goes out of scope.
pub(crate) struct Process(pub(crate) Child);

impl Process {
    /// Starts a process and waits until it listens.
    pub(crate) fn start(arguments: &[&str]) -> Self {
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
    pub(crate) fn stop(mut self) {
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
pub(crate) fn free_addresses<const N: usize>() -> [String; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().to_string())
}

/// Asks again until the answer is as wanted.
pub(crate) async fn until(what: &str, url: &str, is: impl Fn(&Value) -> bool) -> Value {
    let (client, began) = (Client::new(), Instant::now());
    loop {
        let answer = match client.get(url).send().await {
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

/// Applies until it is taken: with a store that is away nothing is taken. `None` when nobody is there.
pub(crate) async fn apply(client: &Client, url: &str, key: &str) -> Option<(String, Value)> {
    let body =
        json!({ "studentId": "s", "bookId": "b", "qty": 1, "amount": 1000, "address": "seoul" }).to_string();
    let began = Instant::now();
    loop {
        let request = client.post(format!("{url}/applies")).header("idempotency-key", key).body(body.clone());
        let response = request.send().await.ok()?;
        if response.status() == 201 {
            let applied: Value = response.json().await.ok()?;
            return Some((applied["id"].as_str().unwrap().to_owned(), applied));
        }
        assert_eq!(response.status(), 503, "a store that is away is no defect");
        assert!(began.elapsed() < NEVER, "never taken");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
