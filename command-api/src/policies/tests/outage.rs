use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::world::World;
use crate::policies::RunnerSettings;

/// How many wait.
const WAITING: usize = 5_000;

/// EL-I13: five thousand wait for an hour. Whoever they wait for is asked now and then, is not overrun
/// when it returns, and does all of it as fast as it can.
#[tokio::test(start_paused = true)]
async fn an_outage_ends_without_a_flood() {
    let world = World::new();
    world.callee.down.store(true, Ordering::SeqCst);
    for key in 0..WAITING {
        world.happens(key as u128, "it").await;
    }
    let settings = RunnerSettings::default();
    let process = world.process(settings.clone());
    sleep(Duration::from_secs(3600)).await;
    let calls = world.callee.calls.load(Ordering::SeqCst);
    let turns = (3600.0 / settings.retry_every.as_secs_f64()) as usize;
    println!("{calls} calls in an outage of an hour");
    assert!(calls <= WAITING + turns, "everything once, and one turn after the other: {calls}");
    assert!(calls >= WAITING + turns / 2, "nobody gave up: {calls}");

    world.callee.down.store(false, Ordering::SeqCst);
    let back = Instant::now();
    process.settle(&world).await;
    let more = world.callee.calls.load(Ordering::SeqCst) - calls;
    println!("{more} calls and {:?} until all {WAITING} were done", back.elapsed());
    assert_eq!(world.done().len(), WAITING);
    assert!(more <= WAITING + settings.concurrency, "{more}");
    assert!(world.callee.most_at_once.load(Ordering::SeqCst) <= settings.concurrency);
    // So many at once, each of which takes 10 ms: 1.6 s; and a pause and a turn before the first.
    assert!(back.elapsed() < Duration::from_secs(10), "{:?}", back.elapsed());
}
