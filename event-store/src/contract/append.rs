//! What an append promises.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use uuid::Uuid;

use super::{Store, event, events, fill, stream};
use crate::ExpectedRevision::{Any, Exact, NoStream};
use crate::{
    AppendError, Appended, Decoded, Direction, Filter, MAX_APPEND_BYTES, MAX_APPEND_EVENTS, NewEvent,
    Position, RecordedEvent,
};

async fn read(store: &Store, name: &str) -> Vec<RecordedEvent> {
    store.read_stream(&stream(name), 0, Direction::Forwards, usize::MAX).await.unwrap()
}

fn conflict(actual: Option<u64>) -> Result<Appended, AppendError> {
    Err(AppendError::WrongRevision { actual })
}

fn at(revision: u64, position: u64) -> Result<Appended, AppendError> {
    Ok(Appended { revision, position: Position(position) })
}

pub async fn every_field_of_an_event_is_read_back_as_it_was_written(store: Store) {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as u64;
    let every_byte: Bytes = (0..=255u8).collect();
    let sent = vec![
        NewEvent {
            id: Uuid::from_u128(1),
            event_type: "Géöffnet".into(),
            data: every_byte.clone(),
            metadata: Bytes::from_static(b"{}"),
            decoded: Decoded::default(),
        },
        NewEvent {
            id: Uuid::from_u128(u128::MAX),
            event_type: "E".into(),
            data: Bytes::new(),
            metadata: every_byte,
            decoded: Decoded::default(),
        },
        NewEvent {
            id: Uuid::nil(),
            event_type: "E".repeat(1024).into(),
            data: Bytes::from(vec![b'x'; 100_000]),
            metadata: Bytes::new(),
            decoded: Decoded::default(),
        },
    ];
    let name = format!("récord.{}-1", "s".repeat(1000));
    fill(&store, "other-1", 2).await;
    let before = now();
    store.append(&stream(&name), NoStream, sent.clone()).await.unwrap();
    let after = now();

    let by_stream = read(&store, &name).await;
    let by_log = store.read_all(Some(Position(1)), Direction::Forwards, &Filter::all(), 10).await.unwrap();
    assert_eq!(by_stream, by_log.events);
    assert_eq!(by_stream.len(), 3);
    for (number, (recorded, sent)) in (0..).zip(by_stream.iter().zip(&sent)) {
        assert_eq!(recorded.stream, stream(&name));
        assert_eq!((recorded.revision, recorded.position), (number, Position(2 + number)));
        assert_eq!((recorded.id, &*recorded.event_type), (sent.id, &*sent.event_type));
        assert_eq!((&recorded.data, &recorded.metadata), (&sent.data, &sent.metadata));
        assert!((before..=after).contains(&recorded.recorded_at));
    }
}

pub async fn a_new_stream_starts_at_revision_zero(store: Store) {
    assert_eq!(store.append(&stream("a-1"), NoStream, events(1)).await, at(0, 0));
    assert_eq!(store.append(&stream("a-2"), NoStream, events(1)).await, at(0, 1));
}

pub async fn a_second_beginning_is_a_conflict_that_names_the_actual_revision(store: Store) {
    store.append(&stream("a-1"), NoStream, events(3)).await.unwrap();
    assert_eq!(store.append(&stream("a-1"), NoStream, events(1)).await, conflict(Some(2)));
}

pub async fn the_exact_revision_lets_the_next_event_in_and_no_other(store: Store) {
    store.append(&stream("a-1"), NoStream, events(2)).await.unwrap();
    for wrong in [0, 2, 3, 1000] {
        assert_eq!(store.append(&stream("a-1"), Exact(wrong), events(1)).await, conflict(Some(1)));
    }
    assert_eq!(store.append(&stream("a-1"), Exact(1), events(1)).await, at(2, 2));
    assert_eq!(store.append(&stream("a-1"), Exact(1), events(1)).await, conflict(Some(2)));
}

pub async fn an_exact_revision_of_a_stream_nobody_wrote_to_is_a_conflict(store: Store) {
    fill(&store, "b-1", 1).await;
    assert_eq!(store.append(&stream("a-1"), Exact(0), events(1)).await, conflict(None));
}

pub async fn the_highest_revision_there_is_is_a_conflict(store: Store) {
    assert_eq!(store.append(&stream("a-1"), Exact(u64::MAX), events(1)).await, conflict(None));
    fill(&store, "a-1", 1).await;
    for highest in [u64::MAX, u64::MAX - 1] {
        assert_eq!(store.append(&stream("a-1"), Exact(highest), events(2)).await, conflict(Some(0)));
    }
}

pub async fn any_appends_wherever_the_stream_is(store: Store) {
    assert_eq!(store.append(&stream("a-1"), Any, events(1)).await, at(0, 0));
    assert_eq!(store.append(&stream("a-1"), Any, events(2)).await, at(2, 2));
}

pub async fn the_same_event_again_is_answered_as_the_first_time(store: Store) {
    let first = events(1);
    let second = events(1);
    store.append(&stream("a-1"), NoStream, first.clone()).await.unwrap();
    store.append(&stream("a-1"), Exact(0), second.clone()).await.unwrap();
    assert_eq!(store.append(&stream("a-1"), NoStream, first).await, at(0, 0));
    assert_eq!(store.append(&stream("a-1"), Exact(0), second).await, at(1, 1));
    assert_eq!(read(&store, "a-1").await.len(), 2);
    assert_eq!(store.head().await, Ok(Some(Position(1))));
}

