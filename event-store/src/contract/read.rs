//! What reading promises.

use super::{Store, event, fill, stream};
use crate::Direction::{Backwards, Forwards};
use crate::{Batch, ExpectedRevision, Filter, Position, ReadError, RecordedEvent};

fn revisions(events: &[RecordedEvent]) -> Vec<u64> {
    events.iter().map(|event| event.revision).collect()
}

fn positions(batch: &Batch) -> Vec<u64> {
    batch.events.iter().map(|event| event.position.0).collect()
}

pub async fn a_stream_is_read_forwards_from_any_revision(store: Store) {
    for _ in 0..5 {
        fill(&store, "a-1", 1).await;
        fill(&store, "b-1", 1).await;
    }
    for from in 0..7u64 {
        for max in [0, 1, 2, 5, usize::MAX] {
            let read = store.read_stream(&stream("a-1"), from, Forwards, max).await.unwrap();
            let expected: Vec<u64> = (from..5).take(max).collect();
            assert_eq!(revisions(&read), expected, "from {from}, max {max}");
            assert!(read.iter().all(|event| event.stream == stream("a-1")));
        }
    }
    assert_eq!(store.read_stream(&stream("a-1"), u64::MAX, Forwards, 5).await, Ok(vec![]));
}

pub async fn a_stream_is_read_backwards_from_any_revision(store: Store) {
    store.append(&stream("a-1"), ExpectedRevision::NoStream, super::events(3)).await.unwrap();
    fill(&store, "b-1", 2).await;
    store.append(&stream("a-1"), ExpectedRevision::Exact(2), super::events(2)).await.unwrap();
    for from in [0, 1, 2, 3, 4, 5, 6, u64::MAX] {
        for max in [0, 1, 2, 5, usize::MAX] {
            let read = store.read_stream(&stream("a-1"), from, Backwards, max).await.unwrap();
            let expected: Vec<u64> = (0..=from.min(4)).rev().take(max).collect();
            assert_eq!(revisions(&read), expected, "from {from}, max {max}");
        }
    }
}

pub async fn a_stream_nobody_wrote_to_is_empty(store: Store) {
    fill(&store, "a-1", 1).await;
    for direction in [Forwards, Backwards] {
        assert_eq!(store.read_stream(&stream("a"), 0, direction, 10).await, Ok(vec![]));
        assert_eq!(store.read_stream(&stream("a-10"), u64::MAX, direction, 10).await, Ok(vec![]));
    }
}

pub async fn the_log_is_read_forwards_from_any_position(store: Store) {
    fill(&store, "a-1", 3).await;
    store.append(&stream("b-1"), ExpectedRevision::NoStream, super::events(3)).await.unwrap();
    for after in [None, Some(0), Some(1), Some(3), Some(4), Some(5)] {
        for max in [0, 1, 2, 6, usize::MAX] {
            let batch = store.read_all(after.map(Position), Forwards, &Filter::all(), max).await.unwrap();
            let expected: Vec<u64> = (after.map_or(0, |after| after + 1)..6).take(max).collect();
            assert_eq!(positions(&batch), expected, "after {after:?}, max {max}");
            let through = expected.last().copied().or(after);
            assert_eq!(batch.through, through.map(Position), "after {after:?}, max {max}");
            assert_eq!(batch.at_end, through == Some(5), "after {after:?}, max {max}");
        }
    }
}

pub async fn the_log_is_read_backwards_from_any_position(store: Store) {
    fill(&store, "a-1", 3).await;
    store.append(&stream("b-1"), ExpectedRevision::NoStream, super::events(3)).await.unwrap();
    for before in [None, Some(5), Some(4), Some(1), Some(0)] {
        for max in [0, 1, 2, 6, usize::MAX] {
            let batch = store.read_all(before.map(Position), Backwards, &Filter::all(), max).await.unwrap();
            let expected: Vec<u64> = (0..before.unwrap_or(6)).rev().take(max).collect();
            assert_eq!(positions(&batch), expected, "before {before:?}, max {max}");
            let through = expected.last().copied().or(before);
            assert_eq!(batch.through, through.map(Position), "before {before:?}, max {max}");
            assert_eq!(batch.at_end, through == Some(0), "before {before:?}, max {max}");
        }
    }
}

pub async fn positions_count_from_zero_without_gaps(store: Store) {
    for number in 0..20 {
        fill(&store, &format!("a-{}", number % 3), 1 + number % 4).await;
        // A refused append leaves no gap either.
        let refused = store.append(&stream("a-0"), ExpectedRevision::NoStream, super::events(1)).await;
        assert!(refused.is_err());
    }
    let batch = store.read_all(None, Forwards, &Filter::all(), usize::MAX).await.unwrap();
    assert!(batch.events.len() == 50 && positions(&batch).into_iter().eq(0..50));
}

