//! Every word of the page, one file per language. What the wire says stays as it is; only its meaning
//! is told.

mod en;
mod ko;

use std::borrow::Cow;

use super::stage::Stage;

/// The languages of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lang {
    En,
    Ko,
}

impl Lang {
    /// The language of a code: `en`, `ko`.
    pub(super) fn find(code: &str) -> Option<Self> {
        [Self::En, Self::Ko].into_iter().find(|lang| lang.code() == code)
    }

    /// Its code.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::En => Self::Ko,
            Self::Ko => Self::En,
        }
    }

    /// Its texts.
    pub(super) fn texts(self) -> &'static Texts {
        match self {
            Self::En => &en::TEXTS,
            Self::Ko => &ko::TEXTS,
        }
    }
}

/// What the page says in one language.
pub(super) struct Texts {
    /// The name of the language, in itself.
    pub(super) language: &'static str,
    pub(super) title: &'static str,
    pub(super) lead: &'static str,
    pub(super) skip: &'static str,

    pub(super) apply: &'static str,
    pub(super) student_id: &'static str,
    pub(super) student_name: &'static str,
    pub(super) book_id: &'static str,
    pub(super) book_name: &'static str,
    pub(super) qty: &'static str,
    pub(super) amount: &'static str,
    pub(super) address: &'static str,
    pub(super) optional: &'static str,
    pub(super) submit: &'static str,
    /// How many books, as a reader says it.
    pub(super) copies: fn(u64) -> String,

    pub(super) list: &'static str,
    pub(super) show: &'static str,
    /// Asks who reads, while nobody is known.
    pub(super) who: &'static str,
    pub(super) none_yet: &'static str,
    pub(super) only_latest: &'static str,
    pub(super) live: &'static str,
    pub(super) connecting: &'static str,
    pub(super) reconnecting: &'static str,
    pub(super) reload: &'static str,
    /// The read side is not in this process.
    pub(super) elsewhere: &'static str,
    pub(super) unreadable: &'static str,
    pub(super) behind: &'static str,
    pub(super) degraded: &'static str,

    pub(super) steps: [&'static str; 3],
    pub(super) cancel: &'static str,
    pub(super) changed: &'static str,
    /// What a stage is called, and what comes next.
    pub(super) stage: fn(Stage) -> (&'static str, Option<&'static str>),
    /// A reason that the business gave.
    pub(super) reason: fn(&str) -> Cow<'_, str>,

    pub(super) check_fields: &'static str,
    /// What a field must be, from its name and whether nothing was typed into it.
    pub(super) wrong: fn(&str, bool) -> &'static str,
    pub(super) already_sent: &'static str,
    pub(super) not_taken_now: &'static str,
    pub(super) not_cancelled_now: &'static str,
    pub(super) no_such: &'static str,
    pub(super) failed: &'static str,
}
