//! The freshness contract: a client can wait for what it wrote, and always knows how old an answer is.

use std::time::Duration;

use axum::http::StatusCode;
use futures::poll;
use projections::elearning;
use projections::query::QueryOptions;
use tokio_util::sync::CancellationToken;

use crate::stories::*;
use crate::support::World;

/// Who waits gives up at once.
fn impatient() -> QueryOptions {
    QueryOptions { wait: Duration::ZERO, ..QueryOptions::default() }
}

/// G9: the position of a command's answer is what a query can wait for.
#[tokio::test]
async fn a_student_who_asks_for_what_was_just_written_gets_it() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    let path = format!("/myPages/{}?after=0", sale.id);
    let mut question = Box::pin(world.get(&path));
    assert!(poll!(&mut question).is_pending(), "nobody has applied yet");

    world.happened([applied(&sale)]).await;
    let answer = question.await;
    assert_eq!(
        (answer.status, answer.header("as-of"), answer.header("lag")),
        (StatusCode::OK, Some("0"), Some("0"))
    );
}

/// G9: events that are of no interest to a projection do not let its readers wait.
#[tokio::test]
async fn a_position_of_another_business_is_considered_too() {
    let world = World::running().await;
    let position = world.appended("mybnb.room-1", "RoomAdded", b"{}".to_vec(), Some(1)).await;
    let answer = world.get(&format!("/applies?after={position}&strict=true")).await;
    assert_eq!((answer.status, answer.header("as-of")), (StatusCode::OK, Some("0")));
}

/// G9: who looks at rows that another process makes is told, too, that nothing is missing from them.
#[tokio::test]
async fn rows_of_another_process_are_not_behind_for_events_of_no_interest() {
    let world = World::running().await;
    let position = world.happened(happy(&wanted_by("student1", 1))).await;
    let shutdown = CancellationToken::new();
    let beside = world.beside(&shutdown);
    world.considered("my_page", position).await;
    let position = world.appended("mybnb.room-1", "RoomAdded", b"{}".to_vec(), Some(1)).await;
    for projection in ["my_page", "resources"] {
        let mut progress = beside.progress(projection).unwrap();
        progress.wait_for(|progress| progress.considered >= Some(position)).await.unwrap();
    }
    shutdown.cancel();
}

/// G9: on timeout the answer is honest, or there is none for a client that says so.
#[tokio::test]
async fn an_answer_that_is_too_old_says_so_or_is_withheld() {
    let mut world = World::asleep(elearning::system()).await;
    let position = world.happened(happy(&wanted_by("student1", 1))).await;
    world.start_with(impatient()).await.unwrap();
    world.considered("my_page", position).await;

    let answer = world.get("/myPages?after=4").await;
    assert_eq!(
        (answer.status, answer.header("as-of"), answer.items("myPages").len()),
        (StatusCode::OK, Some("3"), 1)
    );
    let answer = world.get("/myPages?after=4&strict=true").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!((answer.header("retry-after"), answer.header("as-of")), (Some("1"), Some("3")));
    assert_eq!(answer.body["code"], "NOT_YET_CONSIDERED");
}

/// DESIGN 7: readers of a projection that stopped are not kept waiting, and are told why and how far
/// behind.
#[tokio::test]
async fn a_stopped_projection_answers_with_what_it_has_and_says_so() {
    let world = World::running().await;
    let sale = wanted_by("student1", 1);
    let first = world.happened([applied(&sale)]).await;
    world.my_page(sale.id, first).await;
    world.tamper("UPDATE checkpoints SET position = 99").await;
    let last = world.happened([requested(&sale), started(&sale)]).await;

    let answer = world.get(&format!("/myPages/{}?after={last}", sale.id)).await;
    assert_eq!(
        (answer.status, answer.header("as-of"), answer.header("lag")),
        (StatusCode::OK, Some("0"), Some("2"))
    );
    let reason = answer.header("degraded").unwrap();
    assert!(reason.contains("somebody else moves the checkpoint of my_page"), "{reason}");
    assert!(world.side().status().await[1].unhealthy.as_ref().unwrap().starts_with("it stopped: "));
}

/// G16: a read model that does not answer is 503, and the others go on.
#[tokio::test]
async fn a_read_model_that_does_not_answer_is_unavailable() {
    let world = World::running().await;
    let position = world.happened(happy(&wanted_by("student1", 1))).await;
    world.considered("my_page", position).await;
    world.tamper("ALTER TABLE my_page RENAME TO lost").await;

    let answer = world.get("/myPages").await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, Some("1")));
    assert_eq!(answer.body["code"], "READ_MODEL_UNAVAILABLE");
    assert_eq!(world.get("/applies?after=3").await.items("applies").len(), 1);

    world.tamper("ALTER TABLE lost RENAME TO my_page").await;
    assert_eq!(world.get("/myPages").await.items("myPages").len(), 1);
}

/// DESIGN 7: operators see the same.
#[tokio::test]
async fn the_status_names_every_projection_and_its_lag() {
    let world = World::running().await;
    let position = world.happened(happy(&wanted_by("student1", 1))).await;
    for name in ["resources", "my_page"] {
        world.considered(name, position).await;
    }
    let status = serde_json::to_value(world.side().status().await).unwrap();
    let caught_up = |name| serde_json::json!({"name": name, "version": 1, "position": 3, "head": 3, "lag": 0, "parked": 0, "unhealthy": null, "trouble": null, "stopped": null});
    assert_eq!(status, serde_json::json!([caught_up("resources"), caught_up("my_page")]));
}
