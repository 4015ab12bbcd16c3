use serde::{Deserialize, Serialize};

use crate::kernel::{RequestId, text_id};

text_id! {
    /// A kind of car, by the key that the admin chose or that was made for it.
    CarId as key
}

text_id! {
    /// The customer, by the id that somebody else gave.
    UserId
}

/// What a customer reserves, as every event that follows carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Booking {
    /// The request.
    pub reservation_id: RequestId,
    /// Which car.
    pub car_id: CarId,
    /// What the car is called.
    pub car_name: Option<String>,
    /// Who reserves.
    pub user_id: UserId,
    /// The customer's name.
    pub user_name: Option<String>,
    /// For when, in the customer's own words.
    pub reserved_date: Option<String>,
}
