//! What e-learning says of its routes: the canonical ones of SPEC 1.2, without the alias of D7.

use serde_json::{Value, json};

use crate::openapi::{
    Description, get, input, input_name, input_number, input_text, link_names, list, my_page, nullable,
    object, patch, post, put, reference, text, uuid, whole, words,
};

const APPLY_STATUS: [&str; 2] = ["completed", "cancelled"];
const PAY_STATUS: [&str; 5] = ["pending", "completed", "cancelling", "cancelled", "failed"];
const DELIVERY_STATUS: [&str; 3] = ["none", "started", "cancelled"];

pub(super) fn description() -> Description {
    let mut operations = Vec::new();
    operations.extend([
        post("/applies", "A student applies and pays. `payStatus` says how the payment went; one that is pending is made later.")
            .of("apply")
            .repeatable()
            .takes(reference("Application"))
            .shows(201, "Applied", "Applied for.")
            .may_be_down(),
        get("/applies/{id}", "The application as it stands on the log.")
            .of("apply")
            .shows(200, "Apply", "The application.")
            .may_be_unknown()
            .may_be_down(),
    ]);
    let refusals = ["APPLY_ALREADY_CANCELLED", "APPLY_IS_IMMUTABLE", "CONTENDED"];
    operations.extend([put("/applies/{id}", CHANGE), patch("/applies/{id}", CHANGE)].map(|change| {
        change
            .of("apply")
            .conditional()
            .takes(reference("ApplyChange"))
            .shows(200, "Apply", "The application after that.")
            .may_be_unknown()
            .may_be_refused(&refusals)
            .may_be_down()
    }));
    let refusals = [
        "PAY_IS_IMMUTABLE",
        "PAY_ALREADY_CANCELLED",
        "PAY_ALREADY_COMPLETED",
        "PAY_ALREADY_FAILED",
        "CONTENDED",
    ];
    operations.extend([
        post(
            "/pays",
            "Between contexts: takes the money for an application, once, however often it is asked.",
        )
        .of("payment")
        .between_contexts()
        .takes(reference("PayCommand"))
        .shows(201, "Pay", "How the payment stands.")
        .may_be_refused(&refusals)
        .may_be_down(),
        get("/pays/{id}", "The payment as it stands on the log.")
            .of("payment")
            .shows(200, "Pay", "The payment.")
            .may_be_unknown()
            .may_be_down(),
    ]);
    operations.extend([put("/pays/{id}", CHANGE), patch("/pays/{id}", CHANGE)].map(|change| {
        change
            .of("payment")
            .conditional()
            .takes(reference("ApplyChange"))
            .shows(200, "Pay", "The payment after that.")
            .may_be_unknown()
            .may_be_refused(&refusals)
            .may_be_down()
    }));
    operations.extend([
        post(
            "/deliveries",
            "Between contexts: cancels the delivery of an application, also before it started.",
        )
        .of("delivery")
        .between_contexts()
        .takes(reference("DeliveryCommand"))
        .shows(201, "Delivery", "The delivery, cancelled.")
        .may_be_down(),
        get("/deliveries/{id}", "The delivery as it stands on the log.")
            .of("delivery")
            .shows(200, "Delivery", "The delivery.")
            .may_be_unknown()
            .may_be_down(),
        post("/deliveries/{id}/cancel", "Cancels a delivery that is there.")
            .of("delivery")
            .shows(200, "Delivery", "The delivery, cancelled.")
            .may_be_unknown()
            .may_be_down(),
        list("/applies", "studentId", "ListedApply"),
        list("/pays", "studentId", "ListedPay"),
        list("/deliveries", "studentId", "ListedDelivery"),
        get("/simulator/payment-provider", "How the simulated payment provider behaves.")
            .of("simulators")
            .answers(200, reference("Simulation"), "As it is."),
        put("/simulator/payment-provider", "Tells the simulated payment provider how to behave.")
            .of("simulators")
            .takes(reference("Simulation"))
            .answers(200, reference("Simulation"), "As it is from now on."),
    ]);
    let paths = ["/myPages", "/myPages/{id}", "/myPages/{id}/history", "/myPages/events"];
    operations.extend(my_page(paths, "studentId", "MyPage", "myPage"));
    Description { title: "Girok: e-learning", operations, schemas: schemas() }
}

const CHANGE: &str = "Cancels it, or states what is true. What is left out is as recorded.";

