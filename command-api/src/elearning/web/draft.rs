use serde::Deserialize;
use serde_json::{Map, Value};

use super::row::Row;

/// What a student typed into the form, as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Draft {
    pub(super) student_id: String,
    pub(super) student_name: String,
    pub(super) book_id: String,
    pub(super) book_name: String,
    pub(super) qty: String,
    pub(super) amount: String,
    pub(super) address: String,
}

impl Draft {
    /// A new form for a student: one book, to where the last one went.
    pub(super) fn for_student(student: Option<&str>, latest: Option<&Row>) -> Self {
        let known = |text: fn(&Row) -> &Option<String>| latest.and_then(|row| text(row).clone());
        Self {
            student_id: student.unwrap_or_default().to_owned(),
            student_name: known(|row| &row.student_name).unwrap_or_default(),
            qty: "1".to_owned(),
            address: known(|row| &row.delivery_address).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The body of `POST /applies`. What was left empty is not there, so that the API says what it
    /// needs.
    pub(super) fn body(&self) -> Value {
        let fields = [
            ("studentId", &self.student_id),
            ("studentName", &self.student_name),
            ("bookId", &self.book_id),
            ("bookName", &self.book_name),
            ("qty", &self.qty),
            ("amount", &self.amount),
            ("address", &self.address),
        ];
        let typed = fields.iter().filter(|(_, text)| !text.trim().is_empty());
        Value::Object(
            typed.map(|(name, text)| ((*name).to_owned(), text.trim().into())).collect::<Map<_, _>>(),
        )
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// G14
    #[test]
    fn what_was_left_empty_is_not_sent() {
        let draft = Draft { student_id: " student1 ".to_owned(), qty: " ".to_owned(), ..Draft::default() };
        assert_eq!(draft.body(), json!({ "studentId": "student1" }));
    }
}
