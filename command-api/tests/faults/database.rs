use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use reqwest::StatusCode;
use serde_json::Value;

use crate::cluster::Cluster;
use crate::load::{Journal, Load};
use crate::process::{NEVER, Process, main_job};
use crate::verdict::everything_is_there_exactly_once;

/// The rows are away: queries say so, and when to come back.
async fn queries_wait(process: &Process) {
    let began = Instant::now();
    loop {
        let answer = process.get("/myPages").await;
        if answer.status() == StatusCode::SERVICE_UNAVAILABLE {
            assert!(answer.headers().contains_key("retry-after"));
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["code"], "READ_MODEL_UNAVAILABLE", "{problem}");
            break;
        }
        assert!(began.elapsed() < NEVER, "queries are answered without a database");
    }
    let troubled = |status: &Value| {
        let projections = status["projections"].as_array().unwrap();
        projections
            .iter()
            .all(|projection| projection["trouble"].is_string() && projection["stopped"].is_null())
    };
    let status = process.until("the status names it", troubled).await;
    assert_eq!(status["status"], "UP", "commands are taken: {status:#}");
}

/// Every row shows what it should, by itself.
async fn rows_catch_up(process: &Process, journal: &Mutex<Journal>) {
    process.at_rest().await;
    let (applied, cancelled) = {
        let journal = journal.lock().unwrap();
        (journal.applied.clone(), journal.cancelled.clone())
    };
    for id in applied {
        let row = process.get(&format!("/myPages/{id}")).await;
        assert_eq!(row.status(), StatusCode::OK, "{id}");
        let row: Value = row.json().await.unwrap();
        let status = if cancelled.contains(&id) { "cancelled" } else { "completed" };
        assert_eq!(row["applyStatus"], status, "{row}");
    }
}

/// The rows are what the log says.
async fn rows_are_right(data: &Path, database: &str) {
    let system = projections::elearning::system();
    let log = projections::open_log(data.join("events").to_str().unwrap()).unwrap();
    let [live, fresh] = [database, "sqlite::memory:"].map(projections::Database::open);
    let rebuilt = projections::rebuild(log, &fresh.await.unwrap(), &system).await.unwrap();
    assert_eq!(projections::rows(&live.await.unwrap(), &system).await.unwrap(), rebuilt);
}

/// G16: a process is started without its database, gets it, and loses it under load. Commands and policies
/// go on all the while, only queries wait, and the rows catch up by themselves.
#[tokio::test(flavor = "multi_thread")]
async fn commands_and_policies_go_on_while_the_database_is_away() {
    let cluster = Cluster::private();
    let database = cluster.database();
    cluster.stop();
    let folder = tempfile::TempDir::new().unwrap();
    let (data, journal) = (folder.path().join("data"), Arc::default());
    let mut command = main_job(&data);
    command.args(["--read-model", &database]);
    let process = Process::start(command);

    let load = Load::of(4, &process.url, &journal);
    load.until(20).await;
    queries_wait(&process).await;
    load.end().await;
    let done = |policy: &Value, head: &Value| policy["open"] == 0 && policy["position"] == *head;
    let all_done = |status: &Value| {
        status["policies"].as_array().unwrap().iter().all(|policy| done(policy, &status["head"]))
    };
    process.until("policies are done", all_done).await;
    cluster.start();
    rows_catch_up(&process, &journal).await;

    let load = Load::of(4, &process.url, &journal);
    load.until(20).await;
    cluster.stop();
    queries_wait(&process).await;
    load.until(load.acknowledged() + 20).await;
    cluster.start();
    load.until(load.acknowledged() + 20).await;
    load.end().await;
    rows_catch_up(&process, &journal).await;
    process.stop();
    rows_are_right(&data, &database).await;
    everything_is_there_exactly_once(&data, &journal, "a database that was away twice").await;
}
