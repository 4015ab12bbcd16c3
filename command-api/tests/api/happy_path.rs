use serde_json::json;

use crate::support::spawn_app;

/// EL-F1, EL-F2, EL-F3, EL-F4, EL-F5, EL-I1; SPEC 1.7-2 to 1.7-6.
#[tokio::test]
async fn a_student_applies_and_everything_follows() {
    let app = spawn_app().await;
    let (id, applied) = app.apply().await;
    assert_eq!(applied["payStatus"], "completed");
    assert_eq!(applied["amount"].to_string(), "1000.0");
    app.until_last("delivery", &id, "DeliveryStarted").await;
    app.settle().await;

    let my_page = app.my_page(&id).await;
    for (field, value) in [
        ("applyStatus", json!("completed")),
        ("payStatus", json!("completed")),
        ("deliveryStatus", json!("started")),
        ("bookQty", json!(10)),
        ("deliveryAddress", json!("seoul")),
    ] {
        assert_eq!(my_page[field], value, "{field}");
    }
    for (path, status) in [("applies", "completed"), ("pays", "completed"), ("deliveries", "completed")] {
        assert_eq!(app.get(&format!("/{path}/{id}")).await["applyStatus"], status, "{path}");
    }
    assert_eq!(app.story(&id).await, ["Applied", "PayRequested", "PayCompleted", "DeliveryStarted"]);
}
