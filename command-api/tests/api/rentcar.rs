//! What customers and admins do with car rental over HTTP.

use std::sync::Arc;
use std::time::Duration;

use event_store::{EventStore, MemoryStore};
use futures::future::join_all;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::support::{Settings, TestApp};

async fn rentcar(settings: Settings) -> TestApp {
    TestApp::spawn_system(settings, "rentcar").await
}

/// The reservation of the documents (SPEC 5.7-5), as siege sends it.
fn documents_reservation() -> Value {
    json!({ "carId": 1, "userId": "AAA", "status": "Success" })
}

/// There are so many of car 1.
async fn cars(app: &TestApp, qty: u32) {
    let body = json!({ "carName": "sonata", "qty": qty.to_string() });
    let response = app.send(Method::PUT, "/cars/1", body.to_string()).await;
    assert!(response.status().is_success());
}

async fn free(app: &TestApp) -> u64 {
    app.get("/cars/1").await["qty"].as_u64().unwrap()
}

async fn reserve(app: &TestApp) -> Response {
    app.send(Method::POST, "/reservations", documents_reservation().to_string()).await
}

fn id(response: &Response) -> String {
    response.headers()["location"].to_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

async fn reserved_and_allocated(app: &TestApp) -> String {
    let response = reserve(app).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let id = id(&response);
    app.until_last("rental", &id, "CarAllocated").await;
    id
}

async fn set(app: &TestApp, path: &str, status: &str) -> (StatusCode, Value) {
    let response = app.send(Method::PATCH, path, json!({ "status": status }).to_string()).await;
    (response.status(), response.json().await.unwrap())
}

async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (status, response.json::<Value>().await.unwrap()["code"].as_str().unwrap_or_default().to_owned())
}

async fn my_page(app: &TestApp, id: &str) -> Value {
    let head = app.store.head().await.unwrap().map_or(0, |head| head.0);
    app.get(&format!("/mypages/{id}?after={head}&strict=true")).await
}

/// Waits until so many cars are free, and makes sure that it stays so.
async fn until_free(app: &TestApp, qty: u64) {
    app.until(&format!("{qty} cars are free"), async || free(app).await == qty).await;
    app.settle().await;
    assert_eq!(free(app).await, qty);
}

/// RC-F1 to RC-F7; SPEC 5.7-2: the whole story, with the bodies of the documents.
#[tokio::test]
async fn a_customer_reserves_a_car_and_one_is_allocated() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 10).await;
    let response = reserve(&app).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let id = id(&response);
    let reserved: Value = response.json().await.unwrap();
    assert_eq!((&reserved["status"], &reserved["carName"]), (&json!("Success"), &json!("sonata")));
    app.until_last("rental", &id, "CarAllocated").await;
    assert_eq!(free(&app).await, 9);
    let row = my_page(&app, &id).await;
    assert_eq!(
        (&row["status"], &row["carId"], &row["userId"]),
        (&json!("Allocated"), &json!("1"), &json!("AAA"))
    );
    for collection in ["cars", "reservations", "rentals"] {
        let head = app.store.head().await.unwrap().unwrap();
        let list = app.get(&format!("/{collection}?after={head}&strict=true")).await;
        assert_eq!(list["_embedded"][collection].as_array().unwrap().len(), 1, "{collection}");
    }
}

/// RC-I1: the last cars under 64 concurrent reservations.
#[tokio::test]
async fn as_many_reserve_as_there_are_cars_and_the_others_hear_that_none_is_left() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 5).await;
    let answers = join_all((0..64).map(|_| async { code(reserve(&app).await).await })).await;
    let count = |wanted: (u16, &str)| {
        answers.iter().filter(|(status, code)| (*status, code.as_str()) == wanted).count()
    };
    assert_eq!((count((201, "")), count((409, "OUT_OF_STOCK"))), (5, 59), "{answers:?}");
    app.settle().await;
    assert_eq!(free(&app).await, 0);
}

