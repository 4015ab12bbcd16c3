//! What is known of somebody's rows, and what has to be said about it.

use axum::http::StatusCode;

use super::api::{Listed, Problem};

/// The most rows that are shown at once.
pub(crate) const SHOWN: usize = 100;

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

impl<T> List<T> {
    /// What the read side answered.
    pub(crate) fn of(answer: Result<Listed<T>, Problem>) -> Self {
        match answer {
            Ok(listed) => Self::Rows(listed),
            Err(problem) if problem.status == StatusCode::NOT_FOUND => Self::Elsewhere,
            Err(_) => Self::Unreadable,
        }
    }

    /// The rows, as far as they are known.
    pub(crate) fn rows(&self) -> &[T] {
        if let Self::Rows(listed) = self { listed.rows.as_slice() } else { &[] }
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
