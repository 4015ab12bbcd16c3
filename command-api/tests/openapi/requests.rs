use std::path::Path;
use std::process::Command;

use reqwest::{Method, StatusCode};

use crate::serve;
use crate::support::documents_application;

/// Where `make setup-test` puts it.
fn schemathesis() -> std::path::PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), std::path::PathBuf::from);
    target.join("clients/schemathesis/bin/schemathesis")
}

/// Requests made from the document: no answer is a failure of ours, and none is one that the document
/// does not describe.
async fn finds_nothing(system: &'static str, path: &str, body: &str) {
    let (app, _) = serve(system).await;
    // Queries wait for the first event, so there is one.
    assert_eq!(app.send(Method::POST, path, body.to_owned()).await.status(), StatusCode::CREATED);
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/openapi/schemathesis.toml");
    let mut command = Command::new(schemathesis());
    command
        .arg("--config-file")
        .arg(settings)
        .args(["run", &format!("{}/openapi.json", app.url)])
        .args(["--phases", "coverage,fuzzing", "--max-examples", "10"])
        .args(["--generation-deterministic", "--no-color"])
        // A stream of changes does not end; a context that is stopped and a provider that is away would
        // be so for everybody else.
        .args(["--exclude-path-regex", "/events$|^/contexts/|^/simulator/"]);
    let folder = tempfile::tempdir().unwrap();
    command.current_dir(folder.path());
    let output =
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("make setup-test");
    let (out, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{system}:\n{out}\n{errors}");
    println!("{out}");
}

/// G14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_to_elearning_finds_a_defect() {
    finds_nothing("elearning", "/applies", &documents_application().to_string()).await;
}

/// G14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_to_rentcar_finds_a_defect() {
    finds_nothing("rentcar", "/cars", r#"{"carId": 1, "qty": 3}"#).await;
}
