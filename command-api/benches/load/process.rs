//! The main job, on a folder.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// How often a second the kernel counts (`getconf CLK_TCK`, 100 on every Linux that we know of).
const TICKS: f64 = 100.0;

pub(crate) struct Process {
    child: Child,
    pub(crate) url: String,
    folder: PathBuf,
    /// A folder that goes with the process.
    own: Option<TempDir>,
}

impl Process {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let own = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let process = Self::start_on(own.path(), arguments);
        Self { own: Some(own), ..process }
    }

    /// On a folder that is there.
    pub(crate) fn start_on(folder: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_command-api"))
            .args(["--listen", "127.0.0.1:0", "--data"])
            .arg(folder)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the process starts");
        let mut log = BufReader::new(child.stdout.take().expect("piped"));
        let mut lines = log.by_ref().lines();
        let url =
            lines.find_map(|line| line.ok()?.split_once("listening on ").map(|(_, url)| url.to_owned()));
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        let url = url.expect("the process says where it listens");
        Self { child, url, folder: folder.to_owned(), own: None }
    }

    /// How many bytes of its log are written; the zeros that are laid ahead are not.
    pub(crate) fn log_bytes(&self) -> usize {
        let files = std::fs::read_dir(self.folder.join("events")).expect("a log");
        let files = files.map(|entry| entry.expect("an entry").path());
        let logs = files.filter(|file| file.extension().is_some_and(|extension| extension == "log"));
        let written = |file: PathBuf| {
            let bytes = std::fs::read(file).expect("a segment");
            bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
        };
        logs.map(written).sum()
    }

    pub(crate) async fn status(&self) -> Value {
        let answer = reqwest::get(format!("{}/status", self.url)).await.expect("an answer");
        answer.json().await.expect("JSON")
    }

    /// How long it takes until every reaction is carried out and every projection at the head.
    pub(crate) async fn drain(&self) -> Duration {
        let began = Instant::now();
        loop {
            let status = self.status().await;
            let none = |list: &str, field: &str| {
                status[list].as_array().expect("a list").iter().all(|one| one[field] == 0)
            };
            if none("policies", "open") && none("projections", "lag") {
                return began.elapsed();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How much processor time it took so far, in seconds.
    pub(crate) fn cpu(&self) -> f64 {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let fields: Vec<_> = text.rsplit(')').next().expect("a name").split_whitespace().collect();
        let ticks = |field: usize| fields[field].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / TICKS
    }

    /// The most memory that it ever had, in MiB.
    pub(crate) fn memory(&self) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
    }

    /// Ends it, but keeps its folder.
    pub(crate) fn stop(mut self) -> Option<TempDir> {
        self.child.kill().and_then(|()| self.child.wait()).expect("the process ends");
        self.own
    }
}