fn schemas() -> Vec<(&'static str, Value)> {
    let mut schemas = vec![
        (
            "Application",
            application(
                "address",
                &["studentId", "bookId", "qty", "amount"],
                &["completed", "applyCompleted"],
            ),
        ),
        ("ApplyChange", application("address", &["applyStatus"], &STATUS_IN)),
        ("PayCommand", application("address", &["id", "studentId", "bookId", "qty", "amount"], &STATUS_IN)),
        (
            "DeliveryCommand",
            application(
                "deliveryAddress",
                &["id", "studentId", "bookId", "qty", "amount", "applyStatus"],
                &["cancelled", "applyCancelled"],
            ),
        ),
        (
            "Simulation",
            json!({
                "type": "object",
                "properties": {
                    "minDelayMs": whole(0), "maxDelayMs": whole(0), "outage": { "type": "boolean" },
                    "declinedPct": { "type": "integer", "minimum": 0, "maximum": 100 },
                },
                "additionalProperties": false,
            }),
        ),
    ];
    let shown = |links: &[&str], more: &[(&str, Value)], optional: &[&str]| {
        let mut resource = object([
            ("id", uuid()),
            ("studentId", text()),
            ("studentName", nullable(text())),
            ("bookId", text()),
            ("bookName", nullable(text())),
            ("amount", json!({ "type": "number", "minimum": 0 })),
            ("applyStatus", words(&APPLY_STATUS)),
            ("_links", link_names(links)),
        ]);
        for (name, schema) in more {
            resource["properties"][*name] = schema.clone();
            resource["required"].as_array_mut().expect("made as an array").push(json!(name));
        }
        for name in optional {
            resource["properties"][*name] = text();
        }
        resource
    };
    let (qty, address) = (("qty", whole(1)), ("address", nullable(text())));
    let pay_status = || ("payStatus", words(&PAY_STATUS));
    let delivery =
        [qty.clone(), ("deliveryAddress", nullable(text())), ("deliveryStatus", words(&DELIVERY_STATUS))];
    let (apply, pay) = ([qty.clone(), address.clone()], [qty.clone(), address.clone(), pay_status()]);
    schemas.extend([
        ("Apply", shown(&["apply", "pay", "delivery", "myPage"], &apply, &["cancelReason"])),
        ("Applied", shown(&["apply", "pay", "delivery", "myPage"], &pay, &["cancelReason", "message"])),
        ("Pay", shown(&["pay", "apply", "delivery"], &pay, &["failReason"])),
        ("Delivery", shown(&["delivery", "apply", "pay"], &delivery, &[])),
        ("ListedApply", shown(&["apply"], &apply, &["cancelReason"])),
        ("ListedPay", shown(&["pay"], &pay, &["failReason"])),
        ("ListedDelivery", shown(&["delivery"], &delivery, &[])),
    ]);
    let my_page = [
        ("bookQty", whole(1)),
        ("deliveryAddress", nullable(text())),
        pay_status(),
        ("deliveryStatus", words(&DELIVERY_STATUS)),
        ("waitingFor", json!({ "enum": ["payment", "delivery", null] })),
        ("cancelReason", nullable(text())),
        ("failReason", nullable(text())),
        ("updatedAt", nullable(text())),
        ("position", whole(0)),
    ];
    schemas.push(("MyPage", shown(&["myPage"], &my_page, &[])));
    schemas
}

/// The status words that are understood: those of the documents, and of an earlier version (SPEC 1.2).
const STATUS_IN: [&str; 4] = ["completed", "applyCompleted", "cancelled", "applyCancelled"];

/// The body of the documents: numbers may come as texts, and texts as numbers.
fn application(address: &str, required: &[&str], status: &[&str]) -> Value {
    let amount = json!({ "anyOf": [
        { "type": "integer", "minimum": 0, "maximum": 9_999_999_999_999_u64 },
        { "type": "string", "pattern": "^(0|[1-9][0-9]{0,12})(\\.[0-9]{1,2})?$" },
    ]});
    let mut properties = json!({
        "studentId": input_text(), "studentName": input_name(),
        "bookId": input_text(), "bookName": input_name(),
        "qty": input_number(1, i32::MAX as u32), "amount": amount, address: input_name(),
        "applyStatus": words(status),
    });
    if required.contains(&"id") {
        properties["id"] = uuid();
    }
    input(properties, required)
}
