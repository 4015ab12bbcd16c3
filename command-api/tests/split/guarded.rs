//! The events of a process are for those who know the password, and over TLS.

use std::path::Path;
use std::process::Command;

use event_store::EventStoreDb;

use crate::support::{Process, free_addresses};

/// DESIGN 9.
#[tokio::test]
async fn whoever_joins_must_know_the_password_and_trust_the_certificate() {
    let folder = tempfile::TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let tls = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event-store/tests/fixtures/tls");
    let file = |name: &str| tls.join(name).display().to_string();
    std::fs::write(at("password"), "right\n").unwrap();
    let [listen, store] = free_addresses();
    let (data, password, certificate, key) =
        (at("data"), at("password"), file("server.pem"), file("server.key"));
    let who = ["--serve-store-user", "others", "--serve-store-password-file", &password];
    let secure = ["--serve-store-tls-cert", &certificate, "--serve-store-tls-key", &key];
    let base = ["--data", &data, "--listen", &listen, "--without-read-side", "--serve-store", &store];
    let process = Process::start(&[&base[..], &who, &secure].concat());

    let url = |who: &str| format!("esdb://{who}{store}?tls=true&tlsCaFile={}", file("ca.pem"));
    assert!(EventStoreDb::connect(&url("others:right@")).await.is_ok());
    for stranger in ["", "others:wrong@", "somebody:right@"] {
        assert!(EventStoreDb::connect(&url(stranger)).await.is_err(), "{stranger}");
    }
    assert!(EventStoreDb::connect(&format!("esdb://others:right@{store}?tls=false")).await.is_err());
    process.stop();

    let open = ["--data", &data, "--serve-store", "0.0.0.0:0"];
    let silent = [&base[..], &who[..2]].concat();
    for (arguments, code, named) in
        [(&open[..], 2, "--serve-store-tls-cert"), (&silent, 1, "GIROK_SERVE_STORE_PASSWORD")]
    {
        let refused = Command::new(env!("CARGO_BIN_EXE_command-api")).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(code), "{said}");
        assert!(said.contains(named), "{said}");
    }
}
