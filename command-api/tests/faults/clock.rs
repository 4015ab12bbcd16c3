use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use crate::load::Load;
use crate::process::{Process, main_job};
use crate::verdict::everything_is_there_exactly_once;

/// The time of day goes forwards by hours and back by more while it runs, and again before it starts
/// anew. Order comes from the log, so that nothing waits for hours or is forgotten. (A deadline is another
/// thing: what is to be given up after a day is, when the clock says that the day is over.)
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_changes_no_outcome() {
    let folder = tempfile::TempDir::new().unwrap();
    let (data, clock, journal) = (folder.path().join("data"), folder.path().join("clock"), Arc::default());
    for offsets in [["+0", "+6h", "-6h"], ["+12h", "-11h", "+0"]] {
        fs::write(&clock, offsets[0]).unwrap();
        let process = Process::start(with_clock(main_job(&data), &clock));
        let load = Load::of(8, &process.url, &journal);
        for offset in offsets {
            fs::write(&clock, offset).unwrap();
            load.until(load.acknowledged() + 30).await;
        }
        load.end().await;
        process.at_rest().await;
        process.stop();
    }
    everything_is_there_exactly_once(&data, &journal, "6 jumps of the clock").await;
}

/// Its time of day is moved by what the file says. Time that only passes is left alone, as it is when an
/// operator sets the clock.
fn with_clock(mut command: Command, file: &Path) -> Command {
    let library = ["x86_64", "aarch64"]
        .map(|machine| format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketimeMT.so.1"))
        .into_iter()
        .find(|library| Path::new(library).exists())
        .expect("faketime is installed");
    command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", file);
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    command
}
