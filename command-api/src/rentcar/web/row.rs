//! One reservation in the list, as it comes from the read side and as it is shown.

use axum::extract::Path;
use axum::response::Response;
use serde::Deserialize;
use uuid::Uuid;

use super::SOURCE;
use super::texts::texts;
use crate::http::ApiError;
use crate::web::api::Client;
use crate::web::lang::Lang;
use crate::web::row::{self, Cancel, RowView, Step, Tone};
use crate::web::visitor::Visitor;

/// A row of MyPage, as the read side tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    reservation_id: Uuid,
    car_id: String,
    car_name: Option<String>,
    user_id: String,
    reserved_date: Option<String>,
    status: Stage,
    updated_at: Option<String>,
    pub(super) position: u64,
}

/// Where a reservation stands, as its customer cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Stage {
    /// The car is held, and is allocated by itself.
    Success,
    /// The customer has a car.
    Allocated,
    /// It was used and is back.
    UseCompleted,
    Cancelled,
}

impl Stage {
    fn tone(self) -> Tone {
        match self {
            Self::Success => Tone::Waiting,
            Self::Allocated => Tone::Good,
            Self::UseCompleted | Self::Cancelled => Tone::Over,
        }
    }

    /// How far reservation, allocation and use are.
    fn steps(self) -> [Step; 3] {
        match self {
            Self::Success => [Step::Done, Step::Now, Step::Ahead],
            Self::Allocated => [Step::Done, Step::Done, Step::Now],
            Self::UseCompleted => [Step::Done; 3],
            Self::Cancelled => [Step::Undone; 3],
        }
    }

    /// Whether it makes sense to cancel it.
    fn can_be_cancelled(self) -> bool {
        matches!(self, Self::Success | Self::Allocated)
    }
}

/// Shows a row in this language.
pub(super) fn view(row: &Row, lang: Lang) -> RowView<'_> {
    let t = texts(lang);
    let (status, next) = (t.stage)(row.status);
    let named = row.car_name.as_deref().filter(|name| !name.is_empty());
    let [reservation, allocation, usage] = row.status.steps();
    let [reserved, allocated, used] = t.steps;
    RowView {
        words: lang.words(),
        id: row.reservation_id,
        position: row.position,
        subject: named.unwrap_or(&row.car_id),
        particulars: row.reserved_date.iter().cloned().collect(),
        tone: row.status.tone(),
        steps: [(reserved, reservation), (allocated, allocation), (used, usage)],
        status,
        detail: next.map(str::to_owned),
        updated_at: row.updated_at.as_deref(),
        cancel: row
            .status
            .can_be_cancelled()
            .then_some(Cancel { label: t.cancel, who: (SOURCE.who, &row.user_id) }),
    }
}

/// `GET /web/rows/{id}`: one row again, for the script to swap in.
pub(super) async fn show(
    visitor: Visitor,
    client: Client,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let row: Row = client.row(row::id(&id)?, visitor.after).await.map_err(row::missing)?;
    view(&row, visitor.lang).answer()
}