/// RC-I2: the car is held, but the answer comes too late; the same key can be used again.
#[tokio::test]
async fn a_car_that_answers_too_late_is_not_reserved_and_comes_back() {
    let app = rentcar(Settings { car_delay: (400, 400), ..Settings::impatient() }).await;
    cars(&app, 3).await;
    let post = async || {
        let request = app.request(Method::POST, "/reservations").header("idempotency-key", "click");
        request.body(documents_reservation().to_string()).send().await.unwrap()
    };
    for _ in 0..2 {
        let refused = post().await;
        assert!(refused.headers().contains_key("retry-after"));
        assert_eq!(code(refused).await, (503, "CAR_UNAVAILABLE".to_owned()));
    }
    until_free(&app, 3).await;
    let head = app.store.head().await.unwrap().unwrap();
    for collection in ["reservations", "rentals", "mypages"] {
        let list = app.get(&format!("/{collection}?after={head}&strict=true")).await;
        assert_eq!(list["_embedded"][collection], json!([]), "nothing visible remains");
    }
}

/// RC-I2, RC-I3: the documents' numbers. The car takes 800 to 1100 ms, 1000 are waited for: some are
/// reserved, some are not although their car was held, and every car is accounted for.
#[tokio::test]
async fn with_the_delays_of_the_documents_no_car_leaks() {
    let (timeout, head_start) = (Duration::from_millis(1000), Duration::from_millis(1500));
    let app = rentcar(Settings { car_delay: (800, 1100), timeout, head_start, ..Settings::default() }).await;
    cars(&app, 100).await;
    let answers = join_all((0..64).map(|_| reserve(&app))).await;
    let mut reserved = 0;
    for answer in answers {
        match code(answer).await {
            (201, _) => reserved += 1,
            (503, code) => assert_eq!(code, "CAR_UNAVAILABLE"),
            other => panic!("{other:?}"),
        }
    }
    until_free(&app, 100 - reserved).await;
    app.settle().await;
    assert_eq!(free(&app).await, 100 - reserved);
}

/// G5: the retry of a reservation that was given up is tried anew, and made once.
#[tokio::test]
async fn the_same_key_reserves_once_also_after_it_was_given_up() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let post = async |app: &TestApp| {
        let request = app.request(Method::POST, "/reservations").header("idempotency-key", "click");
        request.body(documents_reservation().to_string()).send().await.unwrap()
    };
    let slow =
        rentcar(Settings { store: Arc::clone(&store), car_delay: (400, 400), ..Settings::impatient() }).await;
    cars(&slow, 1).await;
    assert_eq!(post(&slow).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    until_free(&slow, 1).await;
    slow.stop_process().await;
    let app = rentcar(Settings { store, ..Settings::default() }).await;
    let (first, retry) = (post(&app).await, post(&app).await);
    assert_eq!((first.status(), id(&first)), (StatusCode::CREATED, id(&retry)));
    app.settle().await;
    assert_eq!(free(&app).await, 0);
}

/// RC-I3, RC-I15: a hold that nobody reserves ends by itself, and is not placed again.
#[tokio::test]
async fn a_hold_without_a_reservation_ends() {
    let app = rentcar(Settings::impatient()).await;
    cars(&app, 1).await;
    let request = "01900000-0000-7000-8000-0000000000aa";
    let hold = json!({ "reservationId": request }).to_string();
    let held = app.send(Method::POST, "/cars/1/holds", hold.clone()).await;
    assert_eq!(held.status(), StatusCode::CREATED);
    until_free(&app, 1).await;
    let again = app.send(Method::POST, "/cars/1/holds", hold).await;
    assert_eq!(code(again).await, (409, "HOLD_ENDED".to_owned()));
}

/// RC 5.2: the documents' question takes a car at the counter.
#[tokio::test]
async fn the_documents_question_takes_a_car_while_there_is_one() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 1).await;
    let ask = async || app.get("/cars/checkUpdateStock?carId=1").await;
    assert_eq!((ask().await, ask().await), (json!(true), json!(false)));
    app.settle().await;
    assert_eq!(free(&app).await, 0);
    let unknown = app.send(Method::GET, "/cars/checkUpdateStock?carId=2", "").await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
}

