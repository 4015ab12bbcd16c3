use std::sync::Arc;

use crate::disk::Mounted;
use crate::load::Load;
use crate::process::{Process, main_job};
use crate::verdict::everything_is_there_exactly_once;
use crate::{chance, cycles};

/// G5, G10, EL-I20: the power fails under load, again and again. What was not synced is gone, renames
/// and new files included.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_survives_any_number_of_power_losses_exactly_once() {
    the_power_fails("extent", cycles(5)).await;
}

/// Such a file system reserves no room for a segment, which is then filled with zeros before it is used.
#[tokio::test(flavor = "multi_thread")]
async fn it_survives_them_where_the_file_system_reserves_no_room() {
    the_power_fails("^extent,^64bit", cycles(2)).await;
}

async fn the_power_fails(features: &str, cycles: u64) {
    let folder = tempfile::TempDir::new().unwrap();
    let Some(disk) = Mounted::ext4(folder.path(), features) else { return };
    let (data, journal) = (disk.at.join("data"), Arc::default());
    for cycle in 0..cycles {
        let mut process = Process::start(main_job(&data));
        let load = Load::of(8, &process.url, &journal);
        load.until(1 + chance(cycle, 200) as usize).await;
        disk.cut_the_power();
        process.kill();
        load.ended().await;
        disk.come_back();
    }
    everything_is_there_exactly_once(&data, &journal, &format!("{cycles} power losses")).await;
}
