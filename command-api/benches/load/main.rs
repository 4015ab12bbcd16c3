//! What the main job does over HTTP: applications next to a bare echo, and the load of the documents.
//! Needs `wrk`; `make bench` runs it. `LOAD_SECONDS` and `DOCUMENTS_SECONDS` make it shorter or longer.

mod documents;
mod flow;
mod median;
mod process;
mod wrk;

/// Interleaved rounds of each kind; the medians are printed.
const ROUNDS: usize = 3;

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn main() {
    // `cargo test --benches` runs this too, and a test is never timed.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    tokio::runtime::Runtime::new().expect("a runtime").block_on(async {
        flow::run().await;
        println!();
        documents::run().await;
    });
}
