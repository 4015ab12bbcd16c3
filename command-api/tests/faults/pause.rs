use std::sync::Arc;
use std::time::Duration;

use crate::load::Load;
use crate::process::{Process, main_job};
use crate::verdict::everything_is_there_exactly_once;

/// A process that is stopped for longer than its timeouts, and goes on: nobody hears anything wrong.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_was_paused_goes_on_as_if_nothing_was() {
    let folder = tempfile::TempDir::new().unwrap();
    let (data, journal) = (folder.path().join("data"), Arc::default());
    let process = Process::start(main_job(&data));
    let load = Load::of(8, &process.url, &journal);
    for pause in 1..=3 {
        load.until(load.acknowledged() + 20).await;
        process.signal("STOP");
        // Longer than the calls between contexts wait, and than the head start of the policies.
        tokio::time::sleep(Duration::from_millis(400 * pause)).await;
        process.signal("CONT");
    }
    load.until(load.acknowledged() + 20).await;
    load.end().await;
    process.at_rest().await;
    process.stop();
    everything_is_there_exactly_once(&data, &journal, "3 pauses").await;
}
