//! Bytes that changed while they lay on the disk, and blocks that belong elsewhere.

use std::fs;

use event_store::{Direction, EventStore, ExpectedRevision, Filter, OpenError, ReadError, Visitor};

use crate::support::{Specimen, append, blocks, event, everything, open, segment, stream};

#[tokio::test]
async fn a_flipped_bit_in_the_last_block_takes_that_block_and_nothing_else() {
    let specimen = Specimen::new(6).await;
    let last = specimen.blocks[5].clone();
    for at in last {
        let mut flipped = specimen.bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let store = specimen.open_with(&flipped).unwrap();
        assert_eq!(everything(&store).await.unwrap(), specimen.events_of(5), "byte {at}");
    }
}

#[tokio::test]
async fn a_flipped_bit_in_an_earlier_block_is_refused_with_its_place_and_left_alone() {
    let specimen = Specimen::new(6).await;
    for block in &specimen.blocks[3..5] {
        for at in block.clone() {
            let mut flipped = specimen.bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            match specimen.open_with(&flipped).err() {
                Some(OpenError::Damaged { path, offset, .. }) => {
                    assert_eq!((path, offset as usize), (segment(specimen.path(), 0), block.start), "{at}");
                }
                other => panic!("byte {at}: {other:?}"),
            }
            assert!(fs::read(segment(specimen.path(), 0)).unwrap() == flipped, "byte {at}");
        }
    }
}

#[tokio::test]
async fn a_hole_of_zeros_before_a_valid_block_is_refused() {
    let specimen = Specimen::new(6).await;
    let mut hole = specimen.bytes.clone();
    hole[specimen.blocks[2].start..specimen.blocks[5].start].fill(0);
    let refused = specimen.open_with(&hole).err();
    let at = specimen.blocks[2].start as u64;
    assert!(matches!(refused, Some(OpenError::Damaged { offset, .. }) if offset == at), "{refused:?}");
}

#[tokio::test]
async fn every_flipped_bit_of_a_segments_head_is_refused() {
    let specimen = Specimen::new(1).await;
    for at in 0..64 {
        let mut flipped = specimen.bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let refused = specimen.open_with(&flipped).err();
        assert!(
            matches!(refused, Some(OpenError::Damaged { .. } | OpenError::Format { .. })),
            "byte {at}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_block_of_another_place_or_another_store_is_never_taken_for_a_valid_one() {
    let specimen = Specimen::new(6).await;
    let other = Specimen::new(7).await;
    // Where the next block would begin, in both.
    let end = specimen.blocks[5].end;
    assert_eq!(other.blocks[6].start, end);

    let mut foreign = specimen.bytes.clone();
    foreign[other.blocks[6].clone()].copy_from_slice(&other.bytes[other.blocks[6].clone()]);
    specimen.goes_on_with(&foreign, 6, "a block of another store").await;

    let mut moved = specimen.bytes.clone();
    let last = specimen.bytes[specimen.blocks[5].clone()].to_vec();
    moved[end..end + last.len()].copy_from_slice(&last);
    specimen.goes_on_with(&moved, 6, "a block of another place").await;

    let mut older = other.bytes.clone();
    older.truncate(end);
    older.resize(other.bytes.len(), 0);
    let refused = specimen.open_with(&older).err();
    assert!(matches!(refused, Some(OpenError::Damaged { offset: 0, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_flipped_bit_in_a_sealed_segment_is_never_served() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    append(&store, "a-1", 3).await.unwrap();
    for number in 0..40 {
        let name = stream(&format!("b-{number}"));
        store.append(&name, ExpectedRevision::NoStream, vec![event(5000)]).await.unwrap();
    }
    append(&store, "a-1", 1).await.unwrap();
    let events = everything(&store).await.unwrap();
    drop(store);
    let path = segment(folder.path(), 0);
    let whole = fs::read(&path).unwrap();
    // Every byte of the first block, and some of the following ones.
    for at in (64..500).chain((500..60_000).step_by(1117)) {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (at % 8);
        fs::write(&path, &flipped).unwrap();
        let store = open(folder.path()).unwrap();
        let read = store.read_all(None, Direction::Forwards, &Filter::all(), usize::MAX).await;
        let told = matches!(&read, Err(ReadError::Damaged(place)) if place.contains("0000000000.log"));
        assert!(told, "byte {at}: {read:?}");
        match store.read_stream(&stream("a-1"), 0, Direction::Forwards, 10).await {
            Ok(read) => {
                let expected = events.iter().filter(|event| event.stream == stream("a-1"));
                assert!(read.iter().eq(expected), "byte {at}");
            }
            Err(error) => assert!(matches!(error, ReadError::Damaged(_)), "byte {at}: {error}"),
        }
        drop(store);
    }
    // Without its index the segment is read at the start, and the damage refused there.
    let mut flipped = whole.clone();
    flipped[300] ^= 1;
    fs::write(&path, &flipped).unwrap();
    fs::remove_file(path.with_extension("idx")).unwrap();
    assert!(matches!(open(folder.path()).err(), Some(OpenError::Damaged { .. })));
    fs::write(&path, &whole).unwrap();
    assert_eq!(everything(&open(folder.path()).unwrap()).await.unwrap(), events);
}

#[tokio::test]
async fn blocks_missing_at_the_end_of_a_sealed_segment_are_refused_by_owners_and_visitors() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    // Three segments are full, the fourth is written.
    for _ in 0..40 {
        store.append(&stream("a-1"), ExpectedRevision::Any, vec![event(5000)]).await.unwrap();
    }
    drop(store);
    for number in 0..3 {
        let path = segment(folder.path(), number);
        let whole = fs::read(&path).unwrap();
        let last = blocks(&whole).pop().unwrap();
        let mut shorter = whole.clone();
        shorter[last].fill(0);
        fs::write(&path, &shorter).unwrap();
        let report = Visitor::open(folder.path()).unwrap().check().unwrap();
        assert!(matches!(report.damage, Some(OpenError::Damaged { .. })), "{report:?}");
        let index = path.with_extension("idx");
        let kept = fs::read(&index).unwrap();
        fs::remove_file(&index).unwrap();
        let refused = open(folder.path()).err();
        assert!(matches!(refused, Some(OpenError::Damaged { .. })), "segment {number}: {refused:?}");
        fs::write(&path, &whole).unwrap();
        fs::write(&index, kept).unwrap();
    }
    assert_eq!(everything(&open(folder.path()).unwrap()).await.unwrap().len(), 40);
}
