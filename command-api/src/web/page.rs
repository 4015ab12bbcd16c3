//! The page: form and list.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use uuid::Uuid;

use super::api::{Client, FieldProblem, Listed, query};
use super::draft::Draft;
use super::row::RowView;
use super::texts::{Lang, Texts};
use super::visitor::Visitor;
use crate::http::ApiError;

/// The most rows that are shown at once.
const SHOWN: usize = 100;

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
    let list = List::read(visitor, client).await;
    let rows = if let List::Rows(listed) = &list { listed.rows.as_slice() } else { &[] };
    let student = visitor.student.as_deref();
    let new = || (Draft::for_student(student, rows.first()), Uuid::new_v4().to_string());
    let (draft, key) = outcome.again.unwrap_or_else(new);
    let t = visitor.lang.texts();
    let page = Page {
        t,
        lang: visitor.lang,
        notice: outcome.notice,
        fields: fields(t, &draft, &outcome.errors),
        key,
        student,
        rows: rows.iter().take(SHOWN).map(|row| RowView::new(row, t)).collect(),
        remarks: list.remarks(t, visitor.after),
        list: &list,
    };
    let html = page.render().map_err(|error| ApiError::Internal(error.to_string()))?;
    let mut response = (outcome.status, Html(html)).into_response();
    let vary = HeaderValue::from_static("accept-language, cookie");
    response.headers_mut().extend([(header::VARY, vary)].into_iter().chain(visitor.remember()));
    Ok(response)
}

/// What is known of a student's applications.
enum List {
    /// It is not known whose to show.
    OfNobody,
    /// These.
    Rows(Listed),
    /// This process does not know them.
    Elsewhere,
    /// They cannot be read at the moment.
    Unreadable,
}

impl List {
    async fn read(visitor: &Visitor, client: &Client) -> Self {
        let Some(student) = &visitor.student else { return Self::OfNobody };
        match client.rows(student, visitor.after).await {
            Ok(listed) => Self::Rows(listed),
            Err(problem) if problem.status == StatusCode::NOT_FOUND => Self::Elsewhere,
            Err(_) => Self::Unreadable,
        }
    }

    /// What has to be said about the list, to be honest.
    fn remarks(&self, t: &'static Texts, after: Option<u64>) -> Vec<&'static str> {
        match self {
            Self::OfNobody => vec![t.who],
            Self::Elsewhere => vec![t.elsewhere],
            Self::Unreadable => vec![t.unreadable],
            Self::Rows(listed) => {
                let remarks = [
                    (listed.degraded, t.degraded),
                    (!listed.degraded && listed.as_of < after, t.behind),
                    (listed.more || listed.rows.len() > SHOWN, t.only_latest),
                ];
                remarks.into_iter().filter_map(|(holds, remark)| holds.then_some(remark)).collect()
            }
        }
    }
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
#[template(path = "page.html")]
struct Page<'p> {
    t: &'static Texts,
    lang: Lang,
    notice: Option<&'static str>,
    fields: Vec<Field>,
    key: String,
    student: Option<&'p str>,
    rows: Vec<RowView<'p>>,
    remarks: Vec<&'static str>,
    list: &'p List,
}

impl Page<'_> {
    /// The same page in the other language.
    fn other(&self) -> String {
        let lang = ("lang", self.lang.other().code());
        let student = self.student.map(|student| ("studentId", student));
        format!("/?{}", query(&[&[lang], student.as_slice()].concat(), None))
    }

    /// Where the changes of the list are told, from those on that are not in it.
    fn changes(&self) -> Option<String> {
        let (List::Rows(listed), Some(student)) = (self.list, self.student) else { return None };
        Some(format!("/myPages/events?{}", query(&[("studentId", student)], listed.as_of)))
    }
}
