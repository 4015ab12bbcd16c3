//! Why a row is as it is (DESIGN 7).

use axum::http::StatusCode;
use serde_json::Value;

use crate::stories::*;
use crate::support::World;

/// DESIGN 7: the history of a row is everything that happened to its application, in order, and
/// nothing of another's; it links to the row.
#[tokio::test]
async fn the_history_of_a_row_tells_everything_that_made_it_in_order() {
    let world = World::running().await;
    let (sale, other) = (wanted_by("student1", 1), wanted_by("student1", 2));
    world.happened([applied(&sale), applied(&other), requested(&sale), paid(&sale)]).await;
    let last = world.happened([requested(&other), started(&sale)]).await;

    let answer = world.get(&format!("/myPages/{}/history?after={last}", sale.id)).await;
    assert_eq!((answer.status, answer.header("as-of")), (StatusCode::OK, Some("5")));
    assert_eq!(answer.header("content-type"), Some("application/hal+json"));
    let steps = answer.body["history"].as_array().unwrap();
    let told: Vec<_> = steps.iter().map(|step| step["event"].as_str().unwrap()).collect();
    assert_eq!(told, ["Applied", "PayRequested", "PayCompleted", "DeliveryStarted"]);
    let positions: Vec<_> = steps.iter().map(|step| step["position"].as_u64().unwrap()).collect();
    assert_eq!(positions, [0, 2, 3, 5]);
    let first = &steps[0];
    assert_eq!((&first["actor"], &first["policy"]), (&"student:student1".into(), &Value::Null));
    assert!(first["sentence"].as_str().unwrap().contains("Applied, by student:student1"), "{first}");
    assert_eq!(first["data"]["application"]["id"], sale.id.to_string());
    assert_eq!(answer.link("myPage"), Some(&*format!("/myPages/{}", sale.id)));
}

/// DESIGN 7: what never happened has no history; nor has an id that is none.
#[tokio::test]
async fn an_application_that_nobody_made_has_no_history() {
    let world = World::running().await;
    for id in [&*wanted_by("student1", 1).id.to_string(), "nonsense"] {
        let answer = world.get(&format!("/myPages/{id}/history")).await;
        assert_eq!((answer.status, &answer.body["code"]), (StatusCode::NOT_FOUND, &"NOT_FOUND".into()));
    }
}
