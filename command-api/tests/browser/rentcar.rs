use reqwest::Method;
use serde_json::json;

use crate::page::{CANCEL, Student};
use crate::support::{Settings, TestApp};

/// RC-F2, RC-F5, RC-F7: reserved, allocated in front of the customer's eyes, told in both
/// languages, cancelled.
#[tokio::test]
async fn a_customer_reserves_and_sees_the_car_allocated_without_a_reload() {
    let app = TestApp::spawn_system(Settings::default(), "rentcar").await;
    let car = json!({ "carName": "sonata", "qty": 1 });
    assert!(app.send(Method::PUT, "/cars/1", car.to_string()).await.status().is_success());
    app.stop("rental").await;
    let customer = Student::visits(&app).await;
    for (field, text) in [("userId", "AAA"), ("carId", "1")] {
        customer.browser.fill(&format!("#{field}"), text).await;
    }
    customer.submits().await;
    customer.sees("Reserved\nA car is allocated to you by itself in a moment.").await;
    customer.sees_that_it_is_live().await;
    customer.marks_the_page().await;

    app.start("rental").await;
    customer.sees("Car allocated").await;
    customer.still_has_the_marked_page().await;
    assert_eq!(customer.browser.complaints().await, Vec::<serde_json::Value>::new());

    customer.browser.click(".language").await;
    customer.sees("배차 완료").await;
    customer.cancels().await;
    customer.sees("취소됨").await;
    assert!(!customer.browser.has(CANCEL).await, "it can be cancelled only once");
}
