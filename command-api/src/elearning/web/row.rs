//! One application in the list, as it comes from the read side and as it is shown.

use std::borrow::Cow;

use domain::elearning::{ApplyStatus, DeliveryStatus, PayStatus};
use serde::Deserialize;
use uuid::Uuid;

use super::SOURCE;
use super::stage::Stage;
use super::texts::texts;
use crate::web::lang::Lang;
use crate::web::row::{Cancel, RowView, Shown};

/// A row of MyPage, as the read side tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) student_id: String,
    pub(super) student_name: Option<String>,
    pub(super) book_id: String,
    pub(super) book_name: Option<String>,
    pub(super) book_qty: u64,
    /// A double on the wire, bounded so that it prints exactly its decimal.
    pub(super) amount: f64,
    #[serde(with = "ApplyWord")]
    pub(super) apply_status: ApplyStatus,
    pub(super) delivery_address: Option<String>,
    pub(super) pay_status: PayStatus,
    #[serde(with = "DeliveryWord")]
    pub(super) delivery_status: DeliveryStatus,
    pub(super) cancel_reason: Option<String>,
    pub(super) fail_reason: Option<String>,
    pub(super) updated_at: Option<String>,
    position: u64,
}

/// The words on the wire, which the domain itself only ever writes.
#[derive(Deserialize)]
#[serde(remote = "ApplyStatus", rename_all = "lowercase")]
enum ApplyWord {
    Completed,
    Cancelled,
}

#[derive(Deserialize)]
#[serde(remote = "DeliveryStatus", rename_all = "lowercase")]
enum DeliveryWord {
    None,
    Started,
    Cancelled,
}

impl Shown for Row {
    fn position(&self) -> u64 {
        self.position
    }

    fn view(&self, lang: Lang) -> RowView<'_> {
        let t = texts(lang);
        let stage = Stage::of(self.apply_status, self.pay_status, self.delivery_status);
        let reason = match stage {
            Stage::Refused => self.fail_reason.as_deref(),
            _ => self.cancel_reason.as_deref(),
        };
        let (status, next) = (t.stage)(stage);
        let detail = match (stage, reason.map(t.reason)) {
            (Stage::Cancelled, reason) => reason.map(Cow::into_owned),
            (Stage::Refused, Some(reason)) => Some(format!("{reason} {}", next.unwrap_or_default())),
            _ => next.map(str::to_owned),
        };
        let particulars = [(t.copies)(self.book_qty), grouped(&self.amount.to_string())];
        let named = self.book_name.as_deref().filter(|name| !name.is_empty());
        let [apply, pay, deliver] = stage.steps();
        let [applied, payment, delivery] = t.steps;
        RowView {
            words: lang.words(),
            id: self.id,
            position: self.position,
            subject: named.unwrap_or(&self.book_id),
            particulars: particulars.into_iter().chain(self.delivery_address.clone()).collect(),
            tone: stage.tone(),
            steps: [(applied, apply), (payment, pay), (delivery, deliver)],
            status,
            detail,
            updated_at: self.updated_at.as_deref(),
            cancel: stage
                .can_be_cancelled()
                .then_some(Cancel { label: t.cancel, who: (SOURCE.who, &self.student_id) }),
        }
    }
}

/// A decimal with commas between its thousands.
fn grouped(decimal: &str) -> String {
    let (whole, rest) = decimal.split_at(decimal.find('.').unwrap_or(decimal.len()));
    let mut grouped = String::with_capacity(decimal.len() + whole.len() / 3);
    for (index, digit) in whole.char_indices() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pay: &str, delivery: &str, apply: &str) -> Row {
        serde_json::from_value(serde_json::json!({
            "id": "01900000-0000-7000-8000-000000000001", "studentId": "student1", "studentName": null,
            "bookId": "001", "bookName": "<b>", "bookQty": 10, "amount": 1234567.5,
            "applyStatus": apply, "deliveryAddress": "seoul", "payStatus": pay,
            "deliveryStatus": delivery, "cancelReason": "cancelled by the student",
            "failReason": "card declined", "updatedAt": "2026-07-24T10:03:22.5Z", "position": 7,
        }))
        .unwrap()
    }

    fn told(row: &Row, lang: Lang) -> String {
        let view = row.view(lang);
        format!("{}: {}", view.status, view.detail.unwrap_or_default())
    }

    /// EL-I11, EL-I14: why it waits, and why it will not come.
    #[test]
    fn a_row_tells_its_reason_in_the_language_of_its_reader() {
        let pending = row("pending", "none", "completed");
        assert!(told(&pending, Lang::En).contains("payment is busy"));
        assert!(told(&pending, Lang::Ko).contains("자동으로 다시"));
        let refused = row("failed", "none", "cancelled");
        assert!(told(&refused, Lang::En).contains("card was declined"));
        assert!(told(&refused, Lang::Ko).contains("카드"));
        let cancelled = row("cancelled", "cancelled", "cancelled");
        assert_eq!(told(&cancelled, Lang::En), "Cancelled: You cancelled it.");
    }

    /// G14: what a student typed is text, whatever it looks like.
    #[test]
    fn a_book_cannot_bring_its_own_markup() {
        let html = row("completed", "started", "completed").view(Lang::En).html().unwrap();
        assert!(!html.contains("<b>"), "{html}");
        assert!(html.contains("1,234,567.5"), "{html}");
        assert!(html.contains("2026-07-24 10:03 UTC"), "{html}");
    }

    #[test]
    fn thousands_are_grouped() {
        for (decimal, expected) in
            [("0", "0"), ("999", "999"), ("1000", "1,000"), ("1234567.5", "1,234,567.5")]
        {
            assert_eq!(grouped(decimal), expected);
        }
    }
}
