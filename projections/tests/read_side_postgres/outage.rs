//! The server goes and comes back.

use axum::http::StatusCode;
use projections::elearning;

use crate::cluster::Cluster;
use crate::place::Place;
use crate::stories::*;
use crate::support::World;

/// G16: while the database is down questions are answered 503 and nothing else happens; when it is
/// back, the rows catch up by themselves and every event counts once.
#[tokio::test]
async fn an_outage_of_the_database_ends_with_every_row_in_place() {
    let cluster = Cluster::private();
    let mut world = World::at(Place::of(&cluster), elearning::system()).await;
    world.start().await.unwrap();
    let before = wanted_by("student1", 1);
    let position = world.happened(happy(&before)).await;
    world.my_page(before.id, position).await;

    cluster.stop();
    let answer = world.get("/myPages").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["code"], "READ_MODEL_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
    let during = wanted_by("student1", 2);
    let position = world.happened(happy(&during)).await;
    let mut progress = world.side().progress("my_page").unwrap();
    let troubled = progress.wait_for(|progress| progress.trouble.is_some()).await.unwrap().clone();
    assert_eq!(troubled.stopped, None, "it waits for better times");

    cluster.start();
    assert_eq!(world.considered("my_page", position).await, None);
    assert_eq!(world.considered("resources", position).await, None);
    assert_eq!(world.my_page(during.id, position).await["deliveryStatus"], "started");
    assert_eq!(world.rows().await, world.rebuilt().await);
}

/// G16: a process that is started while the database is down answers 503, and answers from the rows
/// once they are there.
#[tokio::test]
async fn a_process_started_during_an_outage_waits_for_the_database() {
    let cluster = Cluster::private();
    let mut world = World::at(Place::of(&cluster), elearning::system()).await;
    world.start().await.unwrap();
    let sale = wanted_by("student1", 1);
    let position = world.happened(happy(&sale)).await;
    world.my_page(sale.id, position).await;

    cluster.stop();
    world.watched_by_another().await;
    let answer = world.get("/myPages").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["code"], "READ_MODEL_UNAVAILABLE");

    cluster.start();
    assert_eq!(world.considered("my_page", position).await, None);
    assert_eq!(world.my_page(sale.id, position).await["deliveryStatus"], "started");
}
