//! What car rental says of its routes: the canonical ones of SPEC 5.2.

use serde_json::{Value, json};

use crate::openapi::{
    Description, boolean, count, delete, get, input, input_key, input_name, input_number, input_text,
    link_names, list, my_page, nullable, object, patch, post, put, reference, text, uuid, words,
};

const RESERVATION_STATUS: [&str; 2] = ["Success", "Cancelled"];
const RENTAL_STATUS: [&str; 3] = ["Allocated", "AllocationCancelled", "UseCompleted"];

pub(super) fn description() -> Description {
    let mut operations = Vec::new();
    let refusals = ["CAR_ALREADY_REGISTERED", "STOCK_IS_HELD", "CONTENDED"];
    operations.extend([
        post("/cars", "Registers a car, under the key in the body or one that is made for it.")
            .of("car")
            .repeatable()
            .takes(reference("CarInput"))
            .shows(201, "Car", "Registered.")
            .may_be_refused(&refusals)
            .may_be_down(),
        get("/cars/{carId}", "The car as it stands on the log.")
            .of("car")
            .shows(200, "Car", "The car.")
            .may_be_unknown()
            .may_be_down(),
        put("/cars/{carId}", "There is such a car, with so many in all; registers it where there is none.")
            .of("car")
            .conditional()
            .takes(reference("CarInput"))
            .shows(200, "Car", "The car after that.")
            .shows(201, "Car", "Registered.")
            .may_be_unknown()
            .may_be_refused(&refusals)
            .may_be_down(),
        patch("/cars/{carId}", "Another name, or so many in all. What is left out stays.")
            .of("car")
            .conditional()
            .takes(reference("CarChange"))
            .shows(200, "Car", "The car after that.")
            .may_be_unknown()
            .may_be_refused(&refusals)
            .may_be_down(),
        get(
            "/cars/checkUpdateStock",
            "Takes a car if there is one, as the documents' reservation asked: not safe.",
        )
        .of("car")
        .required_query(
            "carId",
            json!({ "type": "string", "maxLength": 100, "pattern": "^[!-~]+$" }),
            "Which car.",
        )
        .query("reservationId", uuid(), "For which reservation; without one, at the counter.")
        .answers(200, boolean(), "Whether there was one.")
        .fails(400, "The car or the reservation makes no sense.")
        .may_be_unknown()
        .may_be_down(),
    ]);
    let refusals = ["CAR_NOT_FOUND", "OUT_OF_STOCK", "HOLD_ENDED", "CONTENDED"];
    operations.extend([
        post("/cars/{carId}/holds", "Between contexts: holds a car for a reservation, which is the key.")
            .of("car")
            .between_contexts()
            .takes(json!({
                "type": "object", "properties": { "reservationId": uuid() }, "required": ["reservationId"],
            }))
            .shows(201, "Car", "Held.")
            .may_be_unknown()
            .may_be_refused(&refusals)
            .may_be_down(),
        post(
            "/holds",
            "Between contexts: the same with the car in the body, where its key need not fit into a path.",
        )
        .of("car")
        .between_contexts()
        .takes(json!({
            "type": "object",
            "properties": { "carId": input_key(), "reservationId": uuid() },
            "required": ["carId", "reservationId"],
        }))
        .shows(201, "Car", "Held.")
        .may_be_refused(&refusals)
        .may_be_down(),
        delete("/cars/{carId}/holds/{reservationId}", "An admin ends a hold.")
            .of("car")
            .ends("It has ended.")
            .may_be_unknown()
            .may_be_refused(&["CAR_NOT_FOUND", "CONTENDED"])
            .may_be_down(),
    ]);
    let refusals = [
        "RESERVATION_DIFFERS",
        "RESERVATION_KEEPS_ITS_CAR",
        "RESERVATION_ALREADY_CANCELLED",
        "USE_ALREADY_COMPLETED",
        "CONTENDED",
    ];
    operations.extend([
        post(
            "/reservations",
            "Holds the car, then reserves it; when the car does not answer there is no reservation.",
        )
        .of("reservation")
        .repeatable()
        .takes(reference("ReservationInput"))
        .shows(201, "Reservation", "Reserved.")
        .may_be_refused(&["CAR_NOT_FOUND", "OUT_OF_STOCK", "CONTENDED"])
        .may_be_down(),
        get("/reservations/{id}", "The reservation as it stands on the log.")
            .of("reservation")
            .shows(200, "Reservation", "The reservation.")
            .may_be_unknown()
            .may_be_down(),
        delete("/reservations/{id}", "Cancels it.")
            .of("reservation")
            .conditional()
            .ends("It is cancelled.")
            .may_be_unknown()
            .may_be_refused(&refusals)
            .may_be_down(),
    ]);
    let change = "An update, or a cancel. What is left out is as recorded.";
    operations.extend([put("/reservations/{id}", change), patch("/reservations/{id}", change)].map(
        |change| {
            change
                .of("reservation")
                .conditional()
                .takes(reference("ReservationChange"))
                .shows(200, "Reservation", "The reservation after that.")
                .may_be_unknown()
                .may_be_refused(&refusals)
                .may_be_down()
        },
    ));
    let refusals = ["ALLOCATION_ALREADY_CANCELLED", "USE_ALREADY_COMPLETED", "CONTENDED"];
    operations.extend([
        post(
            "/rentals",
            "Between contexts: allocates a car by hand. The reservation in the body is the key.",
        )
        .of("rental")
        .between_contexts()
        .takes(reference("RentalInput"))
        .shows(201, "Rental", "Allocated.")
        .may_be_refused(&refusals)
        .may_be_down(),
        get("/rentals/{id}", "The rental as it stands on the log.")
            .of("rental")
            .shows(200, "Rental", "The rental.")
            .may_be_unknown()
            .may_be_down(),
    ]);
    let change = "The car came back, or is taken back.";
    operations.extend([put("/rentals/{id}", change), patch("/rentals/{id}", change)].map(|change| {
        change
            .of("rental")
            .conditional()
            .takes(json!({
                "type": "object", "properties": { "status": words(&RENTAL_STATUS) }, "required": ["status"],
            }))
            .shows(200, "Rental", "The rental after that.")
            .may_be_unknown()
            .may_be_refused(&refusals)
            .may_be_down()
    }));
    operations.extend([
        list("/cars", "userId", "ListedCar"),
        list("/reservations", "userId", "ListedReservation"),
        list("/rentals", "userId", "ListedRental"),
    ]);
    let paths = ["/mypages", "/mypages/{id}", "/mypages/{id}/history", "/mypages/events"];
    operations.extend(my_page(paths, "userId", "MyPage", "mypage"));
    Description { title: "Girok: car rental", operations, schemas: schemas() }
}

