use serde::{Deserialize, Serialize};

use super::{Fact, SYSTEM};
use crate::kernel::{Money, Quantity, RequestId, Shared, text_id};
use crate::payment::Sale;

text_id! {
    /// The student, by the id that the school gave.
    StudentId
}

text_id! {
    /// The book, by the id of the catalogue.
    BookId
}

/// What a student applies for: immutable once applied, and carried by every event that follows, so all of
/// them share it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// The request.
    pub id: RequestId,
    /// Who applies and pays.
    pub student_id: StudentId,
    /// The student's name.
    pub student_name: Option<String>,
    /// Which book.
    pub book_id: BookId,
    /// The book's title.
    pub book_name: Option<String>,
    /// How many.
    pub qty: Quantity,
    /// How much in all.
    pub amount: Money,
    /// Where to deliver.
    pub address: Option<String>,
}

impl Sale for Shared<Application> {
    const SYSTEM: &'static str = SYSTEM;
    type Fact = Fact;

    fn request(&self) -> RequestId {
        self.id
    }

    fn amount(&self) -> Option<Money> {
        Some(self.amount)
    }
}
