//! How a row is shown.

use domain::elearning::{ApplyStatus, DeliveryStatus, PayStatus};
use event_store::Position;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::table::status;
use crate::query::my_page::{Degraded, Shown};

/// The JSON of a row: the columns of EL 1.5, and where payment and delivery stand. What the database says
/// in JSON goes through as it is: rows are shown far more often than they are made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct View<'c> {
    id: &'c RawValue,
    student_id: &'c RawValue,
    student_name: &'c RawValue,
    book_id: &'c RawValue,
    book_name: &'c RawValue,
    book_qty: &'c RawValue,
    /// As in every resource of this business: a double that prints exactly the decimal.
    amount: f64,
    apply_status: &'c RawValue,
    delivery_address: &'c RawValue,
    pay_status: &'c RawValue,
    delivery_status: &'c RawValue,
    /// What the student waits for, if for anything.
    waiting_for: Option<WaitingFor>,
    cancel_reason: &'c RawValue,
    fail_reason: &'c RawValue,
    /// RFC 3339, in UTC; `null` for a time that has no such form.
    updated_at: Option<String>,
    /// The position of the last event that changed the row.
    position: u64,
    /// Present when the row stands still because an event of it could not be applied.
    #[serde(skip_serializing_if = "Option::is_none")]
    degraded: Option<Degraded>,
}

/// Shows a row of the database, from the array of its columns (`table::COLUMNS`).
pub(super) fn show(columns: &str, degraded: Option<Degraded>) -> Result<Shown, serde_json::Error> {
    let columns: [&RawValue; 18] = serde_json::from_str(columns)?;
    let [id, student_id, student_name, book_id, book_name, book_qty, amount, apply_status, ..] = columns;
    let [
        ..,
        delivery_address,
        pay_status,
        delivery_status,
        cancel_reason,
        fail_reason,
        updated,
        _,
        _,
        _,
        last,
    ] = columns;
    let waiting_for = waiting_for(status(apply_status)?, read(pay_status)?, status(delivery_status)?);
    let time = jiff::Timestamp::from_millisecond(read(updated)?).ok();
    let position = read(last)?;
    let view = View {
        id,
        student_id,
        student_name,
        book_id,
        book_name,
        book_qty,
        amount: read::<&str>(amount)?.parse().map_err(serde_json::Error::custom)?,
        apply_status,
        delivery_address,
        pay_status,
        delivery_status,
        waiting_for,
        cancel_reason,
        fail_reason,
        updated_at: time.map(|time| time.to_string()),
        position,
        degraded,
    };
    Ok(Shown { id: read(id)?, position: Position(position), json: serde_json::to_string(&view)? })
}

fn read<'c, T: Deserialize<'c>>(column: &'c RawValue) -> Result<T, serde_json::Error> {
    serde_json::from_str(column.get())
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

pub(super) fn waiting_for(
    apply: ApplyStatus,
    pay: PayStatus,
    delivery: DeliveryStatus,
) -> Option<WaitingFor> {
    match (apply, pay, delivery) {
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
