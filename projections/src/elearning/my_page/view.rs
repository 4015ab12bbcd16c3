//! How a row is shown.

use domain::elearning::{ApplyStatus, DeliveryStatus, PayStatus};
use event_store::Position;
use serde::Deserialize;
use serde::de::Error as _;
use serde_json::value::RawValue;

use super::table::status;
use crate::query::my_page::{Degraded, Shown};

/// Shows a row of the database, from the array of its columns (`table::COLUMNS`): the columns of EL 1.5, and
/// where payment and delivery stand. What is JSON already goes through as it is, because rows are shown far
/// more often than they are made.
pub(super) fn show(columns: &str, degraded: Option<Degraded>) -> Result<Shown, serde_json::Error> {
    let parts: [&RawValue; 18] = serde_json::from_str(columns)?;
    let [id, student_id, student_name, book_id, book_name, book_qty, amount, apply, ..] = parts;
    let [.., address, pay, delivery, cancel_reason, fail_reason, updated, _, _, _, position] = parts;
    // As in every resource of this business: a double that prints exactly the decimal.
    let amount: f64 = read::<&str>(amount)?.parse().map_err(serde_json::Error::custom)?;
    let amount = serde_json::to_string(&amount)?;
    let waiting_for = waiting_for(status(apply)?, read(pay)?, status(delivery)?);
    // RFC 3339, in UTC; `null` for a time that has no such form.
    let time = jiff::Timestamp::from_millisecond(read(updated)?);
    let updated_at = time.map_or("null".to_owned(), |time| format!("\"{time}\""));
    // Present when the row stands still because an event of it could not be applied.
    let degraded = degraded.map(|degraded| serde_json::to_string(&degraded)).transpose()?;
    let fields = [
        ("id", id.get()),
        ("studentId", student_id.get()),
        ("studentName", student_name.get()),
        ("bookId", book_id.get()),
        ("bookName", book_name.get()),
        ("bookQty", book_qty.get()),
        ("amount", amount.as_str()),
        ("applyStatus", apply.get()),
        ("deliveryAddress", address.get()),
        ("payStatus", pay.get()),
        ("deliveryStatus", delivery.get()),
        ("waitingFor", waiting_for.map_or("null", WaitingFor::json)),
        ("cancelReason", cancel_reason.get()),
        ("failReason", fail_reason.get()),
        ("updatedAt", updated_at.as_str()),
        ("position", position.get()),
    ];
    let mut json = String::with_capacity(columns.len() + 320);
    for (name, value) in fields.into_iter().chain(degraded.as_deref().map(|since| ("degraded", since))) {
        json.push_str(if json.is_empty() { "{\"" } else { ",\"" });
        json.push_str(name);
        json.push_str("\":");
        json.push_str(value);
    }
    json.push('}');
    Ok(Shown { id: read(id)?, position: Position(read(position)?), json })
}

fn read<'c, T: Deserialize<'c>>(column: &'c RawValue) -> Result<T, serde_json::Error> {
    serde_json::from_str(column.get())
}

/// What comes next by itself: what the student waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaitingFor {
    /// The payment was not taken yet and is tried again.
    Payment,
    /// The delivery is to start, or to be cancelled before the money goes back.
    Delivery,
}

impl WaitingFor {
    fn json(self) -> &'static str {
        match self {
            Self::Payment => "\"payment\"",
            Self::Delivery => "\"delivery\"",
        }
    }
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
