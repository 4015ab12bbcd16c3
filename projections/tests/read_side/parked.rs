//! Events that cannot be applied (G11).

use domain::kernel::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use domain::elearning::Application;
use event_store::{EventStore, Filter, Position, RecordedEvent};
use projections::query::Reads;
use projections::{
    Change, Healed, Order, Projection, Screen, System, Table, Undecodable, elearning, heal, parked,
};

use crate::stories::*;
use crate::support::World;

/// G11: an event that cannot be read parks its key: the row stands still and says since when, what
/// comes later waits behind it, and everybody else's rows go on.
#[tokio::test]
async fn an_event_that_cannot_be_read_parks_its_key_and_nobody_elses() {
    let world = World::running().await;
    let (sale, other) = (wanted_by("student1", 1), wanted_by("student1", 2));
    world.happened([applied(&sale), requested(&sale)]).await;
    let stream = format!("elearning.payment-{}", sale.id);
    let poison = world.appended(&stream, "PayCompleted", br#"{"sale":1}"#.to_vec(), Some(1)).await;
    world.happened([started(&sale)]).await;
    let last = world.happened(happy(&other)).await;

    let row = world.my_page(sale.id, last).await;
    assert_eq!((&row["payStatus"], &row["deliveryStatus"]), (&"pending".into(), &"none".into()));
    assert_eq!(row["degraded"]["since"], poison.0);
    let row = world.my_page(other.id, last).await;
    assert_eq!((&row["deliveryStatus"], row.get("degraded")), (&"started".into(), None));
    let pays = world.get(&format!("/pays?after={last}")).await;
    let degraded: Vec<_> = pays.items("pays").iter().map(|pay| pay["degraded"]["since"].as_u64()).collect();
    assert_eq!(degraded, [Some(poison.0), None]);

    let all = parked(&world.database).await.unwrap();
    let seen: Vec<_> = all.iter().map(|parked| (&*parked.projection, parked.since, parked.waiting)).collect();
    assert_eq!(seen, [("my_page", poison, 1), ("resources", poison, 1)]);
    assert!(all[0].reason.contains("malformed PayCompleted v1"), "{all:?}");
    let status = world.side().status().await;
    assert!(status.iter().all(|status| status.parked == 1 && status.stopped.is_none()), "{status:?}");
    assert!(status[0].unhealthy.as_ref().unwrap().contains("1 keys are parked"), "{status:?}");
}

/// G11: a type that nobody ever promised is passed over; a known one in a newer version is parked.
#[tokio::test]
async fn an_unknown_type_is_passed_over_and_an_unknown_version_is_not() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    let stream = format!("elearning.apply-{}", sale.id);
    world.happened([applied(&sale)]).await;
    let position = world.appended(&stream, "ApplyApplauded", b"{}".to_vec(), Some(1)).await;
    assert_eq!(world.my_page(sale.id, position).await.get("degraded"), None);
    let position = world.appended(&stream, "ApplyCancelled", b"{}".to_vec(), Some(2)).await;
    world.my_page(sale.id, position).await;
    let parked = parked(&world.database).await.unwrap();
    assert!(parked[0].reason.contains("unknown event ApplyCancelled v2"), "{parked:?}");
}

/// G11: once the program can read the event, `retry` brings the row to where it would always have
/// been; nothing is lost, nothing counts twice.
#[tokio::test]
async fn a_retry_heals_the_row_with_everything_that_waited() {
    let (world, sale, last, broken) = with_a_parked_key().await;
    assert_eq!(order(&world, &sale, Order::Retry).await.waiting, 3, "it is as it was");

    broken.store(false, Ordering::SeqCst);
    let healed = order(&world, &sale, Order::Retry).await;
    assert_eq!((healed.applied, healed.waiting, healed.reason), (3, 0, None));
    let row = world.my_page(sale.id, last).await;
    assert_eq!((&row["deliveryStatus"], row.get("degraded")), (&"started".into(), None));
    assert_eq!(world.rows().await["my_page"], world.rebuilt().await["my_page"]);
    assert!(parked(&world.database).await.unwrap().is_empty());
}

