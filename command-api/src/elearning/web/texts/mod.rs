//! Every word of the page that is its own, one file per language. What the wire says stays as it is; only its meaning
//! is told.

mod en;
mod ko;

use std::borrow::Cow;

use super::stage::Stage;
use crate::web::frame::FrameTexts;
use crate::web::lang::Lang;

/// What the page says in this language.
pub(super) fn texts(lang: Lang) -> &'static Texts {
    match lang {
        Lang::En => &en::TEXTS,
        Lang::Ko => &ko::TEXTS,
    }
}

/// What the page says in one language.
pub(super) struct Texts {
    pub(super) frame: FrameTexts,

    pub(super) student_id: &'static str,
    pub(super) student_name: &'static str,
    pub(super) book_id: &'static str,
    pub(super) book_name: &'static str,
    pub(super) qty: &'static str,
    pub(super) amount: &'static str,
    pub(super) address: &'static str,
    pub(super) submit: &'static str,
    /// How many books, as a reader says it.
    pub(super) copies: fn(u64) -> String,

    pub(super) steps: [&'static str; 3],
    pub(super) cancel: &'static str,
    /// What a stage is called, and what comes next.
    pub(super) stage: fn(Stage) -> (&'static str, Option<&'static str>),
    /// A reason that the business gave.
    pub(super) reason: fn(&str) -> Cow<'_, str>,

    /// What a field must be, from its name and whether nothing was typed into it.
    pub(super) wrong: fn(&str, bool) -> &'static str,
    pub(super) already_sent: &'static str,
    pub(super) not_taken_now: &'static str,
    pub(super) not_cancelled_now: &'static str,
    pub(super) no_such: &'static str,
}
