//! How the documents show an application, a payment and a delivery: their field names and their
//! status words (SPEC D5), with the finer state in fields of its own.

use serde::ser::{Error as _, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};
use std::num::ParseFloatError;

use super::{Application, Apply, CancelReason, Delivery, Fact, Payment};
use crate::kernel::{Aggregate, Money, Shared};

/// One of the three resources as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// The collection it is listed in (`applies`, `pays`, `deliveries`); part of its URL, not of its
    /// body.
    pub collection: &'static str,
    /// What one of the collection is called in links.
    pub singular: &'static str,
    /// What was applied for.
    pub application: Shared<Application>,
    /// The documents' one status word.
    pub apply_status: ApplyStatus,
    /// The rest, which differs between the three.
    pub particulars: Particulars,
}

/// What only one of the three shows.
#[derive(Debug, Clone, PartialEq)]
pub enum Particulars {
    /// Of an application.
    Apply {
        /// Why it was cancelled.
        cancel_reason: Option<String>,
    },
    /// Of a payment.
    Pay {
        /// Where the payment stands.
        pay_status: PayStatus,
        /// Why the provider refused, or why it was given up.
        fail_reason: Option<String>,
    },
    /// Of a delivery.
    Delivery {
        /// Where the delivery stands.
        delivery_status: DeliveryStatus,
    },
}

impl Serialize for Resource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("Resource", 11)?;
        self.serialize_fields(&mut json)?;
        json.end()
    }
}

impl Resource {
    /// Its fields one by one, for whoever shows them with others. The last of them differ.
    ///
    /// # Errors
    /// Those of the format.
    pub fn serialize_fields<S: SerializeStruct>(&self, json: &mut S) -> Result<(), S::Error> {
        let Application { id, student_id, student_name, book_id, book_name, qty, amount, address } =
            &*self.application;
        json.serialize_field("id", id)?;
        json.serialize_field("studentId", student_id)?;
        json.serialize_field("studentName", student_name)?;
        json.serialize_field("bookId", book_id)?;
        json.serialize_field("bookName", book_name)?;
        json.serialize_field("qty", qty)?;
        json.serialize_field("amount", &as_double(amount).map_err(S::Error::custom)?)?;
        json.serialize_field("applyStatus", &self.apply_status)?;
        match &self.particulars {
            Particulars::Apply { cancel_reason } => {
                json.serialize_field("address", address)?;
                if cancel_reason.is_some() {
                    json.serialize_field("cancelReason", cancel_reason)?;
                }
            }
            Particulars::Pay { pay_status, fail_reason } => {
                json.serialize_field("address", address)?;
                json.serialize_field("payStatus", pay_status)?;
                if fail_reason.is_some() {
                    json.serialize_field("failReason", fail_reason)?;
                }
            }
            Particulars::Delivery { delivery_status } => {
                json.serialize_field("deliveryAddress", address)?;
                json.serialize_field("deliveryStatus", delivery_status)?;
            }
        }
        Ok(())
    }
}

/// The documents' status word, in all three resources and in MyPage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplyStatus {
    /// Applied for, and not cancelled.
    Completed,
    /// Cancelled.
    Cancelled,
}

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PayStatus {
    /// Not paid yet; it will be tried until it is done or cancelled.
    Pending,
    /// Paid.
    Completed,
    /// Paid or being paid, and to be undone.
    Cancelling,
    /// Undone, or never to happen.
    Cancelled,
    /// Refused for good.
    Failed,
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// Not started.
    None,
    /// On its way.
    Started,
    /// Cancelled, or never to start.
    Cancelled,
}

impl Resource {
    /// The resource that an event leaves behind. Every event of this business carries the whole
    /// state, so no other is needed (`tests/elearning.rs` holds them to it).
    pub fn after(fact: &Fact) -> Self {
        let resource = match fact {
            Fact::Apply(event) => Self::apply(&Apply::default().evolve(event)),
            Fact::Payment(event) => Self::payment(&Payment::default().evolve(event)),
            Fact::Delivery(event) => Self::delivery(&Delivery::default().evolve(event)),
        };
        resource.expect("after an event there is something")
    }

    /// An application; `None` while there is none.
    pub fn apply(apply: &Apply) -> Option<Self> {
        let (application, status, cancel_reason) = match apply {
            Apply::Nothing => return None,
            Apply::Completed(application) => (application, ApplyStatus::Completed, None),
            Apply::Cancelled(application, reason) => {
                (application, ApplyStatus::Cancelled, Some(reason.describe()))
            }
        };
        let particulars = Particulars::Apply { cancel_reason };
        Some(Self::new("applies", "apply", application, status, particulars))
    }

