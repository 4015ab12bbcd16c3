//! The process.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, Response};
use serde_json::{Value, json};

/// Longer than anything takes that works.
pub(crate) const NEVER: Duration = Duration::from_secs(120);

/// A running process that is killed when it goes out of scope.
pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    /// One for all questions: to make one takes longer than to ask.
    client: Client,
}

/// The main job on a folder, not started yet.
pub(crate) fn main_job(data: &Path) -> Command {
    with_arguments(Command::new(env!("CARGO_BIN_EXE_command-api")), data)
}

/// The main job on a folder, run by another program.
pub(crate) fn main_job_under(program: &str, arguments: &[impl AsRef<OsStr>], data: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).arg(env!("CARGO_BIN_EXE_command-api"));
    with_arguments(command, data)
}

fn with_arguments(mut command: Command, data: &Path) -> Command {
    // It says where it listens in its log.
    command.env("GIROK_LOG", "info");
    command.args(["--listen", "127.0.0.1:0", "--head-start-ms", "700", "--data"]).arg(data);
    command
}

impl Process {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(command: Command) -> Self {
        Self::try_start(command).expect("the process says where it listens")
    }

    /// Starts it; `None` when it ends before it listens.
    pub(crate) fn try_start(mut command: Command) -> Option<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let url = lines.find_map(|line| line.split_once("listening on ").map(|(_, url)| url.to_owned()));
        // Whoever does not read makes the process wait.
        std::thread::spawn(move || lines.for_each(drop));
        match url {
            Some(url) => Some(Self { child, url, client: Client::new() }),
            None => {
                assert!(!child.wait().unwrap().success(), "a process that does not listen has failed");
                None
            }
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal (`STOP`, `CONT`).
    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{signal}"), &pid]).status().unwrap().success());
    }

    /// SIGTERM, and a clean end.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        assert!(self.child.wait().unwrap().success(), "exit code 0 after SIGTERM");
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub(crate) async fn status(&self) -> Value {
        self.get("/status").await.json().await.unwrap()
    }

    /// Asks for the status until it is as wanted, for as long as anything moves.
    pub(crate) async fn until(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let (mut moved, mut before) = (Instant::now(), Value::Null);
        loop {
            let status = self.status().await;
            if is(&status) {
                return status;
            }
            if status != before {
                (moved, before) = (Instant::now(), status);
            }
            assert!(moved.elapsed() < NEVER, "never: {what}; {before:#}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no policy and no projection has anything left to do.
    pub(crate) async fn at_rest(&self) {
        self.until("at rest", |status| {
            let idle = |policy: &Value| {
                assert_eq!(policy["parked"], json!([]), "{policy}");
                policy["open"] == 0 && policy["running"] == true && policy["position"] == status["head"]
            };
            let kept_up = |projection: &Value| projection["lag"] == 0;
            let all =
                |list: &str, is: &dyn Fn(&Value) -> bool| status[list].as_array().unwrap().iter().all(is);
            status["problems"] == json!([]) && all("policies", &idle) && all("projections", &kept_up)
        })
        .await;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already, or killed here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