/// G11: `skip` leaves out the one event, says which, and goes on with what waited behind it.
#[tokio::test]
async fn a_skip_says_what_it_left_out_and_goes_on() {
    let (world, sale, last, _broken) = with_a_parked_key().await;
    let healed = order(&world, &sale, Order::Skip).await;
    assert_eq!((healed.applied, healed.waiting), (2, 0));
    assert_eq!(healed.skipped.len(), 1);
    assert_eq!((&*healed.skipped[0].event_type, healed.skipped[0].revision), ("PayRequested", 0));
    assert!(healed.skipped[0].data.contains(&sale.id.to_string()));
    let row = world.my_page(sale.id, last).await;
    assert_eq!((&row["payStatus"], row.get("degraded")), (&"completed".into(), None));
    let next =
        world.happened([apply_cancelled(&sale, domain::elearning::CancelReason::StudentCancelled)]).await;
    assert_eq!(world.my_page(sale.id, next).await["applyStatus"], "cancelled", "it is followed again");
}

/// A key that is not parked is not healed.
#[tokio::test]
async fn nothing_parked_is_nothing_to_retry() {
    let world = World::running().await;
    let projection = elearning::my_page::MyPage.projection();
    let store: Arc<dyn EventStore> = world.store.clone();
    let healed = heal(&store, &world.database, &*projection, "nobody", Order::Skip).await;
    assert_eq!(healed.unwrap(), None);
}

pub(crate) async fn with_a_parked_key() -> (World, Shared<Application>, Position, Arc<AtomicBool>) {
    let broken = Arc::new(AtomicBool::new(true));
    let system = System {
        collections: &[],
        screens: vec![Arc::new(Fragile { broken: Arc::clone(&broken) })],
        ..elearning::system()
    };
    let mut world = World::asleep(system).await;
    world.start().await.unwrap();
    let sale = wanted_by("student1", 1);
    let last = world.happened(happy(&sale)).await;
    let row = world.my_page(sale.id, last).await;
    assert_eq!(row["degraded"]["since"], 1);
    (world, sale, last, broken)
}

pub(crate) async fn order(world: &World, sale: &Shared<Application>, order: Order) -> Healed {
    let store: Arc<dyn EventStore> = world.store.clone();
    let projection = world.system.screens[0].projection();
    let healed = heal(&store, &world.database, &*projection, &sale.id.to_string(), order).await;
    healed.unwrap().unwrap()
}

/// MyPage by a program that, while `broken`, cannot read a `PayRequested`.
struct Fragile {
    broken: Arc<AtomicBool>,
}

impl Fragile {
    fn whole() -> Arc<dyn Projection> {
        elearning::my_page::MyPage.projection()
    }
}

impl Screen for Fragile {
    fn projection(&self) -> Arc<dyn Projection> {
        Arc::new(Self { broken: Arc::clone(&self.broken) })
    }

    fn routes(&self, reads: Reads) -> Router {
        elearning::my_page::MyPage.routes(reads)
    }
}

impl Projection for Fragile {
    fn name(&self) -> &'static str {
        "my_page"
    }

    fn version(&self) -> u32 {
        1
    }

    fn filter(&self) -> Filter {
        Self::whole().filter()
    }

    fn table(&self) -> Table {
        Self::whole().table()
    }

    fn prepare(&self, events: &[RecordedEvent]) -> Result<Box<dyn Change>, Undecodable> {
        let strange = events.iter().find(|event| &*event.event_type == "PayRequested");
        match strange.filter(|_| self.broken.load(Ordering::SeqCst)) {
            Some(event) => Err(Undecodable::new(event, "not yet".to_owned())),
            None => Self::whole().prepare(events),
        }
    }
}
