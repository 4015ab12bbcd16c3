use std::sync::Arc;

use crate::load::Load;
use crate::process::{Process, main_job};
use crate::verdict::everything_is_there_exactly_once;
use crate::{chance, cycles};

/// G5, EL-I2, EL-I16, EL-I20, G10: kill -9 under load, again and again.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_acknowledged_survives_any_number_of_kills_exactly_once() {
    let folder = tempfile::TempDir::new().unwrap();
    let (data, journal) = (folder.path().join("data"), Arc::default());
    let cycles = cycles(8);
    for cycle in 0..cycles {
        let mut process = Process::start(main_job(&data));
        let load = Load::of(8, &process.url, &journal);
        // Somewhere between the first acknowledgement and the two hundredth.
        load.until(1 + chance(cycle, 200) as usize).await;
        process.kill();
        load.ended().await;
    }
    everything_is_there_exactly_once(&data, &journal, &format!("{cycles} kills")).await;
}
