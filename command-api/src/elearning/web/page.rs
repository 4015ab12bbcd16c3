//! The page: form and list.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::SOURCE;
use super::draft::Draft;
use super::row::Row;
use super::texts::{Texts, texts};
use crate::http::ApiError;
use crate::web::api::{Client, FieldProblem};
use crate::web::frame::{self, Frame};
use crate::web::list::List;
use crate::web::visitor::Visitor;

/// What happened to the form that was sent.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) status: StatusCode,
    /// Said above everything else.
    pub(super) notice: Option<&'static str>,
    /// What is wrong with the form, field by field.
    pub(super) errors: Vec<FieldProblem>,
    /// What was typed and the key it was sent with, where it is to be sent again.
    pub(super) again: Option<(Draft, String)>,
}

/// `GET /`.
pub(super) async fn show(visitor: Visitor, client: Client) -> Result<Response, ApiError> {
    render(&visitor, &client, Outcome::default()).await
}

/// The page.
pub(super) async fn render(
    visitor: &Visitor,
    client: &Client,
    outcome: Outcome,
) -> Result<Response, ApiError> {
    let list: List<Row> = List::read(visitor, client).await;
    let new =
        || (Draft::for_student(visitor.who.as_deref(), list.rows().first()), Uuid::new_v4().to_string());
    let (draft, key) = outcome.again.unwrap_or_else(new);
    let t = texts(visitor.lang);
    let page = Page {
        frame: Frame::new(visitor, &t.frame, outcome.notice, SOURCE, &list)?,
        t,
        optional: visitor.lang.words().optional,
        fields: fields(t, &draft, &outcome.errors),
        key,
    };
    frame::answer(visitor, outcome.status, &page)
}

/// A field of the form.
struct Field {
    name: &'static str,
    label: &'static str,
    value: String,
    example: &'static str,
    autocomplete: &'static str,
    kind: Kind,
    error: Option<&'static str>,
    /// Whether to begin here: it is the first one that is wrong.
    focus: bool,
}

/// What a field takes.
#[derive(PartialEq)]
enum Kind {
    Text,
    Optional,
    Whole,
    Decimal,
}

fn fields(t: &'static Texts, draft: &Draft, errors: &[FieldProblem]) -> Vec<Field> {
    let mut focused = false;
    let mut field = |name, label, value: &String, example, autocomplete, kind| {
        let wrong = errors.iter().any(|error| error.field == name);
        let error = wrong.then(|| (t.wrong)(name, value.trim().is_empty()));
        let focus = wrong && !std::mem::replace(&mut focused, true);
        Field { name, label, value: value.clone(), example, autocomplete, kind, error, focus }
    };
    vec![
        field("studentId", t.student_id, &draft.student_id, "student1", "username", Kind::Text),
        field("studentName", t.student_name, &draft.student_name, "홍길동", "name", Kind::Optional),
        field("bookId", t.book_id, &draft.book_id, "001", "off", Kind::Text),
        field("bookName", t.book_name, &draft.book_name, "book001", "off", Kind::Optional),
        field("qty", t.qty, &draft.qty, "1", "off", Kind::Whole),
        field("amount", t.amount, &draft.amount, "1000", "off", Kind::Decimal),
        field("address", t.address, &draft.address, "seoul", "street-address", Kind::Optional),
    ]
}

#[derive(Template)]
#[template(path = "elearning/page.html")]
struct Page<'p> {
    frame: Frame<'p>,
    t: &'static Texts,
    optional: &'static str,
    fields: Vec<Field>,
    key: String,
}
