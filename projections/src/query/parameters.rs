use std::collections::HashMap;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use event_store::Position;

use super::cursor;
use super::error::{InvalidParameter, QueryError};
use super::freshness::Freshness;

/// The most items that one page holds.
const MAX_SIZE: u32 = 1000;

/// The last page that can be asked for by number; behind it only a cursor goes.
const MAX_PAGE: u32 = 1_000_000;

/// The parameters of a query, and what is wrong with them. A parameter that nobody asks about is
/// ignored.
pub(crate) struct Parameters {
    values: HashMap<String, String>,
    invalid: Vec<InvalidParameter>,
}

/// How many items a page holds: 1 to 1000, 20 when nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u32);

impl<S: Sync> FromRequestParts<S> for Parameters {
    type Rejection = QueryError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, QueryError> {
        let Ok(Query(values)) = Query::try_from_uri(&parts.uri) else {
            let message = "must be a query string in UTF-8".to_owned();
            return Err(QueryError::InvalidParameters(vec![InvalidParameter {
                field: "query".to_owned(),
                message,
            }]));
        };
        Ok(Self { values, invalid: Vec::new() })
    }
}

impl Parameters {
    /// A text. Blank is refused: whoever filters by nothing would otherwise get everything.
    pub(crate) fn text(&mut self, name: &str) -> Option<String> {
        let text = self.values.get(name).cloned()?;
        if text.trim().is_empty() {
            self.refuse(name, "must not be blank");
        }
        Some(text)
    }

    /// `size=`.
    pub(crate) fn size(&mut self) -> Size {
        let fits = |size: &u32| (1..=MAX_SIZE).contains(size);
        Size(self.parse("size", fits, "must be a whole number from 1 to 1000").unwrap_or(20))
    }

    /// `page=`, from 0.
    pub(crate) fn page(&mut self) -> u32 {
        let fits = |page: &u32| *page <= MAX_PAGE;
        self.parse("page", fits, "must be a whole number from 0 to 1000000").unwrap_or(0)
    }

    /// `cursor=`: the id behind which the page begins; empty is the beginning.
    pub(crate) fn cursor(&mut self) -> Option<String> {
        let cursor = self.values.get("cursor").map(|cursor| cursor::decode(cursor))?;
        if cursor.is_none() {
            self.refuse("cursor", "must be one that a link of ours carries");
        }
        cursor
    }

    /// `after=`, as a position.
    pub(crate) fn after(&mut self) -> Option<Position> {
        self.parse("after", |position: &Position| i64::try_from(position.0).is_ok(), "must be a position")
    }

    /// `after=` and `strict=`.
    pub(crate) fn freshness(&mut self) -> Freshness {
        let strict = self.parse("strict", |_: &bool| true, "must be true or false").unwrap_or(false);
        Freshness { after: self.after(), strict }
    }

    /// Ends the questions.
    ///
    /// # Errors
    /// When an answer made no sense.
    pub(crate) fn check(self) -> Result<(), QueryError> {
        if self.invalid.is_empty() { Ok(()) } else { Err(QueryError::InvalidParameters(self.invalid)) }
    }

    /// Notes that this makes no sense.
    pub(crate) fn refuse(&mut self, name: &str, message: &str) {
        self.invalid.push(InvalidParameter { field: name.to_owned(), message: message.to_owned() });
    }

    fn parse<T: FromStr>(&mut self, name: &str, fits: impl Fn(&T) -> bool, message: &str) -> Option<T> {
        let text = self.values.get(name)?;
        let value = text.parse().ok().filter(fits);
        if value.is_none() {
            self.refuse(name, message);
        }
        value
    }
}
