//! One reservation in the list, as it comes from the read side and as it is shown.

use serde::Deserialize;
use uuid::Uuid;

use super::SOURCE;
use super::texts::texts;
use crate::web::lang::Lang;
use crate::web::row::{Cancel, RowView, Shown, Step, Tone};

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
    position: u64,
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

impl Shown for Row {
    fn position(&self) -> u64 {
        self.position
    }

    fn view(&self, lang: Lang) -> RowView<'_> {
        let t = texts(lang);
        let (status, next) = (t.stage)(self.status);
        let named = self.car_name.as_deref().filter(|name| !name.is_empty());
        let [reservation, allocation, usage] = self.status.steps();
        let [reserved, allocated, used] = t.steps;
        RowView {
            words: lang.words(),
            id: self.reservation_id,
            position: self.position,
            subject: named.unwrap_or(&self.car_id),
            particulars: self.reserved_date.iter().cloned().collect(),
            tone: self.status.tone(),
            steps: [(reserved, reservation), (allocated, allocation), (used, usage)],
            status,
            detail: next.map(str::to_owned),
            updated_at: self.updated_at.as_deref(),
            cancel: self
                .status
                .can_be_cancelled()
                .then_some(Cancel { label: t.cancel, who: (SOURCE.who, &self.user_id) }),
        }
    }
}
