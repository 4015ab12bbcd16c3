//! What must stand any bytes from outside: stored files, messages of the protocol, lines to import.
//!
//! It exists for tests and the fuzzer only: they reach through it what nobody else may.

mod lines;
mod protocol;
#[path = "../../../command-api/fuzz/trial.rs"]
mod trial;

trial::targets! {
    log: crate::embedded::fuzz::log, 2000;
    index: crate::embedded::fuzz::index, 5000;
    protocol: protocol::calls, 1000;
    lines: lines::import, 5000;
    urls: understood, 3000;
}

/// A URL that a client of the protocol understands or refuses. Nothing is connected to.
fn understood(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if crate::is_remote(text) {
        drop(text.parse::<eventstore::ClientSettings>());
    }
}
