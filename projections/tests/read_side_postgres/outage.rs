//! The server goes and comes back.

use std::time::Duration;

use axum::http::StatusCode;
use projections::elearning;

use crate::cluster::Cluster;
use crate::place::Place;
use crate::stories::*;
use crate::support::World;

/// Longer than anything is waited for.
const NEVER: Duration = Duration::from_secs(90);

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

/// G16: a process that also makes the rows starts while the database is down, says so, and makes them once
/// it is back.
#[tokio::test]
async fn a_process_that_makes_the_rows_starts_during_an_outage() {
    let cluster = Cluster::private();
    let mut world = World::at(Place::of(&cluster), elearning::system()).await;
    world.start().await.unwrap();
    cluster.stop();
    world.restarted().await;
    let sale = wanted_by("student1", 1);
    let position = world.happened(happy(&sale)).await;
    let mut progress = world.side().progress("my_page").unwrap();
    let troubled = progress.wait_for(|progress| progress.trouble.is_some()).await.unwrap().clone();
    assert_eq!(troubled.stopped, None, "it waits for better times");
    let answer = world.get("/myPages").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.body["code"], "READ_MODEL_UNAVAILABLE");
    assert!(answer.header("retry-after").is_some());
    let status = world.side().status().await;
    assert!(status.iter().all(|status| status.trouble.is_some() && status.lag == 4), "{status:?}");

    cluster.start();
    assert_eq!(world.considered("my_page", position).await, None);
    assert_eq!(world.considered("resources", position).await, None);
    assert_eq!(world.my_page(sale.id, position).await["deliveryStatus"], "started");
    assert_eq!(world.rows().await, world.rebuilt().await);
}

/// G16: a server that hangs answers nobody, not even with an error. Questions are answered 503 all the same,
/// the worker says what it waits for, and both go on when the server does.
#[tokio::test]
async fn a_database_that_hangs_is_given_up_on_until_it_goes_on() {
    let cluster = Cluster::private();
    let mut world = World::at(Place::of(&cluster), elearning::system()).await;
    world.start().await.unwrap();
    let before = wanted_by("student1", 1);
    let position = world.happened(happy(&before)).await;
    world.my_page(before.id, position).await;

    cluster.signal("STOP");
    let answers = futures::future::join_all((0..20).map(|_| world.get("/myPages")));
    for answer in tokio::time::timeout(NEVER, answers).await.expect("every question has an answer") {
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(answer.body["code"], "READ_MODEL_UNAVAILABLE");
    }
    let during = wanted_by("student1", 2);
    let position = world.happened(happy(&during)).await;
    let mut progress = world.side().progress("my_page").unwrap();
    let troubled =
        tokio::time::timeout(NEVER, progress.wait_for(|progress| progress.trouble.is_some())).await;
    assert_eq!(troubled.expect("it notices").unwrap().stopped, None, "it waits for better times");

    cluster.signal("CONT");
    assert_eq!(world.considered("my_page", position).await, None);
    assert_eq!(world.considered("resources", position).await, None);
    assert_eq!(world.my_page(during.id, position).await["deliveryStatus"], "started");
    assert_eq!(world.rows().await, world.rebuilt().await);
}
