use std::fs;
use std::sync::Arc;

use reqwest::StatusCode;

use crate::disk::Mounted;
use crate::load::Load;
use crate::process::{Process, main_job};
use crate::verdict::everything_is_there_exactly_once;

/// G16: on a full disk applications are refused with a time to come back, and taken again as soon as
/// there is room, without a restart.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_until_there_is_room_and_then_goes_on_by_itself() {
    let folder = tempfile::TempDir::new().unwrap();
    let Some(disk) = Mounted::of_mebibytes(folder.path(), 400) else { return };
    let (data, journal) = (disk.at.join("data"), Arc::default());
    let process = Process::start(main_job(&data));
    let load = Load::writing(250, 8, &process.url, &journal);
    load.until(10).await;
    let ballast = disk.at.join("ballast");
    fill(&ballast);
    process.until("full", |status| status["status"] == "OUT_OF_SERVICE").await;
    let refused = process.get("/readyz").await;
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    let before = load.acknowledged();
    fs::remove_file(&ballast).unwrap();
    load.until(before + 50).await;
    load.end().await;
    process.at_rest().await;
    process.stop();
    everything_is_there_exactly_once(&data, &journal, "a full disk").await;
}

/// Writes until nothing more fits.
fn fill(ballast: &std::path::Path) {
    use std::io::Write;
    let mut file = fs::File::create(ballast).unwrap();
    for size in [1 << 16, 1 << 12] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}
