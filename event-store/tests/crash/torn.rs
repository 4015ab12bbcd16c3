//! Writes that were under way when the power went: any part of the last block may have arrived.

use std::fs;

use event_store::{AppendError, EmbeddedStore, OpenError};

use crate::disk::{FaultyDisk, Unsynced};
use crate::support::{Dice, Specimen, append, event, everything, open, options, segment, stream};
use event_store::{EventStore, ExpectedRevision};

const SECTOR: u64 = 512;

#[tokio::test]
async fn a_log_cut_at_any_byte_of_its_last_blocks_goes_on_with_the_whole_blocks_before() {
    let specimen = Specimen::new(6).await;
    for cut in specimen.blocks[3].start..=specimen.blocks[5].end {
        let whole = specimen.blocks.iter().filter(|block| block.end <= cut).count();
        let mut zeroed = specimen.bytes.clone();
        zeroed[cut..].fill(0);
        // The last bytes of a block are filled up with zeros, which a cut cannot take away.
        let whole = whole.max(
            specimen
                .blocks
                .iter()
                .filter(|b| zeroed[b.start..b.end] == specimen.bytes[b.start..b.end])
                .count(),
        );
        specimen.goes_on_with(&zeroed, whole, &format!("zeros from {cut}")).await;
    }
}

#[tokio::test]
async fn a_shortened_file_goes_on_with_the_whole_blocks_before() {
    let specimen = Specimen::new(6).await;
    for cut in specimen.blocks[4].start..=specimen.blocks[5].end {
        let whole = specimen.blocks.iter().filter(|block| block.end <= cut).count();
        specimen.forget_later_segments();
        specimen.goes_on_with(&specimen.bytes[..cut], whole, &format!("shortened to {cut}")).await;
    }
}

#[tokio::test]
async fn what_an_unfinished_write_left_is_gone_before_the_next_block_is_written() {
    let specimen = Specimen::new(6).await;
    let mut torn = specimen.bytes.clone();
    // The last block lost its head. What is left of it lies where nothing will be written soon.
    torn[specimen.blocks[4].start..specimen.blocks[4].start + 1].fill(0);
    let tail = specimen.blocks[5].clone();
    torn[tail.clone()].fill(0);
    torn[tail.end + 30_000..tail.end + 30_100].fill(7);
    drop(specimen.open_with(&torn).unwrap());
    let left = fs::read(segment(specimen.path(), 0)).unwrap();
    assert!(left[specimen.blocks[4].start..].iter().all(|byte| *byte == 0));
}

/// A log with one acknowledged and one unacknowledged block of at least so many bytes.
async fn unacknowledged(bytes: usize) -> (tempfile::TempDir, Unsynced, usize) {
    let (folder, disk) = (tempfile::tempdir().unwrap(), FaultyDisk::default());
    // Opened a second time, the segment has its final name.
    drop(open(folder.path()).unwrap());
    let store = options().disk(disk.clone()).open(folder.path()).unwrap();
    append(&store, "a-1", 3).await.unwrap();
    disk.orders().fail_sync = true;
    let answer = store.append(&stream("a-1"), ExpectedRevision::Any, vec![event(bytes)]).await;
    assert!(matches!(answer, Err(AppendError::Unknown(_))));
    drop(store);
    let write = disk.orders().unsynced.pop().unwrap();
    let sectors =
        ((write.offset + write.after.len() as u64 - 1) / SECTOR - write.offset / SECTOR + 1) as usize;
    (folder, write, sectors)
}

/// Puts on disk what the write was to replace, but for the chosen sectors.
fn persist(base: &[u8], write: &Unsynced, chosen: impl Fn(u64) -> bool) -> Vec<u8> {
    let mut file = base.to_vec();
    for (number, (before, after)) in write.before.iter().zip(&write.after).enumerate() {
        let at = write.offset + number as u64;
        file[at as usize] = if chosen(at / SECTOR - write.offset / SECTOR) { *after } else { *before };
    }
    file
}

async fn either_all_or_nothing(folder: &tempfile::TempDir, whole: bool, what: &str) {
    let store: EmbeddedStore = open(folder.path()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let there = everything(&store).await.unwrap().len();
    assert!(there == if whole { 4 } else { 3 }, "{what}: {there} events");
    let next = append(&store, "a-1", 1).await.unwrap();
    assert_eq!(next.revision as usize, there, "{what}");
}

#[tokio::test]
async fn any_sectors_of_a_short_unacknowledged_block_leave_all_or_nothing_of_it() {
    let (folder, write, sectors) = unacknowledged(2200).await;
    let base = fs::read(&write.path).unwrap();
    assert!((5..=7).contains(&sectors));
    for subset in 0..1u64 << sectors {
        let file = persist(&base, &write, |sector| subset & (1 << sector) != 0);
        let whole = file == persist(&base, &write, |_| true);
        fs::write(&write.path, file).unwrap();
        either_all_or_nothing(&folder, whole, &format!("sectors {subset:b}")).await;
    }
}

#[tokio::test]
async fn any_sectors_of_a_long_unacknowledged_block_leave_all_or_nothing_of_it() {
    let (folder, write, sectors) = unacknowledged(20_000).await;
    let base = fs::read(&write.path).unwrap();
    assert!(sectors > 32);
    let mut dice = Dice(42);
    let all = u64::MAX >> (64 - sectors);
    let few = (0..20).map(|_| 1 << (dice.roll() % sectors as u64)).collect::<Vec<u64>>();
    let subsets = few.iter().flat_map(|few| [*few, all & !few]).chain([0, all, all >> 1, all & !1]);
    let half = subsets.collect::<Vec<_>>().into_iter().chain((0..40).map(|_| dice.roll() & all));
    for subset in half {
        let file = persist(&base, &write, |sector| subset & (1 << sector) != 0);
        let whole = file == persist(&base, &write, |_| true);
        fs::write(&write.path, file).unwrap();
        either_all_or_nothing(&folder, whole, &format!("sectors {subset:b}")).await;
    }
}

#[tokio::test]
async fn the_torn_first_block_of_the_next_segment_is_cut_and_its_torn_predecessor_is_damage() {
    let specimen = Specimen::new(6).await;
    let spare = segment(specimen.path(), 1);
    drop(specimen.open_with(&specimen.bytes).unwrap());
    let mut torn = fs::read(&spare).unwrap_or_default();
    if torn.is_empty() {
        // The store was closed before the next segment was ready: one roll makes it.
        let store = specimen.open_with(&specimen.bytes).unwrap();
        let fill = store.append(&stream("fill-1"), ExpectedRevision::NoStream, vec![event(60_000)]).await;
        fill.unwrap();
        drop(store);
        torn = fs::read(&spare).unwrap();
        torn[64..].fill(0);
    }
    torn[3000..3100].fill(9);
    fs::write(&spare, &torn).unwrap();
    specimen.goes_on_with(&specimen.bytes, 6, "a torn spare").await;
    let left = fs::read(&spare).unwrap_or_default();
    assert!(left.iter().skip(64).all(|byte| *byte == 0), "what was torn is not written over later");

    let mut both = specimen.bytes.clone();
    both[specimen.blocks[5].start + 40] ^= 1;
    fs::write(&spare, &torn).unwrap();
    match specimen.open_with(&both).err() {
        Some(OpenError::Damaged { path, offset, .. }) => {
            assert_eq!((path, offset as usize), (segment(specimen.path(), 0), specimen.blocks[5].start));
        }
        other => panic!("{other:?}"),
    }
}