/// RC-I4, RC-N2.2: nothing is reserved while the car is down.
#[tokio::test]
async fn while_the_car_is_down_nobody_reserves() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 1).await;
    app.stop("car").await;
    let refused = reserve(&app).await;
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(code(refused).await, (503, "CAR_UNAVAILABLE".to_owned()));
    app.start("car").await;
    assert_eq!(app.events("car", "1").await.len(), 1);
    reserved_and_allocated(&app).await;
}

/// RC-I5, RC-N2.1
#[tokio::test]
async fn a_reservation_is_taken_while_the_rental_is_down_and_allocated_once_afterwards() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 1).await;
    app.stop("rental").await;
    let response = reserve(&app).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let id = id(&response);
    assert_eq!(my_page(&app, &id).await["status"], "Success");
    app.start("rental").await;
    app.until_last("rental", &id, "CarAllocated").await;
    app.settle().await;
    assert_eq!(app.types("rental", &id).await, ["CarAllocated"]);
}

/// RC-F5, RC-F6, RC-I7, RC-I8, D4: in every spelling, once and again.
#[tokio::test]
async fn a_cancel_gives_the_car_back_once() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 2).await;
    let id = reserved_and_allocated(&app).await;
    let path = format!("/reservations/{id}");
    let (first, second) = tokio::join!(set(&app, &path, "Cancelled"), set(&app, &path, "canceled"));
    assert_eq!((first.0, second.0), (StatusCode::OK, StatusCode::OK));
    assert_eq!(first.1["status"], "Cancelled");
    until_free(&app, 2).await;
    let deleted = app.send(Method::DELETE, &path, "").await;
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    app.settle().await;
    assert_eq!(app.types("reservation", &id).await, ["CarReserved", "ReservationCancelled"]);
    assert_eq!(app.types("rental", &id).await, ["CarAllocated", "AllocationCancelled"]);
    assert_eq!(app.types("car", "1").await, ["CarRegistered", "CarHeld", "CarReleased"]);
    assert_eq!(my_page(&app, &id).await["status"], "Cancelled");
}

/// RC-I6, RC-I10: cancelled while the rental is down, before it allocated anything.
#[tokio::test]
async fn a_cancel_while_the_rental_is_down_is_seen_at_once_and_the_car_follows() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 1).await;
    app.stop("rental").await;
    let id = id(&reserve(&app).await);
    assert_eq!(set(&app, &format!("/reservations/{id}"), "Cancelled").await.0, StatusCode::OK);
    assert_eq!(my_page(&app, &id).await["status"], "Cancelled");
    assert_eq!(free(&app).await, 0);
    app.start("rental").await;
    until_free(&app, 1).await;
    assert_eq!(app.types("rental", &id).await.last().unwrap(), "AllocationCancelled");
}

/// RC-I9, R4: whoever comes second hears 409, also at the same instant.
#[tokio::test]
async fn a_car_is_used_or_the_reservation_is_cancelled() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 30).await;
    let used = reserved_and_allocated(&app).await;
    let (reservation, rental) = (format!("/reservations/{used}"), format!("/rentals/{used}"));
    assert_eq!(set(&app, &rental, "UseCompleted").await.0, StatusCode::OK);
    let (status, problem) = set(&app, &reservation, "Cancelled").await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("USE_ALREADY_COMPLETED")));
    assert_eq!(set(&app, &rental, "UseCompleted").await.0, StatusCode::OK, "again");
    until_free(&app, 30).await;
    assert_eq!(my_page(&app, &used).await["status"], "UseCompleted");

    let cancelled = reserved_and_allocated(&app).await;
    assert_eq!(set(&app, &format!("/reservations/{cancelled}"), "Cancelled").await.0, StatusCode::OK);
    let (status, _) = set(&app, &format!("/rentals/{cancelled}"), "UseCompleted").await;
    assert_eq!(status, StatusCode::CONFLICT);
    until_free(&app, 30).await;

    for _ in 0..10 {
        let id = reserved_and_allocated(&app).await;
        let (reservation, rental) = (format!("/reservations/{id}"), format!("/rentals/{id}"));
        let (use_completed, cancelled) =
            tokio::join!(set(&app, &rental, "UseCompleted"), set(&app, &reservation, "Cancelled"));
        let mut statuses = [use_completed.0, cancelled.0];
        statuses.sort();
        assert_eq!(statuses, [StatusCode::OK, StatusCode::CONFLICT]);
        until_free(&app, 30).await;
    }
}

