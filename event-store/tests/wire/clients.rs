//! The clients of other languages (DESIGN 6: the official clients of any language).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::server::Server;

fn installed() -> PathBuf {
    // Beside the temporary folder that cargo gives to tests.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("clients");
    let there = folder.join("node_modules/@eventstore/db-client").exists()
        && folder.join("python/esdbclient").exists();
    assert!(there, "the clients are missing; install them: event-store/tests/clients/install");
    folder
}

async fn run(program: &str, script: &str, url: &str, part: &str) {
    let (folder, here) = (installed(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients"));
    let mut command = Command::new(program);
    command.arg(here.join(script)).args([url, part]).stdin(Stdio::null());
    command.env("NODE_PATH", folder.join("node_modules")).env("PYTHONPATH", folder.join("python"));
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{script} {part}:\n{}\n{}", said(&output.stdout), said(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_client_does_everything_and_finds_it_again_after_a_restart() {
    let server = Server::start().await;
    run("node", "scenario.js", &server.url(), "before").await;
    let server = server.restart().await;
    run("node", "scenario.js", &server.url(), "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_client_does_everything_and_finds_it_again_after_a_restart() {
    let server = Server::start().await;
    run("python3", "scenario.py", &server.url(), "before").await;
    let server = server.restart().await;
    run("python3", "scenario.py", &server.url(), "after").await;
}
