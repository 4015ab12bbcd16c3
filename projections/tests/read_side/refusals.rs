//! Checkpoints that do not fit, and databases that are none.

use std::sync::Arc;

use event_store::{EventStore, MemoryStore};
use projections::{Database, OpenError, ReadSide, Refused, StepError, elearning};
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
