//! What is known of somebody's rows, and what has to be said about it.

use std::cmp::Reverse;

use axum::http::StatusCode;

use super::api::{Client, Listed};
use super::lang::Lang;
use super::row::Shown;
use super::visitor::Visitor;
use crate::http::ApiError;

/// The most rows that are shown at once.
const SHOWN: usize = 100;

/// What is known of somebody's rows.
pub(crate) enum List<T> {
    /// It is not known whose to show.
    OfNobody,
    /// These.
    Rows(Listed<T>),
    /// This process does not know them.
    Elsewhere,
    /// They cannot be read at the moment.
    Unreadable,
}

/// What is said about a list, to be honest.
pub(crate) struct Remarks {
    /// Asks who reads, while nobody is known.
    pub(crate) who: &'static str,
    /// The read side is not in this process.
    pub(crate) elsewhere: &'static str,
    pub(crate) unreadable: &'static str,
    pub(crate) behind: &'static str,
    pub(crate) degraded: &'static str,
    pub(crate) only_latest: &'static str,
}

impl<T: Shown> List<T> {
    /// What the read side answers: the rows of whoever looks, those that changed last first.
    pub(crate) async fn read(visitor: &Visitor, client: &Client) -> Self {
        let Some(who) = &visitor.who else { return Self::OfNobody };
        match client.rows::<T>(who, visitor.after).await {
            Ok(mut listed) => {
                listed.rows.sort_unstable_by_key(|row| Reverse(row.position()));
                Self::Rows(listed)
            }
            Err(problem) if problem.status == StatusCode::NOT_FOUND => Self::Elsewhere,
            Err(_) => Self::Unreadable,
        }
    }

    /// The rows, as far as they are known.
    pub(crate) fn rows(&self) -> &[T] {
        if let Self::Rows(listed) = self { listed.rows.as_slice() } else { &[] }
    }

    /// The markup of those that are shown.
    ///
    /// # Errors
    /// [`ApiError::Internal`] when it cannot be written.
    pub(crate) fn html(&self, lang: Lang) -> Result<Vec<String>, ApiError> {
        self.rows().iter().take(SHOWN).map(|row| row.view(lang).html()).collect()
    }

    /// Up to which position of the log they are known.
    pub(crate) fn as_of(&self) -> Option<Option<u64>> {
        if let Self::Rows(listed) = self { Some(listed.as_of) } else { None }
    }

    /// What has to be said, where everything up to `after` is to be seen.
    pub(crate) fn remarks(&self, remarks: &Remarks, after: Option<u64>) -> Vec<&'static str> {
        match self {
            Self::OfNobody => vec![remarks.who],
            Self::Elsewhere => vec![remarks.elsewhere],
            Self::Unreadable => vec![remarks.unreadable],
            Self::Rows(listed) => {
                let said = [
                    (listed.degraded, remarks.degraded),
                    (!listed.degraded && listed.as_of < after, remarks.behind),
                    (listed.more || listed.rows.len() > SHOWN, remarks.only_latest),
                ];
                said.into_iter().filter_map(|(holds, remark)| holds.then_some(remark)).collect()
            }
        }
    }
}
