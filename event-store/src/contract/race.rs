//! What holds when many write at once.

use std::collections::HashMap;

use super::subscribe::take;
use super::{Store, event, events, stream};
use crate::ExpectedRevision::{Any, Exact, NoStream};
use crate::{AppendError, Direction, Filter, StreamName};

async fn length(store: &Store, name: &StreamName) -> usize {
    store.read_stream(name, 0, Direction::Forwards, usize::MAX).await.unwrap().len()
}

pub async fn of_many_writers_to_one_stream_exactly_one_wins_each_revision(store: Store) {
    let writers: Vec<_> = (0..16)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut won = Vec::new();
                for revision in 0..25 {
                    let expected = if revision == 0 { NoStream } else { Exact(revision - 1) };
                    match store.append(&stream("a-1"), expected, events(1)).await {
                        Ok(appended) => won.push(appended.revision),
                        Err(AppendError::WrongRevision { actual }) => assert!(actual >= Some(revision)),
                        Err(error) => panic!("{error}"),
                    }
                }
                won
            })
        })
        .collect();
    let mut won = Vec::new();
    for writer in writers {
        won.extend(writer.await.unwrap());
    }
    won.sort_unstable();
    assert!(won.iter().copied().eq(0..25), "{won:?}");
    assert_eq!(length(&store, &stream("a-1")).await, 25);
}

pub async fn writers_to_many_streams_all_get_in(store: Store) {
    let writers: Vec<_> = (0..32)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let name = stream(&format!("a-{writer}"));
                for revision in 0..10 {
                    let expected = if revision == 0 { NoStream } else { Exact(revision - 1) };
                    assert_eq!(store.append(&name, expected, events(1)).await.unwrap().revision, revision);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(store.head().await.unwrap().map(|head| head.0), Some(319));
    for writer in 0..32 {
        assert_eq!(length(&store, &stream(&format!("a-{writer}"))).await, 10);
    }
}

pub async fn many_writers_with_any_all_get_in(store: Store) {
    let appends = (0..200).map(|_| {
        let store = store.clone();
        async move { store.append(&stream("a-1"), Any, events(2)).await.unwrap().revision }
    });
    let mut revisions = futures::future::join_all(appends).await;
    revisions.sort_unstable();
    assert!(revisions.into_iter().eq((0..200).map(|number| 2 * number + 1)));
}

pub async fn the_same_append_from_many_writers_is_written_once(store: Store) {
    let same = vec![event("Happened"), event("Happened")];
    let appends = (0..50).map(|_| {
        let (store, same) = (store.clone(), same.clone());
        async move { store.append(&stream("a-1"), NoStream, same).await.unwrap() }
    });
    let answers = futures::future::join_all(appends).await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(length(&store, &stream("a-1")).await, 2);
}

pub async fn subscribers_see_each_stream_in_order_while_many_write(store: Store) {
    let readers: Vec<_> = futures::future::join_all((0..4).map(|_| store.subscribe(None, Filter::all())))
        .await
        .into_iter()
        .map(|subscription| tokio::spawn(async move { take(&mut subscription.unwrap(), 1000).await }))
        .collect();
    let writers = (0..50).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..10 {
                store.append(&stream(&format!("a-{}", writer % 25)), Any, events(2)).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    for reader in readers {
        let mut next = HashMap::new();
        for (number, event) in (0..).zip(reader.await.unwrap()) {
            assert_eq!(event.position.0, number);
            let revision = next.entry(event.stream).or_insert(0);
            assert_eq!(event.revision, *revision);
            *revision += 1;
        }
        assert!(next.len() == 25 && next.values().all(|length| *length == 40));
    }
}

pub async fn an_acknowledged_event_is_seen_by_every_way_of_reading(store: Store) {
    let writers = (0..16).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            let name = stream(&format!("a-{writer}"));
            for _ in 0..20 {
                let appended = store.append(&name, Any, events(1)).await.unwrap();
                let read = store.read_stream(&name, appended.revision, Direction::Forwards, 1).await.unwrap();
                assert_eq!(read[0].position, appended.position);
                assert!(store.head().await.unwrap() >= Some(appended.position));
                let before = appended.position.0.checked_sub(1).map(crate::Position);
                let all = store.read_all(before, Direction::Forwards, &Filter::all(), 1).await.unwrap();
                assert_eq!(all.events[0], read[0]);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}
