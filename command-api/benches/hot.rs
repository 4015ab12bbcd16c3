//! One hot aggregate: what a decision on a car costs at the beginning of its stream and after 100,000
//! events, warm and from cold, and how long 100 who want the same car wait. On the durable store.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use command_api::execute::{Executor, Origin, wall_clock};
use domain::kernel::{Aggregate, Event, RequestId};
use domain::rentcar::sample::{booking, number};
use domain::rentcar::{Car, CarCommand, CarId, HeldFor, ReleaseReason};
use event_store::{Decoded, Direction, EmbeddedStore, EventStore, ExpectedRevision, NewEvent, StreamName};
use uuid::Uuid;

const EVENTS: usize = 100_000;
const SAMPLES: usize = 100;
const WAITING: usize = 100;

fn main() {
    // `cargo test --benches` runs this too, and a test is never timed.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    tokio::runtime::Runtime::new().expect("a runtime").block_on(measure());
}

async fn measure() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let store: Arc<dyn EventStore> = Arc::new(EmbeddedStore::open(folder.path()).expect("a store"));
    let executor = Executor::new(Arc::clone(&store), wall_clock());
    let (new, old) = (car("new"), car("old"));
    for id in [&new, &old] {
        let register = CarCommand::Register(id.clone(), booking().car_name, number(1_000_000));
        decide(&executor, id, register).await;
    }
    fill(&*store, &old).await;
    // Whoever reads it all keeps a snapshot for the next one.
    hold(executor.clone(), old.clone()).await;
    let snapshots = StreamName::new("rentcar.snapshot-car-old").expect("a name");
    while store.read_stream(&snapshots, 0, Direction::Forwards, 1).await.expect("a store").is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let cold = || Executor::new(Arc::clone(&store), wall_clock());
    println!("| a decision on a car | p50 | p99 |");
    println!("|---|---|---|");
    for (name, id) in [("new", &new), ("of 100,000 events", &old)] {
        show(&format!("{name}, warm"), many(|| hold(executor.clone(), id.clone())).await);
        show(&format!("{name}, first one of a process"), many(|| hold(cold(), id.clone())).await);
    }
    let waiting = (0..WAITING).map(|_| {
        let (executor, id) = (executor.clone(), old.clone());
        tokio::spawn(async move { many(|| hold(executor.clone(), id.clone())).await })
    });
    let mut all = Vec::new();
    for task in waiting.collect::<Vec<_>>() {
        all.extend(task.await.expect("nobody panics"));
    }
    show(&format!("{WAITING} at once on the one of 100,000 events"), all);
}

/// Puts 100,000 events behind a car that is registered.
async fn fill(store: &dyn EventStore, id: &CarId) {
    let stream = StreamName::new(domain::kernel::stream::<Car>(id).to_string()).expect("a name");
    let register = CarCommand::Register(id.clone(), booking().car_name, number(1_000_000));
    let events = Car::default().decide(&register).expect("it is new");
    let mut car: Car = events.iter().fold(Car::default(), Car::evolve);
    for batch in 0..EVENTS as u64 / 1000 {
        let mut events = Vec::new();
        for _ in 0..500 {
            let request = RequestId(Uuid::now_v7());
            for command in [
                CarCommand::Hold(request, HeldFor::Reservation),
                CarCommand::Release(request, ReleaseReason::Admin),
            ] {
                for event in car.decide(&command).expect("there are enough") {
                    let (event_type, data) = (event.name().into(), event.encode().into());
                    car = car.evolve(&event);
                    events.push(NewEvent {
                        id: Uuid::now_v7(),
                        event_type,
                        data,
                        metadata: "{}".into(),
                        decoded: Decoded::default(),
                    });
                }
            }
        }
        store.append(&stream, ExpectedRevision::Exact(batch * 1000), events).await.expect("a store");
    }
}

fn car(key: &str) -> CarId {
    CarId::new(key).expect("a key")
}

async fn hold(executor: Executor, id: CarId) {
    decide(&executor, &id, CarCommand::Hold(RequestId(Uuid::now_v7()), HeldFor::Reservation)).await;
}

async fn decide(executor: &Executor, id: &CarId, command: CarCommand) {
    let origin = Origin { correlation: Uuid::nil(), cause: Uuid::now_v7(), actor: "bench".into() };
    executor.execute::<Car>(id, &command, &origin).await.expect("nobody refuses and nothing fails");
}

async fn many<F: Future<Output = ()>>(work: impl Fn() -> F) -> Vec<Duration> {
    let mut took = Vec::new();
    for _ in 0..SAMPLES {
        let began = Instant::now();
        work().await;
        took.push(began.elapsed());
    }
    took
}

fn show(name: &str, mut took: Vec<Duration>) {
    took.sort();
    let quantile = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!("| {name} | {:?} | {:?} |", quantile(50), quantile(99));
}
