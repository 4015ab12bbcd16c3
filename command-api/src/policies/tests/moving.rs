use std::sync::Arc;

use event_store::{
    Decoded, Direction, EventStore, ExpectedRevision, MemoryStore, NewEvent, StreamName, copy,
};
use serde_json::Value;
use uuid::Uuid;

use super::world::World;
use crate::policies::{Order, RunnerSettings};

/// A store that keeps events of its own first, which do not move: positions are others than elsewhere.
async fn shifted(by: u128) -> Arc<MemoryStore> {
    let store = MemoryStore::default();
    let kept = StreamName::new("girok.identity").unwrap();
    let event = |number| NewEvent {
        id: Uuid::from_u128(number),
        event_type: "Kept".into(),
        data: "{}".into(),
        metadata: "{}".into(),
        decoded: Decoded::default(),
    };
    for number in 0..by {
        store.append(&kept, ExpectedRevision::Any, vec![event(number)]).await.unwrap();
    }
    Arc::new(store)
}

/// The world as it goes on with a copy of its log.
async fn copied(world: &World, by: u128) -> World {
    let store = shifted(by).await;
    copy(&*world.store, &*store, |_| ()).await.unwrap();
    world.moved_to(store)
}

async fn checkpoint(store: &dyn EventStore) -> Vec<u8> {
    let stream = StreamName::new("test.checkpoint-policy").unwrap();
    let last = store.read_stream(&stream, u64::MAX, Direction::Backwards, 1).await.unwrap();
    last[0].data.to_vec()
}

/// DESIGN 6, G1: policies go on in a copy of the log where they were, wherever that is there.
#[tokio::test(start_paused = true)]
async fn nothing_is_handled_twice_or_skipped_in_a_copy_whose_positions_are_others() {
    for (here, there) in [(0, 3), (3, 0), (0, 0)] {
        let world = World::on(shifted(here).await);
        let process = world.process(RunnerSettings::default());
        world.happens(1, "first").await;
        world.happens(2, "second").await;
        process.settle(&world).await;
        process.stop().await;

        let copied = copied(&world, there).await;
        copied.happens(3, "third").await;
        copied.happens(1, "fourth").await;
        for what in ["fifth", "sixth"] {
            let process = copied.process(RunnerSettings::default());
            process.settle(&copied).await;
            process.stop().await;
            copied.happens(1, what).await;
        }
        let mut done = copied.done();
        done[..4].sort_unstable();
        assert_eq!(done, ["first", "fourth", "second", "third", "fifth"], "from {here} to {there}");
    }
}

/// EL-I13, DESIGN 6: what was parked before the move is retried in its place.
#[tokio::test(start_paused = true)]
async fn what_is_parked_keeps_its_place_in_a_copy_whose_positions_are_others() {
    for (here, there) in [(30, 0), (0, 30)] {
        let world = World::on(shifted(here).await);
        world.refuse("first");
        let process = world.process(RunnerSettings::default());
        for (key, what) in [(1, "first"), (1, "second"), (2, "other")] {
            world.happens(key, what).await;
        }
        process.settle(&world).await;
        assert_eq!(process.parked().await, [here as u64, here as u64 + 1]);
        process.stop().await;

        let copied = copied(&world, there).await;
        let process = copied.process(RunnerSettings::default());
        assert_eq!(process.parked().await, [there as u64, there as u64 + 1]);
        copied.happens(1, "third").await;
        process.settle(&copied).await;
        assert_eq!((process.parked().await.len(), copied.done()), (3, vec!["other".to_owned()]));
        copied.relent();
        let key = Uuid::from_u128(1).to_string();
        process.oversight.parking().order(&key, Order::Retry, "kim").await.unwrap();
        process.until(|status| status.parked.is_empty()).await;
        assert_eq!(copied.done(), ["other", "first", "second", "third"]);
    }
}

/// DESIGN 6: a checkpoint of another log is refused loudly, never skipped over.
#[tokio::test(start_paused = true)]
async fn a_checkpoint_whose_event_is_not_there_stops_the_policy_with_the_way_out() {
    let world = World::new();
    let process = world.process(RunnerSettings::default());
    world.happens(1, "first").await;
    process.settle(&world).await;
    process.stop().await;

    let other = world.moved_to(shifted(0).await);
    other.notes(&checkpoint(&*world.store).await).await;
    other.happens(2, "second").await;
    let process = other.process(RunnerSettings::default());
    let stopped = process.until(|status| status.stopped.is_some()).await.stopped.unwrap();
    let names = [&world.store.id().to_string(), "test.thing-1 at revision 0", "`event-store copy`"];
    assert!(names.iter().all(|name| stopped.contains(name)), "{stopped}");
    assert!(process.oversight.problem().await.unwrap().unwrap().contains(&stopped));
    assert_eq!(other.done(), ["first"]);
}

/// DESIGN 6: a log of an earlier release opens for ever: its checkpoints are positions and nothing else.
#[tokio::test(start_paused = true)]
async fn a_checkpoint_of_an_earlier_release_is_taken_as_it_is_and_the_next_one_says_more() {
    let world = World::new();
    world.happens(1, "first").await;
    world.notes(br#"{"position":0}"#).await;
    world.happens(1, "second").await;
    let process = world.process(RunnerSettings::default());
    process.settle(&world).await;
    process.stop().await;
    assert_eq!(world.done(), ["second"]);
    let next: Value = serde_json::from_slice(&checkpoint(&*world.store).await).unwrap();
    assert_eq!((&next["position"], &next["store"]), (&2.into(), &world.store.id().to_string().into()));
    assert_eq!(
        (&next["landmark"]["stream"], &next["landmark"]["revision"]),
        (&"test.thing-1".into(), &1.into())
    );
}
