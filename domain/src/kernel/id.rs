use std::fmt::{self, Write};
use std::str::FromStr;
use std::sync::Arc;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::Aggregate;

/// The id of a request and of everything that follows from it: stream key, correlation id and the id
/// in every URL (SPEC D0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Uuid);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl FromStr for RequestId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// The name of the stream in which an aggregate lives. With [`Subject::of`], its inverse, the only
/// place that spells it.
///
/// ```
/// use domain::elearning::Apply;
/// let stream = domain::kernel::stream::<Apply>(&"0190");
/// assert_eq!(stream.to_string(), "elearning.apply-0190");
/// ```
pub fn stream<A: Aggregate>(key: &impl fmt::Display) -> impl fmt::Display {
    fmt::from_fn(move |f| {
        f.write_str(A::SYSTEM)?;
        f.write_char('.')?;
        f.write_str(A::NAME)?;
        f.write_char('-')?;
        key.fmt(f)
    })
}

/// Whose stream a name names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject<'n> {
    /// The business.
    pub system: &'n str,
    /// The aggregate within it.
    pub aggregate: &'n str,
    /// The key of this one.
    pub key: &'n str,
}

impl<'n> Subject<'n> {
    /// Reads the name of a stream; `None` when no aggregate lives there.
    ///
    /// ```
    /// let subject = domain::kernel::Subject::of("elearning.apply-0190-ab").unwrap();
    /// assert_eq!((subject.system, subject.aggregate, subject.key), ("elearning", "apply", "0190-ab"));
    /// ```
    pub fn of(stream: &'n str) -> Option<Self> {
        let (category, key) = stream.split_once('-')?;
        let (system, aggregate) = category.split_once('.')?;
        Some(Self { system, aggregate, key })
    }
}

/// A text that cannot be an id or a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing, or nothing but white space.
    #[error("must not be blank")]
    Blank,
    /// More than 255 characters.
    #[error("must have at most {MAX_TEXT} characters")]
    TooLong,
    /// It is to be the key of a stream and is longer than that allows.
    #[error("must have at most {MAX_KEY} characters")]
    TooLongForAKey,
    /// It is to be the key of a stream and has characters that nobody can see.
    #[error("must not have control characters")]
    Invisible,
}

/// The longest id or name, in characters.
const MAX_TEXT: usize = 255;

/// The longest text in the name of a stream, in characters.
const MAX_KEY: usize = 100;

impl InvalidText {
    /// Passes a text that is neither blank nor longer than 255 characters.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(text: &str) -> Result<(), Self> {
        match text {
            blank if blank.trim().is_empty() => Err(Self::Blank),
            long if long.chars().nth(MAX_TEXT).is_some() => Err(Self::TooLong),
            _ => Ok(()),
        }
    }

    /// Passes a text that can be the key of a stream: at most 100 characters, all of them visible.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_key(text: &str) -> Result<(), Self> {
        match text {
            long if long.chars().nth(MAX_KEY).is_some() => Err(Self::TooLongForAKey),
            odd if odd.chars().any(char::is_control) => Err(Self::Invisible),
            text => Self::check(text),
        }
    }
}

/// Reads a text that is shared from then on.
pub(crate) fn shared_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<str>, D::Error> {
    struct Text;

    impl Visitor<'_> for Text {
        type Value = Arc<str>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a text")
        }

        fn visit_str<E>(self, text: &str) -> Result<Arc<str>, E> {
            Ok(text.into())
        }
    }

    deserializer.deserialize_str(Text)
}

/// Declares an id that somebody else chose: any text that is neither blank nor endless; where it is the
/// key of a stream, `text_id! { CarId as key }`, a text that can be one. Shared, because every fact that
/// follows from a request carries it on.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => { $crate::kernel::text_id! { $(#[$doc])* $name check } };
    ($(#[$doc:meta])* $name:ident as key) => { $crate::kernel::text_id! { $(#[$doc])* $name check_key } };
    ($(#[$doc:meta])* $name:ident $check:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(deserialize_with = "crate::kernel::shared_text")] std::sync::Arc<str>);

        impl $name {
            /// Checks and wraps an id.
            ///
            /// # Errors
            /// When it is blank or too long.
            pub fn new(text: impl Into<std::sync::Arc<str>>) -> Result<Self, $crate::kernel::InvalidText> {
                let text = text.into();
                $crate::kernel::InvalidText::$check(&text)?;
                Ok(Self(text))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::kernel::InvalidText;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}
pub(crate) use text_id;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_neither_blank_nor_endless() {
        assert_eq!(InvalidText::check(" \t"), Err(InvalidText::Blank));
        assert_eq!(InvalidText::check(&"가".repeat(255)), Ok(()));
        assert_eq!(InvalidText::check(&"가".repeat(256)), Err(InvalidText::TooLong));
    }

    #[test]
    fn a_key_of_a_stream_is_short_and_visible() {
        assert_eq!(InvalidText::check_key(&"가".repeat(100)), Ok(()));
        assert_eq!(InvalidText::check_key(&"가".repeat(101)), Err(InvalidText::TooLongForAKey));
        assert_eq!(InvalidText::check_key("1\u{0}"), Err(InvalidText::Invisible));
        assert_eq!(InvalidText::check_key(" "), Err(InvalidText::Blank));
    }

    #[test]
    fn a_stream_without_an_aggregate_has_no_subject() {
        assert_eq!(Subject::of("elearning"), None);
        assert_eq!(Subject::of("elearning-1"), None);
    }
}
