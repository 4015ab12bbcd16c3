use std::sync::Arc;

use reqwest::StatusCode;

use crate::load::{Load, some_history};
use crate::process::{Process, main_job_under};
use crate::verdict::{events, everything_is_there_exactly_once};

/// G16: a disk that cannot sync stops the writer for good. Nothing unacknowledged is claimed, reads go
/// on, and health says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_stops_the_writer_and_nothing_is_claimed() {
    let folder = tempfile::TempDir::new().unwrap();
    let (data, journal) = (folder.path().join("data"), Arc::default());
    some_history(&data, &journal, 20).await;

    // Every sync of the log from the fortieth on fails; the read models are on another file.
    let logs = std::fs::read_dir(data.join("events")).unwrap().map(|entry| entry.unwrap().path());
    let logs = logs.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    let mut strace =
        vec!["-D", "-f", "-qq", "-o", "/dev/null"].into_iter().map(str::to_owned).collect::<Vec<_>>();
    strace.extend(["-e", "inject=fdatasync:error=EIO:when=40+"].map(str::to_owned));
    for log in logs {
        strace.extend(["-P".to_owned(), log.display().to_string()]);
    }
    let mut process = Process::start(main_job_under("strace", &strace, &data));
    let load = Load::of(4, &process.url, &journal);
    let status = process.until("out of service", |status| status["status"] == "OUT_OF_SERVICE").await;
    assert!(status["problems"][0].as_str().unwrap().contains("takes no writes"), "{status:#}");
    load.end().await;
    let ask = async |path: &str| process.get(path).await.status();
    assert_eq!(ask("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask("/healthz").await, StatusCode::OK);
    assert_eq!(ask("/myPages?studentId=student1").await, StatusCode::OK, "reads go on");
    let acknowledged = journal.lock().unwrap().applied.len();
    process.kill();
    let applied = events(&data).await.iter().filter(|event| &*event.event_type == "Applied").count();
    assert!(applied >= acknowledged, "{acknowledged} were acknowledged, {applied} are there");
    everything_is_there_exactly_once(&data, &journal, "a failed sync").await;
}
