//! Lists: pages, cursors, filters, and parameters that make no sense.

use axum::http::StatusCode;
use domain::elearning::CancelReason;
use event_store::Position;
use serde_json::{Value, json};

use crate::stories::*;
use crate::support::World;

/// Five applications of student1 and two of student2.
async fn seven_applications() -> World {
    let world = World::running().await;
    for n in 0..7 {
        let student = if n % 3 == 1 { "student2" } else { "student1" };
        world.happened([applied(&wanted_by(student, n))]).await;
    }
    world
}

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

/// SPEC 0.2: a HAL list with its page and, for each item, its links.
#[tokio::test]
async fn a_list_is_hal_with_a_page_and_links() {
    let world = seven_applications().await;
    let answer = world.get("/applies?after=6&size=3&page=1").await;
    assert_eq!(answer.header("content-type"), Some("application/hal+json"));
    assert_eq!(answer.body["page"], json!({"size": 3, "totalElements": 7, "totalPages": 3, "number": 1}));
    let first = &answer.items("applies")[0];
    let id = wanted_by("student1", 3).id;
    let here = json!({"href": format!("http://here/applies/{id}")});
    assert_eq!(first["_links"], json!({"self": here, "apply": here}));
    assert_eq!((&first["amount"].to_string()[..], &first["qty"]), ("1000.0", &json!(10)));
    assert_eq!(answer.link("self"), Some("/applies?page=1&size=3"));
    assert_eq!(answer.link("next"), Some("/applies?page=2&size=3"));
    assert_eq!(answer.link("prev"), Some("/applies?page=0&size=3"));

    let last = world.get(answer.link("next").unwrap()).await;
    assert_eq!((last.items("applies").len(), last.link("next")), (1, None));
    let none = world.get("/deliveries").await;
    assert_eq!((none.items("deliveries").len(), &none.body["page"]["totalElements"]), (0, &json!(0)));
}

/// EL-F5: a student's list holds that student's applications.
#[tokio::test]
async fn a_list_is_filtered_by_student() {
    let world = seven_applications().await;
    for path in ["/applies?after=6&studentId=student2", "/myPages?after=6&studentId=student2"] {
        let answer = world.get(path).await;
        let name = if path.starts_with("/applies") { "applies" } else { "myPages" };
        let students: Vec<_> =
            answer.items(name).iter().map(|item| item["studentId"].as_str().unwrap()).collect();
        assert_eq!(students, ["student2", "student2"], "{path}");
    }
    let page = world.get("/applies?after=6&studentId=student1&size=2").await;
    assert_eq!(page.body["page"]["totalElements"], 5);
    assert_eq!(page.link("next"), Some("/applies?page=1&size=2&studentId=student1"));
}

/// EL-F5: whoever an application belongs to by its last event finds it, beside others that stay where they are.
#[tokio::test]
async fn an_application_that_changes_hands_is_listed_by_its_new_student() {
    let world = seven_applications().await;
    for name in ["resources", "my_page"] {
        assert_eq!(world.considered(name, Position(6)).await, None);
    }
    let cancelled = |student, n| apply_cancelled(&wanted_by(student, n), CancelReason::StudentCancelled);
    let last = world.happened([cancelled("student1", 0), cancelled("student1", 1)]).await;
    for name in ["applies", "myPages"] {
        for (student, listed) in [("student1", [0, 1, 2, 3, 5, 6].as_slice()), ("student2", &[4])] {
            let answer = world.get(&format!("/{name}?after={last}&studentId={student}")).await;
            let wanted: Vec<String> = listed.iter().map(|n| wanted_by(student, *n).id.to_string()).collect();
            assert_eq!(ids(answer.items(name)), wanted, "{name} of {student}");
        }
    }
    assert_eq!(world.rows().await, world.rebuilt().await);
}

/// DESIGN 8: a cursor walks through everything once, also while the list grows in front of it.
#[tokio::test]
async fn a_cursor_walks_through_everything_once() {
    for (name, path) in
        [("applies", "/applies?after=6&size=2&cursor="), ("myPages", "/myPages?after=6&size=2")]
    {
        let world = seven_applications().await;
        let (mut walked, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next {
            let answer = world.get(&path).await;
            assert_eq!(answer.body.get("page"), None, "nothing is counted");
            walked.extend(ids(answer.items(name)).into_iter().map(str::to_owned));
            next = answer.link("next").map(str::to_owned);
        }
        let expected: Vec<_> = (0..7).map(|n| wanted_by("any", n)).collect::<Vec<_>>();
        let expected: Vec<_> = expected.iter().map(|sale| sale.id.to_string()).collect();
        assert_eq!(walked, expected, "{name}");
    }
}

/// DESIGN 8: bad input is 400 with the fields, all of them.
#[tokio::test]
async fn parameters_that_make_no_sense_are_refused_by_name() {
    let world = World::running().await;
    for (path, fields) in [
        ("/applies?page=-1&size=0", vec!["size", "page"]),
        ("/pays?size=1001", vec!["size"]),
        ("/deliveries?size=many&after=x&strict=maybe", vec!["size", "strict", "after"]),
        ("/applies?cursor=%21", vec!["cursor"]),
        ("/applies?page=99999999999", vec!["page"]),
        ("/myPages?size=1.5", vec!["size"]),
        ("/applies?studentId=", vec!["studentId"]),
        ("/myPages/1?after=-1", vec!["after"]),
        ("/myPages/events?after=99999999999999999999", vec!["after"]),
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.body["code"], "INVALID_INPUT");
        let named: Vec<_> =
            answer.body["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
        assert_eq!(named, fields, "{path}");
    }
}