/// RC-I12: the stock changes around what is held.
#[tokio::test]
async fn an_admin_changes_the_stock_while_cars_are_out() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 2).await;
    let id = reserved_and_allocated(&app).await;
    cars(&app, 10).await;
    assert_eq!(free(&app).await, 9);
    let fewer = app.send(Method::PATCH, "/cars/1", r#"{"qty":0}"#).await;
    assert_eq!(code(fewer).await, (409, "STOCK_IS_HELD".to_owned()));
    set(&app, &format!("/reservations/{id}"), "Cancelled").await;
    until_free(&app, 10).await;
}

/// RC-I11, D4; SPEC 5.7-6: a hundred writers on one reservation.
#[tokio::test]
async fn a_hundred_updates_of_one_reservation_all_succeed_and_cancel_nothing() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 1).await;
    let id = reserved_and_allocated(&app).await;
    let update = async |n: usize| {
        let user = ["AAA", "CCC"][n % 2];
        let body = json!({ "carId": 1, "userId": user, "status": "Success" }).to_string();
        app.send(Method::PATCH, &format!("/reservations/{id}"), body).await.status()
    };
    let answers = join_all((0..100).map(update)).await;
    assert!(answers.iter().all(|status| *status == StatusCode::OK), "{answers:?}");
    assert_eq!(app.get(&format!("/reservations/{id}")).await["status"], "Success");
    let before = app.types("reservation", &id).await.len();
    let same = app.get(&format!("/reservations/{id}")).await["userId"].clone();
    let body = json!({ "userId": same, "status": "Success" }).to_string();
    app.send(Method::PATCH, &format!("/reservations/{id}"), body).await;
    assert_eq!(app.types("reservation", &id).await.len(), before, "an equal state is no event");
}

/// RC-I13, G14, R5: what makes no sense is refused, and nothing happens.
#[tokio::test]
async fn an_unknown_car_and_bodies_without_sense_are_refused() {
    let app = rentcar(Settings::default()).await;
    assert_eq!(code(reserve(&app).await).await, (409, "CAR_NOT_FOUND".to_owned()));
    let post =
        async |path: &str, body: Value| code(app.send(Method::POST, path, body.to_string()).await).await;
    let invalid = (400, "INVALID_INPUT".to_owned());
    assert_eq!(post("/cars", json!({ "carId": 1, "qty": -1 })).await, invalid);
    assert_eq!(post("/cars", json!({ "carId": "1\u{0}", "qty": 1 })).await, invalid);
    assert_eq!(post("/cars", json!({ "carName": "sonata" })).await, invalid);
    assert_eq!(post("/reservations", json!({ "carId": 1 })).await, invalid);
    assert_eq!(post("/reservations", json!({ "carId": 1, "userId": "A", "status": "paid" })).await, invalid);
    assert_eq!(app.send(Method::GET, "/cars/2", "").await.status(), StatusCode::NOT_FOUND);
    assert!(app.store.head().await.unwrap().is_none());
}

