//! What appends in turn promise.

use futures::future::join_all;

use super::{Store, events, fill, stream};
use crate::ExpectedRevision::{self, Exact, NoStream};
use crate::{Append, AppendError, Appended, Direction, Filter, NewEvent, Position};

fn append(name: &str, expected: ExpectedRevision, events: &[NewEvent]) -> Append {
    Append { stream: stream(name), expected, events: events.to_vec() }
}

fn at(revision: u64, position: u64) -> Result<Appended, AppendError> {
    Ok(Appended { revision, position: Position(position) })
}

fn conflict(actual: Option<u64>) -> Result<Appended, AppendError> {
    Err(AppendError::WrongRevision { actual })
}

/// The streams of all events in the order of the log.
async fn streams(store: &Store) -> Vec<String> {
    let all = store.read_all(None, Direction::Forwards, &Filter::all(), usize::MAX).await.unwrap();
    all.events.iter().map(|event| event.stream.to_string()).collect()
}

pub async fn appends_in_turn_are_in_the_log_in_this_order(store: Store) {
    fill(&store, "b-1", 1).await;
    let appends = vec![
        append("a-1", NoStream, &events(2)),
        append("b-1", Exact(0), &events(1)),
        append("c-1", NoStream, &events(1)),
    ];
    assert_eq!(store.append_in_turn(appends).await, [at(1, 2), at(1, 3), at(0, 4)]);
    assert_eq!(streams(&store).await, ["b-1", "a-1", "a-1", "b-1", "c-1"]);
    assert_eq!(store.append_in_turn(Vec::new()).await, []);
}

pub async fn appends_in_turn_to_one_stream_count_on(store: Store) {
    let appends = vec![append("a-1", NoStream, &events(1)), append("a-1", Exact(0), &events(1))];
    assert_eq!(store.append_in_turn(appends).await, [at(0, 0), at(1, 1)]);
    let appends = vec![append("a-1", Exact(1), &events(1)), append("a-1", Exact(1), &events(1))];
    assert_eq!(store.append_in_turn(appends).await, [at(2, 2), conflict(Some(2))]);
}

pub async fn behind_a_conflict_nothing_is_tried(store: Store) {
    fill(&store, "b-1", 1).await;
    let appends = vec![
        append("a-1", NoStream, &events(1)),
        append("b-1", NoStream, &events(1)),
        append("c-1", NoStream, &events(1)),
    ];
    assert_eq!(store.append_in_turn(appends).await, [at(0, 1), conflict(Some(0))]);
    assert_eq!(streams(&store).await, ["b-1", "a-1"]);
}

pub async fn behind_an_invalid_append_nothing_is_tried(store: Store) {
    let appends = vec![
        append("a-1", NoStream, &events(1)),
        append("b-1", NoStream, &[]),
        append("c-1", NoStream, &events(1)),
    ];
    let answers = store.append_in_turn(appends).await;
    assert_eq!((answers.len(), &answers[0]), (2, &at(0, 0)));
    assert!(matches!(answers[1], Err(AppendError::Invalid(_))), "{answers:?}");
    assert_eq!(streams(&store).await, ["a-1"]);
}

pub async fn the_same_appends_in_turn_again_are_answered_as_the_first_time(store: Store) {
    let appends = vec![append("a-1", NoStream, &events(1)), append("b-1", NoStream, &events(2))];
    assert_eq!(store.append_in_turn(appends.clone()).await, [at(0, 0), at(1, 2)]);
    fill(&store, "a-1", 1).await;
    assert_eq!(store.append_in_turn(appends).await, [at(0, 0), at(1, 2)]);
    assert_eq!(streams(&store).await, ["a-1", "b-1", "b-1", "a-1"]);
}

pub async fn appends_in_turn_that_were_interrupted_are_finished_by_a_repeat(store: Store) {
    let (first, second) = (events(1), events(1));
    store.append(&stream("a-1"), NoStream, first.clone()).await.unwrap();
    let appends = vec![append("a-1", NoStream, &first), append("b-1", NoStream, &second)];
    assert_eq!(store.append_in_turn(appends).await, [at(0, 0), at(0, 1)]);
}

pub async fn of_many_in_turn_that_want_the_same_streams_one_gets_them(store: Store) {
    let want = |_| {
        let appends = vec![append("a-1", NoStream, &events(1)), append("b-1", NoStream, &events(1))];
        store.append_in_turn(appends)
    };
    let all = join_all((0..50).map(want)).await;
    assert_eq!(all.iter().filter(|answers| answers.iter().all(Result::is_ok)).count(), 1);
    let refused = all.iter().filter(|answers| **answers == [conflict(Some(0))]).count();
    assert_eq!(refused, 49, "{all:?}");
    assert_eq!(streams(&store).await, ["a-1", "b-1"]);
}
