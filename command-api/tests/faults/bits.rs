use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::chance;
use crate::load::some_history;
use crate::process::{Process, main_job};
use crate::verdict::events;

/// DESIGN 6: a bit that turned anywhere in the log is refused or repaired, never served.
#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_turned_is_never_served() {
    let folder = tempfile::TempDir::new().unwrap();
    let (data, journal) = (folder.path().join("data"), Arc::default());
    some_history(&data, &journal, 100).await;
    let written = events(&data).await;

    let (mut refused, mut whole) = (0, 0);
    for turn in 0..crate::cycles(20) {
        let damaged = folder.path().join("damaged");
        copy(&data, &damaged);
        let (file, place) = turn_a_bit(&damaged.join("events"), turn);
        match Process::try_start(main_job(&damaged)) {
            None => refused += 1,
            Some(mut process) => {
                process.kill();
                let served = events(&damaged).await;
                // Its own checkpoints may follow; what is there of the business is what was written.
                assert!(served == written, "bit {place} of {} was served", file.display());
                whole += 1;
            }
        }
        fs::remove_dir_all(&damaged).unwrap();
    }
    println!("{} bits turned: {refused} starts refused, {whole} logs whole, 0 served", refused + whole);
}

/// Turns one bit of what is written in one of the files; which one, and where.
fn turn_a_bit(folder: &Path, turn: u64) -> (PathBuf, u64) {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.is_file() && !fs::read(file).unwrap().is_empty());
    files.sort();
    let file = files.swap_remove(chance(turn, files.len() as u64) as usize);
    let bytes = fs::read(&file).unwrap();
    // Behind the last byte that is not zero nothing was written yet.
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(1, |last| last as u64 + 1);
    let place = chance(turn + 1_000_000, written * 8);
    let turned = bytes[(place / 8) as usize] ^ (1 << (place % 8));
    let open = fs::File::options().write(true).open(&file).unwrap();
    open.write_all_at(&[turned], place / 8).unwrap();
    (file, place)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
