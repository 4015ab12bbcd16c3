//! Rows go along when their log moves to another store (DESIGN 6, promotion).

use std::sync::Arc;

use event_store::{Decoded, EventStore, ExpectedRevision, MemoryStore, NewEvent, Position, StreamName, copy};
use projections::{AdoptError, Adopted, Refused, StepError, adopt};
use uuid::Uuid;

use crate::stories::*;
use crate::support::World;
use crate::tally::Tally;

/// A log with the stories of so many students, and rows that count its events.
async fn counted(students: u64) -> World {
    let mut world = World::asleep(Tally::default().system()).await;
    world.start().await.unwrap();
    for student in 0..students {
        let position = world.happened(happy(&wanted_by("student1", student))).await;
        world.considered("tally", position).await;
    }
    world.stop().await;
    world
}

/// Opens another log, which is refused with the way out.
async fn moves_to(world: &mut World, store: &Arc<MemoryStore>) -> Arc<MemoryStore> {
    let old = std::mem::replace(&mut world.store, Arc::clone(store));
    let refused = world.start().await.unwrap_err();
    assert!(matches!(refused, StepError::Refused(Refused::AnotherStore { .. })), "{refused:?}");
    assert!(refused.to_string().contains("`projections migrate --moved-from <the old store>`"), "{refused}");
    old
}

/// G1, G10: in the copy the rows go on where they were, and every event counts once.
#[tokio::test]
async fn rows_go_on_in_the_copy_of_their_log_where_they_were() {
    let mut world = counted(3).await;
    let target = Arc::new(MemoryStore::default());
    copy(&*world.store, &*target, |_| ()).await.unwrap();
    let old = moves_to(&mut world, &target).await;

    let adopted = adopt(&*old, &*target, &world.database).await.unwrap();
    assert_eq!(adopted, [Adopted { name: "tally".to_owned(), position: Some(Position(11)) }]);
    assert_eq!(adopt(&*old, &*target, &world.database).await.unwrap(), [], "nothing is left to do");
    world.start().await.unwrap();
    let position = world.happened(happy(&wanted_by("student1", 3))).await;
    assert_eq!((position, world.considered("tally", position).await), (Position(15), None));
    assert_eq!((Tally::counted(&world.rows().await), world.rows().await), (16, world.rebuilt().await));
}

/// DESIGN 6: what cannot be proved to be the same log changes nothing.
#[tokio::test]
async fn rows_stay_where_they_are_when_the_other_log_is_not_the_same_as_far_as_they_reach() {
    let mut world = counted(2).await;
    let third = MemoryStore::default();
    let empty = MemoryStore::default();
    let shifted = MemoryStore::default();
    let identity = StreamName::new("girok.identity").unwrap();
    let event = NewEvent {
        id: Uuid::from_u128(9),
        event_type: "Kept".into(),
        data: "{}".into(),
        metadata: "{}".into(),
        decoded: Decoded::default(),
    };
    shifted.append(&identity, ExpectedRevision::NoStream, vec![event]).await.unwrap();
    let target = Arc::new(MemoryStore::default());
    for to in [&shifted, &*target] {
        copy(&*world.store, to, |_| ()).await.unwrap();
    }
    let old = moves_to(&mut world, &target).await;

    let refused = adopt(&third, &*target, &world.database).await.unwrap_err();
    assert!(matches!(refused, AdoptError::Foreign { of, .. } if of == old.id()), "{refused}");
    let refused = adopt(&*old, &empty, &world.database).await.unwrap_err();
    assert!(matches!(refused, AdoptError::NewEnds { at: Position(7), head: None }), "{refused}");
    let refused = adopt(&*old, &shifted, &world.database).await.unwrap_err();
    assert!(matches!(refused, AdoptError::Differs { at: Position(0) }), "{refused}");
    assert!(refused.to_string().contains("an empty database, and they are made anew"), "{refused}");
    assert!(world.start().await.is_err(), "nothing was changed");
    adopt(&*old, &*target, &world.database).await.unwrap();
    world.start().await.unwrap();
}