/// RC-F1, D0: a car under the key of the admin, or under one that is made for it.
#[tokio::test]
async fn a_car_is_registered_under_any_key() {
    let app = rentcar(Settings::default()).await;
    let register = async |body: Value| app.send(Method::POST, "/cars", body.to_string()).await;
    let made = register(json!({ "carName": "sonata", "qty": "3" })).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(app.get(&format!("/cars/{}", id(&made))).await["qty"], 3);
    assert_eq!(register(json!({ "carId": 1, "qty": 3 })).await.status(), StatusCode::CREATED);
    assert_eq!(register(json!({ "carId": "1", "qty": 3 })).await.status(), StatusCode::CREATED, "the same");
    let other = register(json!({ "carId": "1", "qty": 4 })).await;
    assert_eq!(code(other).await, (409, "CAR_ALREADY_REGISTERED".to_owned()));
    let korean = app.send(Method::PUT, "/cars/%EC%A0%84%EA%B8%B0%EC%B0%A8%201", r#"{"qty":1}"#).await;
    assert_eq!(korean.status(), StatusCode::CREATED);
    assert_eq!(app.get("/cars/%EC%A0%84%EA%B8%B0%EC%B0%A8%201").await["carId"], "전기차 1");
}

/// DESIGN 2: with every context in a process of its own, the hold over HTTP.
#[tokio::test]
async fn contexts_split_over_http_behave_as_in_one_process() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let process = |context| Settings {
        store: Arc::clone(&store),
        contexts: Some(vec![context]),
        ..Settings::default()
    };
    let car = rentcar(process("car")).await;
    let rental = rentcar(process("rental")).await;
    let app = rentcar(Settings { car_url: Some(car.url.clone()), ..process("reservation") }).await;
    cars(&car, 1).await;
    let id = reserved_and_allocated(&app).await;
    assert_eq!(code(reserve(&app).await).await, (409, "OUT_OF_STOCK".to_owned()));
    assert_eq!(set(&app, &format!("/reservations/{id}"), "Cancelled").await.0, StatusCode::OK);
    app.until_last("car", "1", "CarReleased").await;
    assert_eq!(set(&rental, &format!("/rentals/{id}"), "UseCompleted").await.0, StatusCode::CONFLICT);
    reserved_and_allocated(&app).await;
}

/// RC-F2, RC-F5, RC-F7: the page, without a script.
#[tokio::test]
async fn a_customer_reserves_and_cancels_on_the_page() {
    let app = rentcar(Settings::default()).await;
    cars(&app, 1).await;
    let form = async |path: &str, body: String| {
        let request =
            app.request(Method::POST, path).header("content-type", "application/x-www-form-urlencoded");
        request.body(body).send().await.unwrap().text().await.unwrap()
    };
    let reserved = form("/", "userId=A%26A&carId=1&reservedDate=".to_owned()).await;
    assert!(reserved.contains("sonata") && reserved.contains("action=\"/cancel\""), "{reserved}");
    assert!(form("/", "userId=B&carId=1".to_owned()).await.contains("No car of this kind is left"));
    let (_, id) = reserved.split_once("name=\"id\" value=\"").unwrap();
    let cancelled = form("/cancel", format!("id={}&userId=A%26A", &id[..36])).await;
    assert!(cancelled.contains("Cancelled") && !cancelled.contains("action=\"/cancel\""), "{cancelled}");
}

/// DESIGN 4: a process that begins with a snapshot decides as one that read everything.
#[tokio::test]
async fn a_long_stream_is_taken_up_from_its_snapshot() {
    let store: Arc<dyn EventStore> = Arc::new(MemoryStore::default());
    let app = rentcar(Settings {
        store: Arc::clone(&store),
        head_start: Duration::from_secs(60),
        ..Settings::default()
    })
    .await;
    cars(&app, 600).await;
    for _ in 0..30 {
        join_all((0..20).map(|_| reserve(&app))).await;
    }
    app.until("a snapshot is kept", async || !app.events("snapshot", "car-1").await.is_empty()).await;
    app.stop_process().await;
    let second = rentcar(Settings { store, ..Settings::default() }).await;
    assert_eq!(free(&second).await, 0);
    assert_eq!(code(reserve(&second).await).await, (409, "OUT_OF_STOCK".to_owned()));
}