pub async fn the_same_events_again_are_answered_even_after_the_stream_moved_on(store: Store) {
    fill(&store, "a-1", 2).await;
    let same = events(3);
    let answer = store.append(&stream("a-1"), Exact(1), same.clone()).await;
    assert_eq!(answer, at(4, 4));
    fill(&store, "b-1", 1).await;
    fill(&store, "a-1", 5).await;
    assert_eq!(store.append(&stream("a-1"), Exact(1), same.clone()).await, answer);
    // The beginning of what is there, or its end, is there as well.
    assert_eq!(store.append(&stream("a-1"), Exact(1), same[..2].to_vec()).await, at(3, 3));
    assert_eq!(store.append(&stream("a-1"), Exact(2), same[1..].to_vec()).await, at(4, 4));
    assert_eq!(read(&store, "a-1").await.len(), 10);
}

pub async fn other_events_at_a_taken_revision_are_a_conflict(store: Store) {
    let there = events(2);
    store.append(&stream("a-1"), NoStream, there.clone()).await.unwrap();
    let turned = vec![there[1].clone(), there[0].clone()];
    assert_eq!(store.append(&stream("a-1"), NoStream, turned).await, conflict(Some(1)));
    assert_eq!(store.append(&stream("a-1"), NoStream, there[1..].to_vec()).await, conflict(Some(1)));
    assert_eq!(store.append(&stream("a-1"), Exact(0), there[..1].to_vec()).await, conflict(Some(1)));
}

pub async fn partly_the_same_events_are_a_conflict_and_write_nothing(store: Store) {
    let there = events(2);
    store.append(&stream("a-1"), NoStream, there.clone()).await.unwrap();
    let half = vec![there[0].clone(), event("Happened")];
    assert_eq!(store.append(&stream("a-1"), NoStream, half).await, conflict(Some(1)));
    let longer = vec![there[0].clone(), there[1].clone(), event("Happened")];
    assert_eq!(store.append(&stream("a-1"), NoStream, longer).await, conflict(Some(1)));
    assert_eq!(read(&store, "a-1").await.len(), 2);
    assert_eq!(store.head().await, Ok(Some(Position(1))));
}

pub async fn the_same_event_in_another_stream_is_another_event(store: Store) {
    let same = events(1);
    assert_eq!(store.append(&stream("a-1"), NoStream, same.clone()).await, at(0, 0));
    assert_eq!(store.append(&stream("a-2"), NoStream, same).await, at(0, 1));
}

pub async fn the_events_of_one_append_are_neighbours(store: Store) {
    let ids: Vec<_> = events(100);
    let many = {
        let (store, ids) = (store.clone(), ids.clone());
        tokio::spawn(async move { store.append(&stream("a-1"), NoStream, ids).await.unwrap() })
    };
    fill(&store, "b-1", 20).await;
    let last = many.await.unwrap();
    assert_eq!(last.revision, 99);
    let there = read(&store, "a-1").await;
    assert!(there.iter().map(|e| e.id).eq(ids.iter().map(|e| e.id)));
    assert!(there.iter().map(|e| e.position.0).eq(last.position.0 - 99..=last.position.0));
}

pub async fn a_refused_append_writes_none_of_its_events(store: Store) {
    fill(&store, "a-1", 1).await;
    let mut bad = events(3);
    bad[2].event_type = "".into();
    assert!(matches!(store.append(&stream("a-1"), Exact(0), bad).await, Err(AppendError::Invalid(_))));
    assert_eq!(store.append(&stream("a-1"), Exact(7), events(3)).await, conflict(Some(0)));
    assert_eq!(read(&store, "a-1").await.len(), 1);
    assert_eq!(store.head().await, Ok(Some(Position(0))));
}

pub async fn an_append_without_events_is_invalid(store: Store) {
    for expected in [NoStream, Exact(0), Any] {
        let answer = store.append(&stream("a-1"), expected, Vec::new()).await;
        assert!(matches!(answer, Err(AppendError::Invalid(_))), "{answer:?}");
    }
    assert_eq!(store.head().await, Ok(None));
}

pub async fn an_event_type_has_1_to_1024_bytes(store: Store) {
    for length in [0, 1025] {
        let answer = store.append(&stream("a-1"), Any, vec![event("t".repeat(length))]).await;
        assert!(matches!(answer, Err(AppendError::Invalid(_))), "{length}: {answer:?}");
    }
    for length in [1, 1024] {
        store.append(&stream("a-1"), Any, vec![event("t".repeat(length))]).await.unwrap();
    }
}

pub async fn an_append_of_the_greatest_size_is_taken_and_one_byte_more_is_invalid(store: Store) {
    let of = |bytes: usize| {
        let mut two = vec![event("Big"), event("Big")];
        let rest = two[0].data.len() + two.iter().map(|e| e.metadata.len() + 3).sum::<usize>();
        two[1].data = Bytes::from(vec![7; bytes - rest]);
        two
    };
    let answer = store.append(&stream("a-1"), NoStream, of(MAX_APPEND_BYTES + 1)).await;
    assert!(matches!(answer, Err(AppendError::Invalid(_))), "{answer:?}");
    let greatest = of(MAX_APPEND_BYTES);
    assert_eq!(store.append(&stream("a-1"), NoStream, greatest.clone()).await, at(1, 1));
    assert_eq!(store.append(&stream("a-1"), Exact(1), of(MAX_APPEND_BYTES)).await, at(3, 3));
    assert!(read(&store, "a-1").await[1].data == greatest[1].data);
}

pub async fn too_many_events_in_one_append_are_invalid(store: Store) {
    let answer = store.append(&stream("a-1"), NoStream, vec![event("E"); MAX_APPEND_EVENTS + 1]).await;
    assert!(matches!(answer, Err(AppendError::Invalid(_))), "{answer:?}");
}