    /// A payment; `None` while there is none. A cancel that waits for the delivery leaves the
    /// documents' status word at `completed`.
    pub fn payment(payment: &Payment) -> Option<Self> {
        let (status, pay_status, fail_reason) = match payment {
            Payment::Nothing => return None,
            Payment::Requested(_) => (ApplyStatus::Completed, PayStatus::Pending, None),
            Payment::Completed(..) => (ApplyStatus::Completed, PayStatus::Completed, None),
            Payment::GivingUp(_, reason) => {
                (ApplyStatus::Completed, PayStatus::Cancelling, Some(reason.clone()))
            }
            Payment::Cancelling(..) => (ApplyStatus::Completed, PayStatus::Cancelling, None),
            Payment::Cancelled(_) => (ApplyStatus::Cancelled, PayStatus::Cancelled, None),
            Payment::Failed(_, reason) => (ApplyStatus::Cancelled, PayStatus::Failed, Some(reason.clone())),
        };
        let sale = payment.sale()?;
        let particulars = Particulars::Pay { pay_status, fail_reason };
        Some(Self::new("pays", "pay", sale, status, particulars))
    }

    /// A delivery; `None` while there is none.
    pub fn delivery(delivery: &Delivery) -> Option<Self> {
        let (application, status, delivery_status) = match delivery {
            Delivery::Nothing => return None,
            Delivery::Started(application) => (application, ApplyStatus::Completed, DeliveryStatus::Started),
            Delivery::Cancelled(application) => {
                (application, ApplyStatus::Cancelled, DeliveryStatus::Cancelled)
            }
        };
        let particulars = Particulars::Delivery { delivery_status };
        Some(Self::new("deliveries", "delivery", application, status, particulars))
    }

    fn new(
        collection: &'static str,
        singular: &'static str,
        application: &Shared<Application>,
        apply_status: ApplyStatus,
        particulars: Particulars,
    ) -> Self {
        Self { collection, singular, application: application.clone(), apply_status, particulars }
    }
}

impl CancelReason {
    /// The reason as the customer reads it in a response.
    pub fn describe(&self) -> String {
        match self {
            Self::StudentCancelled => "cancelled by the student".to_owned(),
            Self::PaymentCancelled => "the payment was cancelled".to_owned(),
            Self::PaymentFailed { reason } => format!("the payment failed: {reason}"),
        }
    }
}

/// The documents print amounts as doubles (`1000.0`). [`Money`] is bounded so that its double prints
/// exactly its decimal.
fn as_double(amount: &Money) -> Result<f64, ParseFloatError> {
    amount.to_string().parse()
}

#[cfg(test)]
mod tests {
    use super::super::sample::application;
    use super::*;

    /// EL 1.2: the response of the documents' screenshot 2-1, and our `id`.
    #[test]
    fn an_application_is_shown_as_the_documents_show_it() {
        let json = serde_json::to_value(Resource::apply(&Apply::Completed(application()))).unwrap();
        let expected = serde_json::json!({
            "id": "01900000-0000-7000-8000-000000000001", "address": "seoul", "amount": 1000.0,
            "applyStatus": "completed", "bookId": "001", "bookName": "book001", "qty": 10,
            "studentId": "student1", "studentName": "홍길동",
        });
        assert_eq!(json, expected);
        assert_eq!(json["amount"].to_string(), "1000.0");
    }

    /// The bound of [`Money`]: the largest amount still prints exactly.
    #[test]
    fn the_largest_amount_prints_exactly() {
        let amount = "9999999999999.99".parse().unwrap();
        let resource = Resource::apply(&Apply::Completed(Shared::new(Application {
            amount,
            ..(*application()).clone()
        })));
        assert_eq!(serde_json::to_value(resource).unwrap()["amount"].to_string(), "9999999999999.99");
    }

    /// EL-I5: the documents keep the payment `completed` until the delivery is cancelled.
    #[test]
    fn a_payment_that_waits_for_its_cancel_still_says_completed() {
        let json =
            serde_json::to_value(Resource::payment(&Payment::Cancelling(application(), None))).unwrap();
        assert_eq!((&json["applyStatus"], &json["payStatus"]), (&"completed".into(), &"cancelling".into()));
    }
}
