//! Checkpoints that do not fit, and events that cannot be read.

use std::sync::Arc;

use axum::Router;
use event_store::{EventStore, Filter, MemoryStore, RecordedEvent};
use projections::query::Reads;
use projections::{
    Change, Database, OpenError, Projection, ReadSide, Refused, Screen, StepError, Table, Transaction,
    Undecodable, elearning,
};
use tokio_util::sync::CancellationToken;

use crate::disguise::Disguise;
use crate::stories::*;
use crate::support::World;

/// DESIGN 6: rows of another log are never mixed with this one.
#[tokio::test]
async fn a_database_of_another_store_is_refused_with_the_way_out() {
    let mut world = World::running().await;
    let position = world.happened(happy(&wanted_by("student1", 1))).await;
    world.considered("my_page", position).await;
    world.considered("resources", position).await;
    world.stop().await;

    world.store = Arc::new(MemoryStore::default());
    let refused = world.start().await.unwrap_err();
    assert!(matches!(refused, StepError::Refused(Refused::AnotherStore { .. })), "{refused:?}");
    assert!(refused.to_string().contains("empty one, and it is rebuilt"), "{refused}");
}

/// DESIGN 6: a log that was restored from an older copy is noticed, not skipped over.
#[tokio::test]
async fn a_checkpoint_beyond_the_head_is_refused_with_the_way_out() {
    let mut world = World::running().await;
    let position = world.happened(happy(&wanted_by("student1", 1))).await;
    world.considered("my_page", position).await;
    world.considered("resources", position).await;
    world.stop().await;

    // The same log, restored from when it had one event.
    let id = world.store.id();
    let restored = World::asleep(elearning::system()).await;
    restored.happened([applied(&wanted_by("student1", 1))]).await;
    let store = Arc::new(Disguise { id, ..Disguise::of(&restored.store) });
    let token = CancellationToken::new();
    let started = ReadSide::start(store, world.database.clone(), &world.system, token).await;
    let refused = started.err().unwrap();
    assert!(matches!(refused, StepError::Refused(Refused::BeyondHead { .. })), "{refused:?}");
    assert!(refused.to_string().contains("reach position 3, and the event store ends at 0"), "{refused}");
}

/// G11: the projection that needs it stops and says where and why; the others go on.
#[tokio::test]
async fn an_event_that_cannot_be_read_stops_only_the_projections_that_need_it() {
    let mut system = elearning::system();
    system.screens.push(Arc::new(Unconcerned));
    let mut world = World::asleep(system).await;
    world.start().await.unwrap();
    let sale = wanted_by("student1", 1);
    world.happened([applied(&sale), requested(&sale)]).await;
    let stream = format!("elearning.payment-{}", sale.id);
    let poison = world.appended(&stream, "PayCompleted", br#"{"sale":1}"#.to_vec(), Some(1)).await;
    let last = world.happened([started(&sale)]).await;

    for name in ["my_page", "resources"] {
        let reason = world.considered(name, last).await.unwrap();
        assert!(
            reason.contains(&format!("position {poison} (PayCompleted, revision 1 of {stream})")),
            "{reason}"
        );
        assert!(reason.contains("malformed PayCompleted v1"), "{reason}");
        let progress = world.side().progress(name).unwrap().borrow().clone();
        assert_eq!(progress.considered.map(|at| at.0), Some(1), "what came before it is in the rows");
    }
    assert_eq!(world.considered("unconcerned", last).await, None);
    assert_eq!(world.rows().await["my_page"].len(), 1);
}

/// G11: a type that nobody ever promised is passed over; a known one in a newer version is not.
#[tokio::test]
async fn an_unknown_type_is_passed_over_and_an_unknown_version_is_not() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    let stream = format!("elearning.apply-{}", sale.id);
    world.happened([applied(&sale)]).await;
    let position = world.appended(&stream, "ApplyApplauded", b"{}".to_vec(), Some(1)).await;
    assert_eq!(world.considered("my_page", position).await, None);
    let position = world.appended(&stream, "ApplyCancelled", b"{}".to_vec(), Some(2)).await;
    let reason = world.considered("my_page", position).await.unwrap();
    assert!(reason.contains("unknown event ApplyCancelled v2"), "{reason}");
}

/// DESIGN 6: an event without metadata is read as version 1, at the store's own time.
#[tokio::test]
async fn an_event_without_metadata_is_read_as_the_first_version() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    let json = serde_json::to_vec(&serde_json::json!({"application": sale})).unwrap();
    let position = world.appended(&format!("elearning.apply-{}", sale.id), "Applied", json, None).await;
    let row = world.my_page(sale.id, position).await;
    assert_eq!(row["applyStatus"], "completed");
    assert_ne!(row["updatedAt"], "1970-01-01T00:00:00Z");
}

/// STYLE 9: a URL that names no known database says what is known.
#[tokio::test]
async fn an_unknown_database_is_refused_by_name() {
    let refused = Database::open("mysql://somewhere").await.unwrap_err();
    assert!(matches!(&refused, OpenError::Unknown(_)), "{refused:?}");
    assert!(refused.to_string().contains("sqlite:<path>"), "{refused}");
}

/// A screen that wants every event and reads none.
struct Unconcerned;

impl Screen for Unconcerned {
    fn projection(&self) -> Arc<dyn Projection> {
        Arc::new(Self)
    }

    fn routes(&self, _reads: Reads) -> Router {
        Router::new()
    }
}

impl Projection for Unconcerned {
    fn name(&self) -> &'static str {
        "unconcerned"
    }

    fn version(&self) -> u32 {
        1
    }

    fn filter(&self) -> Filter {
        Filter::all()
    }

    fn table(&self) -> Table {
        Table { name: "checkpoints", key: "projection" }
    }

    fn prepare(&self, _events: &[RecordedEvent]) -> Result<Box<dyn Change>, Undecodable> {
        Ok(Box::new(Self))
    }
}

#[async_trait::async_trait]
impl Change for Unconcerned {
    async fn apply(&self, _transaction: &mut Transaction) -> Result<(), sqlx::Error> {
        Ok(())
    }
}