fn schemas() -> Vec<(&'static str, Value)> {
    let qty = || input_number(0, i32::MAX as u32);
    let booking = |status: &[&str], required: &[&str]| {
        let properties = json!({
            "carId": input_key(), "userId": input_text(), "userName": input_name(),
            "reservedDate": input_name(), "status": words(status),
        });
        input(properties, required)
    };
    let rental = json!({
        "reservationId": uuid(), "carId": input_key(), "userId": input_text(),
        "carName": input_name(), "status": words(&["Allocated"]),
    });
    let car = json!({ "carId": input_key(), "carName": input_name(), "qty": qty() });
    let mut schemas = vec![
        ("CarInput", input(car, &["qty"])),
        ("CarChange", input(json!({ "carName": input_name(), "qty": qty() }), &[])),
        ("ReservationInput", booking(&["Success"], &["carId", "userId"])),
        ("ReservationChange", booking(&RESERVATION_STATUS, &[])),
        ("RentalInput", input(rental, &["reservationId", "carId", "userId"])),
    ];
    let car = |links: &[&str]| {
        object([
            ("carId", text()),
            ("carName", nullable(text())),
            ("qty", count()),
            ("total", count()),
            ("_links", link_names(links)),
        ])
    };
    let reservation = |links: &[&str]| {
        let mut shown = object([
            ("reservationId", uuid()),
            ("carId", text()),
            ("carName", nullable(text())),
            ("userId", text()),
            ("userName", nullable(text())),
            ("reservedDate", nullable(text())),
            ("status", words(&RESERVATION_STATUS)),
            ("useCompleted", boolean()),
            ("_links", link_names(links)),
        ]);
        shown["properties"]["cancelReason"] = text();
        shown
    };
    let rental = |links: &[&str]| {
        object([
            ("rentalId", uuid()),
            ("reservationId", uuid()),
            ("carId", text()),
            ("userId", text()),
            ("status", words(&RENTAL_STATUS)),
            ("_links", link_names(links)),
        ])
    };
    schemas.extend([
        ("Car", car(&["car"])),
        ("ListedCar", car(&["car"])),
        ("Reservation", reservation(&["reservation", "rental", "mypage"])),
        ("ListedReservation", reservation(&["reservation"])),
        ("Rental", rental(&["rental", "reservation"])),
        ("ListedRental", rental(&["rental"])),
        (
            "MyPage",
            object([
                ("reservationId", uuid()),
                ("carId", text()),
                ("userId", text()),
                ("_links", link_names(&["mypage"])),
            ]),
        ),
    ]);
    schemas
}
