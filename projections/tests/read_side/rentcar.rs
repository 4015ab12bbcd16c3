//! What the customers of cars see.

use domain::kernel::Event;
use domain::rentcar::Fact;
use domain::rentcar::sample::{
    allocation_cancelled, car_allocated, car_reserved, request, reservation_cancelled,
};
use projections::rentcar;
use serde_json::Value;

use crate::support::World;

/// Every order of two things that happened to a reservation and two that happened to its rental.
const ORDERS: [[usize; 4]; 6] =
    [[0, 1, 2, 3], [0, 2, 1, 3], [0, 2, 3, 1], [2, 0, 1, 3], [2, 0, 3, 1], [2, 3, 0, 1]];

fn parts(fact: &Fact) -> (String, &'static str, Vec<u8>) {
    let (aggregate, name, data) = match fact {
        Fact::Car(event) => ("car", event.name(), event.encode()),
        Fact::Reservation(event) => ("reservation", event.name(), event.encode()),
        Fact::Rental(event) => ("rental", event.name(), event.encode()),
    };
    (format!("rentcar.{aggregate}-{}", request()), name, data)
}

/// G4, G10, RC-I10: whichever stream is read first, the row is the same, and made anew it is too.
#[tokio::test]
async fn a_cancelled_reservation_looks_the_same_in_every_order_of_its_streams() {
    let facts = [
        Fact::Reservation(car_reserved()),
        Fact::Reservation(reservation_cancelled()),
        Fact::Rental(car_allocated()),
        Fact::Rental(allocation_cancelled()),
    ];
    let mut seen: Option<Value> = None;
    for order in ORDERS {
        let mut world = World::asleep(rentcar::system()).await;
        world.start().await.unwrap();
        for index in order {
            let (stream, name, data) = parts(&facts[index]);
            let position = world.appended(&stream, name, data, Some(1)).await;
            assert_eq!(world.considered("rentcar_my_page", position).await, None);
            assert_eq!(world.considered("resources", position).await, None);
        }
        assert_eq!(world.rows().await, world.rebuilt().await, "{order:?}");
        let answer = world.get(&format!("/mypages/{}", request())).await;
        assert_eq!(answer.body["status"], "Cancelled", "{order:?}");
        assert_eq!(seen.get_or_insert_with(|| answer.body.clone()), &answer.body, "{order:?}");
    }
}
