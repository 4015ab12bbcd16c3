//! What is around the form of a business: head, language, list. Its template is `frame.html`, which the
//! pages extend.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::api::{Source, query};
use super::lang::{Lang, Words};
use super::list::{List, Remarks};
use super::row::Shown;
use super::visitor::Visitor;
use crate::http::ApiError;

/// What a business says around its form.
pub(crate) struct FrameTexts {
    pub(crate) title: &'static str,
    pub(crate) lead: &'static str,
    pub(crate) skip: &'static str,
    /// What the form is called.
    pub(crate) form: &'static str,
    pub(crate) list: &'static str,
    /// Whose list it is.
    pub(crate) who: &'static str,
    pub(crate) none_yet: &'static str,
    pub(crate) remarks: Remarks,
}

/// What a page shows around its form.
pub(crate) struct Frame<'p> {
    pub(crate) lang: Lang,
    pub(crate) words: &'static Words,
    pub(crate) t: &'static FrameTexts,
    pub(crate) notice: Option<&'p str>,
    pub(crate) who: Option<&'p str>,
    pub(crate) source: Source,
    pub(crate) remarks: Vec<&'static str>,
    /// The markup of the rows.
    pub(crate) rows: Vec<String>,
    /// Where the changes of the list are told, from those on that are not in it.
    pub(crate) changes: Option<String>,
}

impl<'p> Frame<'p> {
    /// Around the rows of this list.
    ///
    /// # Errors
    /// [`ApiError::Internal`] when they cannot be written.
    pub(crate) fn new<T: Shown>(
        visitor: &'p Visitor,
        t: &'static FrameTexts,
        notice: Option<&'p str>,
        source: Source,
        list: &List<T>,
    ) -> Result<Self, ApiError> {
        let who = visitor.who.as_deref();
        let changes = list.as_of().zip(who);
        let changes = changes
            .map(|(as_of, who)| format!("/{}/events?{}", source.list, query(&[(source.who, who)], as_of)));
        let remarks = list.remarks(&t.remarks, visitor.after);
        Ok(Self {
            lang: visitor.lang,
            words: visitor.lang.words(),
            t,
            notice,
            who,
            source,
            remarks,
            rows: list.html(visitor.lang)?,
            changes,
        })
    }

    /// The same page in the other language.
    pub(crate) fn other(&self) -> String {
        let lang = ("lang", self.lang.other().code());
        let who = self.who.map(|who| (self.source.who, who));
        format!("/?{}", query(&[&[lang], who.as_slice()].concat(), None))
    }
}

/// Answers with a page.
///
/// # Errors
/// [`ApiError::Internal`] when it cannot be written.
pub(crate) fn answer(
    visitor: &Visitor,
    status: StatusCode,
    page: &impl Template,
) -> Result<Response, ApiError> {
    let html = page.render().map_err(|error| ApiError::Internal(error.to_string()))?;
    let mut response = (status, Html(html)).into_response();
    let vary = HeaderValue::from_static("accept-language, cookie");
    response.headers_mut().extend([(header::VARY, vary)].into_iter().chain(visitor.remember()));
    Ok(response)
}
