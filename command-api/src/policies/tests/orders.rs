use std::time::Duration;

use event_store::{Direction, StreamName};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{Process, World};
use crate::policies::{Order, OrderError, RunnerSettings};

fn key(number: u128) -> String {
    Uuid::from_u128(number).to_string()
}

/// Never saves its checkpoint, so that the next process begins at the beginning.
fn forgetful() -> RunnerSettings {
    RunnerSettings { checkpoint_every: Duration::from_secs(7 * 24 * 3600), ..RunnerSettings::default() }
}

/// The first of three events of a key fails for good; another key goes on.
async fn parked(settings: RunnerSettings) -> (World, Process) {
    let world = World::new();
    world.refuse("first");
    let process = world.process(settings);
    for (key, what) in [(1, "first"), (1, "second"), (2, "other"), (1, "third")] {
        world.happens(key, what).await;
    }
    process.settle(&world).await;
    assert_eq!((world.done(), process.parked().await), (vec!["other".to_owned()], vec![0, 1, 3]));
    (world, process)
}

/// EL-I13: again in order, with all that waits behind it.
#[tokio::test(start_paused = true)]
async fn a_retry_carries_out_everything_of_its_key_in_order() {
    let (world, process) = parked(RunnerSettings::default()).await;
    world.relent();
    let ordered = process.oversight.parking().order(&key(1), Order::Retry, "kim").await.unwrap();
    assert_eq!(ordered.len(), 3);
    world.happens(1, "fourth").await;
    process.until(|status| status.parked.is_empty()).await;
    process.settle(&world).await;
    assert_eq!(world.done(), ["other", "first", "second", "third", "fourth"]);
    let nothing = process.oversight.parking().order(&key(1), Order::Retry, "kim").await;
    assert!(matches!(nothing, Err(OrderError::NotParked)), "{nothing:?}");
}

#[tokio::test(start_paused = true)]
async fn what_fails_again_is_parked_again_with_everything_behind_it() {
    let (world, process) = parked(RunnerSettings::default()).await;
    let parking = process.oversight.parking();
    parking.order(&key(1), Order::Retry, "kim").await.unwrap();
    process.until(|status| status.parked.iter().all(|reaction| reaction.ordered)).await;
    process.until(|status| status.parked.iter().all(|reaction| !reaction.ordered)).await;
    world.happens(1, "fourth").await;
    process.settle(&world).await;
    assert_eq!((world.done().len(), process.parked().await.len()), (1, 4));
    world.relent();
    parking.order(&key(1), Order::Retry, "kim").await.unwrap();
    process.until(|status| status.parked.is_empty()).await;
    assert_eq!(world.done(), ["other", "first", "second", "third", "fourth"]);
}

/// What was skipped, by whom and when is on the log; and it stays skipped for a process that begins
/// before it.
#[tokio::test(start_paused = true)]
async fn a_skip_leaves_out_the_first_for_good_and_carries_out_the_rest() {
    let (world, process) = parked(forgetful()).await;
    world.relent();
    let skipped = process.oversight.parking().order(&key(1), Order::Skip, "kim").await.unwrap();
    assert_eq!((skipped.len(), skipped[0].trigger.position.0), (1, 0));
    process.until(|status| status.parked.is_empty()).await;
    assert_eq!(world.done(), ["other", "second", "third"]);

    process.die().await;
    let next = world.process(forgetful());
    next.settle(&world).await;
    assert!(!world.done().contains(&"first".to_owned()), "{:?}", world.done());
    let stream = StreamName::new("test.parked-policy").unwrap();
    let log = world.store.read_stream(&stream, 0, Direction::Forwards, usize::MAX).await.unwrap();
    let skip = log.iter().find(|event| &*event.event_type == "ReactionSkipped").unwrap();
    let skip: Value = serde_json::from_slice(&skip.data).unwrap();
    assert_eq!((&skip["by"], &skip["skipped"]["stream"]), (&json!("kim"), &json!("test.thing-1")));
    assert_eq!(skip["time"], json!(skip["time"].as_u64().unwrap()));
}

/// An order goes through the log: it finds the policy when it runs again.
#[tokio::test(start_paused = true)]
async fn an_order_that_was_given_while_nobody_ran_the_policy_is_obeyed_by_the_next() {
    for forgets in [false, true] {
        let settings = || if forgets { forgetful() } else { RunnerSettings::default() };
        let (world, process) = parked(settings()).await;
        let parking = process.oversight.parking().clone();
        if forgets {
            process.die().await
        } else {
            process.stop().await
        }
        world.relent();
        parking.order(&key(1), Order::Retry, "kim").await.unwrap();
        let next = world.process(settings());
        world.happens(1, "fourth").await;
        next.settle(&world).await;
        next.until(|status| status.running && status.parked.is_empty()).await;
        let of_key = |what: &String| what != "other";
        let done: Vec<_> = world.done().into_iter().filter(of_key).collect();
        assert_eq!(done, ["first", "second", "third", "fourth"], "forgets: {forgets}");
    }
}

/// A process dies in the middle of a retry: the next one goes on with it, in order.
#[tokio::test(start_paused = true)]
async fn a_retry_survives_the_process_that_obeys_it() {
    let (world, process) = parked(RunnerSettings::default()).await;
    world.relent();
    process.oversight.parking().order(&key(1), Order::Retry, "kim").await.unwrap();
    process.until(|status| status.parked.len() == 2).await;
    process.die().await;
    let next = world.process(RunnerSettings::default());
    next.until(|status| status.running && status.parked.is_empty()).await;
    // What was done when it died may be done again.
    let mut done: Vec<_> = world.done().into_iter().filter(|what| what != "other").collect();
    done.dedup();
    assert_eq!(done, ["first", "second", "third"]);
}

/// DESIGN 5: whoever is asked, the process that has the lease obeys.
#[tokio::test(start_paused = true)]
async fn an_order_may_be_given_to_a_process_that_stands_by() {
    let settings = RunnerSettings { lease: Some(Duration::from_secs(5)), ..RunnerSettings::default() };
    let (world, process) = parked(settings.clone()).await;
    let stands_by = world.process(settings);
    world.relent();
    stands_by.oversight.parking().order(&key(1), Order::Skip, "kim").await.unwrap();
    process.until(|status| status.parked.is_empty()).await;
    assert_eq!(world.done(), ["other", "second", "third"]);
    assert!(!stands_by.oversight.status().borrow().running);
    assert_eq!(stands_by.parked().await, Vec::<u64>::new());
}