pub async fn the_head_is_the_last_position(store: Store) {
    assert_eq!(store.head().await, Ok(None));
    for number in 0..3 {
        fill(&store, "a-1", 1).await;
        assert_eq!(store.head().await, Ok(Some(Position(number))));
    }
}

pub async fn an_empty_log_is_read_to_its_end(store: Store) {
    for direction in [Forwards, Backwards] {
        let batch = store.read_all(None, direction, &Filter::all(), 10).await;
        assert_eq!(batch, Ok(Batch { events: vec![], through: None, at_end: true }));
    }
}

pub async fn a_filter_by_category_leaves_other_streams_out(store: Store) {
    for name in ["a.x-1", "a.xy-1", "a.x-2", "b.x-1", "a.x"] {
        fill(&store, name, 1).await;
    }
    for (categories, expected) in
        [(&["a.x"][..], &[0, 2][..]), (&["b.x", "a.xy"], &[1, 3]), (&["c"], &[]), (&[], &[0, 1, 2, 3, 4])]
    {
        let filter = Filter::categories(categories);
        let forwards = store.read_all(None, Forwards, &filter, 10).await.unwrap();
        assert_eq!(positions(&forwards), expected, "{categories:?}");
        let backwards = store.read_all(None, Backwards, &filter, 10).await.unwrap();
        assert!(positions(&backwards).iter().eq(expected.iter().rev()), "{categories:?}");
    }
}

async fn typed(store: &Store, name: &str, types: &[&'static str]) {
    let events = types.iter().map(|event_type| event(*event_type)).collect();
    store.append(&stream(name), ExpectedRevision::Any, events).await.unwrap();
}

pub async fn a_filter_by_event_type_leaves_other_types_out(store: Store) {
    typed(&store, "a-1", &["Opened", "Closed", "Opened"]).await;
    typed(&store, "b-1", &["OpenedTwice", "Opened"]).await;
    let filter = Filter { event_types: vec!["Opened".into()], ..Filter::default() };
    assert_eq!(positions(&store.read_all(None, Forwards, &filter, 10).await.unwrap()), [0, 2, 4]);
    assert_eq!(positions(&store.read_all(None, Forwards, &filter, 2).await.unwrap()), [0, 2]);
    assert_eq!(positions(&store.read_all(None, Backwards, &filter, 2).await.unwrap()), [4, 2]);
}

pub async fn a_filter_of_both_wants_both(store: Store) {
    typed(&store, "a-1", &["Opened", "Closed"]).await;
    typed(&store, "b-1", &["Opened", "Closed"]).await;
    let filter = Filter { event_types: vec!["Closed".into()], stream_prefixes: vec!["b".into()] };
    assert_eq!(positions(&store.read_all(None, Forwards, &filter, 10).await.unwrap()), [3]);
}

pub async fn unwanted_events_still_move_through(store: Store) {
    fill(&store, "a-1", 2).await;
    fill(&store, "b-1", 3).await;
    let nothing = Filter::categories(["c"]);
    let batch = store.read_all(None, Forwards, &nothing, 1).await;
    assert_eq!(batch, Ok(Batch { events: vec![], through: Some(Position(4)), at_end: true }));
    let batch = store.read_all(Some(Position(3)), Backwards, &nothing, 1).await;
    assert_eq!(batch, Ok(Batch { events: vec![], through: Some(Position(0)), at_end: true }));
}

pub async fn a_full_batch_says_whether_anything_lies_behind_it(store: Store) {
    fill(&store, "a-1", 2).await;
    fill(&store, "b-1", 1).await;
    let only_a = Filter::categories(["a"]);
    // The batch is full at position 1; that 2 is unwanted has not been looked at.
    let batch = store.read_all(None, Forwards, &only_a, 2).await.unwrap();
    assert_eq!((batch.through, batch.at_end), (Some(Position(1)), false));
    let rest = store.read_all(batch.through, Forwards, &only_a, 2).await;
    assert_eq!(rest, Ok(Batch { events: vec![], through: Some(Position(2)), at_end: true }));
    let batch = store.read_all(None, Forwards, &Filter::all(), 3).await.unwrap();
    assert_eq!((batch.through, batch.at_end), (Some(Position(2)), true));
}

pub async fn a_position_beyond_the_head_is_refused(store: Store) {
    let beyond = |asked, head: Option<u64>| {
        Err(ReadError::BeyondHead { asked: Position(asked), head: head.map(Position) })
    };
    for direction in [Forwards, Backwards] {
        let read = store.read_all(Some(Position(0)), direction, &Filter::all(), 1).await;
        assert_eq!(read, beyond(0, None));
    }
    fill(&store, "a-1", 2).await;
    for direction in [Forwards, Backwards] {
        for asked in [2, u64::MAX] {
            let read = store.read_all(Some(Position(asked)), direction, &Filter::all(), 1).await;
            assert_eq!(read, beyond(asked, Some(1)));
        }
    }
}
