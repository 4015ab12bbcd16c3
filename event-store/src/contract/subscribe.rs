//! What a subscription promises.

use futures::FutureExt;

use super::{Store, event, fill, stream};
use crate::{
    Batch, Decoded, Direction, ExpectedRevision, Filter, NewEvent, Position, ReadError, RecordedEvent,
    Subscription,
};

/// Collects until so many events came; every batch must go on where the one before it ended.
pub(super) async fn take(subscription: &mut Subscription, count: usize) -> Vec<RecordedEvent> {
    let mut taken: Vec<RecordedEvent> = Vec::new();
    let mut through = None;
    while taken.len() < count {
        let batch = subscription.next().await.unwrap();
        assert!(batch.through >= through, "a subscription never goes back");
        assert!(batch.events.iter().all(|event| Some(event.position) > through), "no event comes twice");
        through = batch.through;
        assert!(batch.events.last().is_none_or(|last| Some(last.position) <= through));
        taken.extend(batch.events);
    }
    taken
}

/// Reads on until the mark that nothing is left.
async fn caught_up(subscription: &mut Subscription) -> (Vec<RecordedEvent>, Option<Position>) {
    let mut events = Vec::new();
    loop {
        let batch = subscription.next().await.unwrap();
        events.extend(batch.events);
        if batch.at_end {
            return (events, batch.through);
        }
    }
}

fn gapless(events: &[RecordedEvent], from: u64) {
    let positions: Vec<u64> = events.iter().map(|event| event.position.0).collect();
    assert!(positions.iter().copied().eq(from..from + events.len() as u64), "{positions:?}");
}

pub async fn a_subscriber_gets_what_is_there_and_then_what_comes(store: Store) {
    fill(&store, "a-1", 30).await;
    let mut subscription = store.subscribe(None, Filter::all()).await.unwrap();
    let (events, through) = caught_up(&mut subscription).await;
    gapless(&events, 0);
    assert_eq!((events.len(), through), (30, Some(Position(29))));
    for number in 30..40 {
        assert!(subscription.next().now_or_never().is_none(), "nothing new, so it waits");
        fill(&store, "b-1", 1).await;
        let live = take(&mut subscription, 1).await;
        gapless(&live, number);
        assert_eq!(live.len(), 1);
    }
}

pub async fn a_subscriber_of_an_empty_log_hears_at_once_that_it_caught_up(store: Store) {
    let mut subscription = store.subscribe(None, Filter::all()).await.unwrap();
    let first = subscription.next().await;
    assert_eq!(first, Ok(Batch { events: vec![], through: None, at_end: true }));
    fill(&store, "a-1", 1).await;
    gapless(&take(&mut subscription, 1).await, 0);
}

pub async fn a_subscriber_goes_on_behind_its_position(store: Store) {
    fill(&store, "a-1", 10).await;
    let mut subscription = store.subscribe(Some(Position(6)), Filter::all()).await.unwrap();
    let (events, _) = caught_up(&mut subscription).await;
    assert_eq!(events.len(), 3);
    gapless(&events, 7);
    let mut at_head = store.subscribe(Some(Position(9)), Filter::all()).await.unwrap();
    let first = at_head.next().await;
    assert_eq!(first, Ok(Batch { events: vec![], through: Some(Position(9)), at_end: true }));
}

pub async fn a_subscriber_gets_only_what_it_wants_and_passes_over_the_rest(store: Store) {
    for _ in 0..5 {
        fill(&store, "a-1", 1).await;
        fill(&store, "b-1", 2).await;
    }
    let mut subscription = store.subscribe(None, Filter::categories(["a"])).await.unwrap();
    let (events, through) = caught_up(&mut subscription).await;
    assert!(events.iter().map(|event| event.position.0).eq([0, 3, 6, 9, 12]));
    assert_eq!(through, Some(Position(14)));
    fill(&store, "b-1", 1).await;
    // Unwanted events move the checkpoint of a live subscriber too.
    let unwanted = subscription.next().await;
    assert_eq!(unwanted, Ok(Batch { events: vec![], through: Some(Position(15)), at_end: true }));
}

pub async fn a_subscriber_beyond_the_head_is_refused(store: Store) {
    fill(&store, "a-1", 1).await;
    let refused = store.subscribe(Some(Position(1)), Filter::all()).await.err();
    let expected = ReadError::BeyondHead { asked: Position(1), head: Some(Position(0)) };
    assert_eq!(refused, Some(expected));
}

pub async fn a_subscriber_that_started_during_writing_misses_and_repeats_nothing(store: Store) {
    let writer = {
        let store = store.clone();
        tokio::spawn(async move { fill(&store, "a-1", 300).await })
    };
    let mut readers = Vec::new();
    for _ in 0..5 {
        let mut subscription = store.subscribe(None, Filter::all()).await.unwrap();
        readers.push(tokio::spawn(async move { take(&mut subscription, 300).await }));
        fill(&store, "b-1", 1).await;
    }
    writer.await.unwrap();
    for reader in readers {
        gapless(&reader.await.unwrap(), 0);
    }
}

pub async fn a_dropped_wait_loses_nothing(store: Store) {
    let mut subscription = store.subscribe(None, Filter::all()).await.unwrap();
    let mut taken = Vec::new();
    for _ in 0..50 {
        fill(&store, "a-1", 1).await;
        // Polled once and dropped, whatever it was doing.
        if let Some(batch) = subscription.next().now_or_never() {
            taken.extend(batch.unwrap().events);
        }
    }
    if taken.len() < 50 {
        let rest = 50 - taken.len();
        taken.extend(take(&mut subscription, rest).await);
    }
    gapless(&taken, 0);
}

pub async fn what_an_event_says_is_at_hand_for_itself_or_for_nobody(store: Store) {
    let mut subscription = store.subscribe(None, Filter::all()).await.unwrap();
    let said = |number: u64| NewEvent {
        data: number.to_string().into(),
        // Not every writer says something.
        decoded: if number.is_multiple_of(3) { Decoded::default() } else { Decoded::new(number) },
        ..event("Counted")
    };
    let mut number = 0;
    for length in [1, 2, 3, 1, 4] {
        let events = (number..number + length).map(said).collect();
        number += length;
        store.append(&stream(&format!("a-{length}")), ExpectedRevision::Any, events).await.unwrap();
    }
    let live = take(&mut subscription, number as usize).await;
    let forwards = store.read_all(Some(Position(1)), Direction::Forwards, &Filter::all(), 100).await.unwrap();
    let backwards = store.read_all(None, Direction::Backwards, &Filter::all(), 100).await.unwrap();
    let read = store.read_stream(&stream("a-4"), 0, Direction::Forwards, 100).await.unwrap();
    for event in [live, forwards.events, backwards.events, read].concat() {
        let number: u64 = std::str::from_utf8(&event.data).unwrap().parse().unwrap();
        assert!(
            event.decoded.get::<u64>().is_none_or(|said| *said == number && !number.is_multiple_of(3)),
            "{event:?}"
        );
    }
}
