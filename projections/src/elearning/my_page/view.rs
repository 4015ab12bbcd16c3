//! How a row is shown.

use domain::elearning::{ApplyStatus, DeliveryStatus, PayStatus};
use domain::kernel::{Money, Quantity, RequestId};
use serde::{Serialize, Serializer};

use super::row::Row;
use super::table::decode;
use crate::query::my_page::Degraded;

/// The JSON of a row: the columns of EL 1.5, and where payment and delivery stand.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View<'r> {
    id: RequestId,
    student_id: &'r str,
    student_name: Option<&'r str>,
    book_id: &'r str,
    book_name: Option<&'r str>,
    book_qty: Quantity,
    #[serde(serialize_with = "as_double")]
    amount: Money,
    apply_status: ApplyStatus,
    delivery_address: Option<&'r str>,
    pay_status: PayStatus,
    delivery_status: DeliveryStatus,
    /// What the student waits for, if for anything.
    waiting_for: Option<WaitingFor>,
    cancel_reason: Option<&'r str>,
    fail_reason: Option<&'r str>,
    /// RFC 3339, in UTC; `null` for a time that has no such form.
    updated_at: Option<String>,
    /// The position of the last event that changed the row.
    position: u64,
    /// Present when the row stands still because an event of it could not be applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<Degraded>,
}

/// The JSON of a row of the database.
pub(super) fn show(columns: &str, degraded: Option<Degraded>) -> Result<String, serde_json::Error> {
    let row = decode(columns)?;
    serde_json::to_string(&View { degraded, ..View::from(&row) })
}

/// What comes next by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum WaitingFor {
    /// The payment was not taken yet and is tried again.
    Payment,
    /// The delivery is to start, or to be cancelled before the money goes back.
    Delivery,
}

impl<'r> From<&'r Row> for View<'r> {
    fn from(row: &'r Row) -> Self {
        let application = &row.application;
        let time =
            i64::try_from(row.updated_at).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
        Self {
            id: application.id,
            student_id: application.student_id.as_str(),
            student_name: application.student_name.as_deref(),
            book_id: application.book_id.as_str(),
            book_name: application.book_name.as_deref(),
            book_qty: application.qty,
            amount: application.amount,
            apply_status: row.apply_status,
            delivery_address: application.address.as_deref(),
            pay_status: row.pay_status,
            delivery_status: row.delivery_status,
            waiting_for: waiting_for(row),
            cancel_reason: row.cancel_reason.as_deref(),
            fail_reason: row.fail_reason.as_deref(),
            updated_at: time.map(|time| time.to_string()),
            position: row.position.0,
            degraded: None,
        }
    }
}

pub(super) fn waiting_for(row: &Row) -> Option<WaitingFor> {
    match (row.apply_status, row.pay_status, row.delivery_status) {
        // The money goes back when the delivery is cancelled (EL-I5).
        (_, PayStatus::Cancelling, _) => Some(WaitingFor::Delivery),
        // Nobody waits for the payment of what is cancelled.
        (ApplyStatus::Cancelled, ..) => None,
        (ApplyStatus::Completed, PayStatus::Pending, _) => Some(WaitingFor::Payment),
        (ApplyStatus::Completed, PayStatus::Completed, DeliveryStatus::None) => Some(WaitingFor::Delivery),
        (
            ApplyStatus::Completed,
            PayStatus::Completed,
            DeliveryStatus::Started | DeliveryStatus::Cancelled,
        )
        | (ApplyStatus::Completed, PayStatus::Cancelled | PayStatus::Failed, _) => None,
    }
}

/// As in every resource of this business: a double that prints exactly the decimal.
fn as_double<S: Serializer>(amount: &Money, serializer: S) -> Result<S::Ok, S::Error> {
    let double: f64 = amount.to_string().parse().map_err(serde::ser::Error::custom)?;
    serializer.serialize_f64(double)
}
