//! One application in the list, as it comes from the read side and as it is shown.

use std::borrow::Cow;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use domain::elearning::{ApplyStatus, DeliveryStatus, PayStatus};
use serde::Deserialize;
use uuid::Uuid;

use super::api::{Client, Problem};
use super::stage::Stage;
use super::texts::Texts;
use super::visitor::Visitor;
use crate::http::ApiError;

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
    pub(super) position: u64,
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

/// A row, ready to be shown in a language.
#[derive(Template)]
#[template(path = "row.html")]
pub(super) struct RowView<'r> {
    row: &'r Row,
    t: &'static Texts,
    stage: Stage,
    title: &'static str,
    detail: Option<Cow<'r, str>>,
}

impl<'r> RowView<'r> {
    /// Shows it in this language.
    pub(super) fn new(row: &'r Row, t: &'static Texts) -> Self {
        let stage = Stage::of(row.apply_status, row.pay_status, row.delivery_status);
        let reason = match stage {
            Stage::Refused => row.fail_reason.as_deref(),
            _ => row.cancel_reason.as_deref(),
        };
        let (title, detail) = (t.stage)(stage);
        let detail = match (stage, reason.map(t.reason)) {
            (Stage::Cancelled, reason) => reason,
            (Stage::Refused, Some(reason)) => Some(format!("{reason} {}", detail.unwrap_or_default()).into()),
            _ => detail.map(Cow::Borrowed),
        };
        Self { row, t, stage, title, detail }
    }

    /// The title of the book, or its number where it has none.
    fn book(&self) -> &str {
        self.row.book_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.row.book_id)
    }

    /// The names of the three steps and how far each is.
    fn steps(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.t.steps.into_iter().zip(self.stage.steps().map(|step| step.class()))
    }

    fn qty(&self) -> String {
        (self.t.copies)(self.row.book_qty)
    }

    fn amount(&self) -> String {
        grouped(&self.row.amount.to_string())
    }

    /// `2026-07-24 10:03 UTC`, for who has no script that knows the time zone.
    fn updated(&self) -> Option<String> {
        let time = self.row.updated_at.as_deref()?;
        Some(format!("{} {} UTC", time.get(..10)?, time.get(11..16)?))
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

/// `GET /web/rows/{id}`: one row again, for the script to swap in.
pub(super) async fn show(
    visitor: Visitor,
    client: Client,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::NotFound("row");
    let id = id.parse().map_err(|_| unknown())?;
    let row = client.row(id, visitor.after).await.map_err(|problem: Problem| match problem.status {
        StatusCode::NOT_FOUND => unknown(),
        _ => ApiError::Unavailable("READ_MODEL_UNAVAILABLE", "the list cannot be read".to_owned()),
    })?;
    let view = RowView::new(&row, visitor.lang.texts());
    Ok(Html(view.render().map_err(|error| ApiError::Internal(error.to_string()))?).into_response())
}

#[cfg(test)]
mod tests {
    use super::super::texts::Lang;
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
        let view = RowView::new(row, lang.texts());
        format!("{}: {}", view.title, view.detail.unwrap_or_default())
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
        let html =
            RowView::new(&row("completed", "started", "completed"), Lang::En.texts()).render().unwrap();
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
