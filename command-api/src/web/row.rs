//! One row of a list: the same shape in every business, in its own words.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::api::{Client, Problem};
use super::lang::{Lang, Words};
use super::visitor::Visitor;
use crate::http::ApiError;

/// How good the news is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// All is well.
    Good,
    /// Something comes next by itself.
    Waiting,
    /// It is over.
    Over,
    /// It went wrong.
    Bad,
}

/// How far one of the three steps is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Ahead,
    Now,
    Done,
    Undone,
    Failed,
}

/// A row of a business, as the read side tells it.
pub(crate) trait Shown: DeserializeOwned {
    /// The position of its last change.
    fn position(&self) -> u64;

    /// How it looks in a language.
    fn view(&self, lang: Lang) -> RowView<'_>;
}

/// A row, ready to be shown.
#[derive(Template)]
#[template(path = "row.html")]
pub(crate) struct RowView<'r> {
    pub(crate) words: &'static Words,
    pub(crate) id: Uuid,
    /// The position of its last change.
    pub(crate) position: u64,
    /// What it is about.
    pub(crate) subject: &'r str,
    /// What else is to be known about that.
    pub(crate) particulars: Vec<String>,
    pub(crate) tone: Tone,
    pub(crate) steps: [(&'static str, Step); 3],
    pub(crate) status: &'static str,
    /// What comes next, or why.
    pub(crate) detail: Option<String>,
    /// RFC 3339, in UTC.
    pub(crate) updated_at: Option<&'r str>,
    /// How it can be cancelled, while it can.
    pub(crate) cancel: Option<Cancel<'r>>,
}

/// The button that cancels a row.
pub(crate) struct Cancel<'r> {
    /// What is on it.
    pub(crate) label: &'static str,
    /// The parameter and the name of whose list is shown afterwards.
    pub(crate) who: (&'static str, &'r str),
}

impl Tone {
    /// Its class in the style sheet.
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Waiting => "waiting",
            Self::Over => "over",
            Self::Bad => "bad",
        }
    }
}

impl Step {
    /// Its class in the style sheet.
    fn class(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Now => "now",
            Self::Done => "done",
            Self::Undone => "undone",
            Self::Failed => "failed",
        }
    }
}

impl RowView<'_> {
    /// `2026-07-24 10:03 UTC`, for who has no script that knows the time zone.
    fn updated(&self) -> Option<String> {
        let time = self.updated_at?;
        Some(format!("{} {} UTC", time.get(..10)?, time.get(11..16)?))
    }

    /// Its markup.
    ///
    /// # Errors
    /// [`ApiError::Internal`] when it cannot be written.
    pub(crate) fn html(&self) -> Result<String, ApiError> {
        self.render().map_err(|error| ApiError::Internal(error.to_string()))
    }
}

/// `GET /web/rows/{id}`: one row again, for the script to swap in.
///
/// # Errors
/// [`ApiError::NotFound`], also for what is no id, and [`ApiError::Unavailable`] while the list cannot be
/// read.
pub(crate) async fn show<T: Shown>(
    visitor: Visitor,
    client: Client,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let unknown = || ApiError::NotFound("row");
    let id = id.parse().map_err(|_| unknown())?;
    let row: T = client.row(id, visitor.after).await.map_err(|problem: Problem| match problem.status {
        StatusCode::NOT_FOUND => unknown(),
        _ => ApiError::Unavailable("READ_MODEL_UNAVAILABLE", "the list cannot be read".to_owned()),
    })?;
    Ok(Html(row.view(visitor.lang).html()?).into_response())
}
