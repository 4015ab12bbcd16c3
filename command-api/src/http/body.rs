//! Reads the bodies that the documents send: JSON objects in which a number may come as a text.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{self, Display};
use std::ops::Range;
use std::str;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use domain::kernel::{InvalidText, from_json};
use http_body_util::LengthLimitError;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::ApiError;

/// The largest body, in bytes. The documents' are below 300.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// A field that is missing or makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvalidField {
    /// Its name in the body.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

/// The name of a field: where in the body it is, unless it is spelled in another way there.
#[derive(Debug)]
enum Name {
    At(Range<usize>),
    Escaped(String),
}

/// The fields of a JSON object, read one by one; what is wrong is collected.
#[derive(Debug)]
pub struct Fields {
    body: Bytes,
    /// By name, as they came: where in the body their values are. There are few of them.
    values: Vec<(Name, Range<usize>)>,
    invalid: Vec<InvalidField>,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let body = to_bytes(request.into_body(), MAX_BODY).await.map_err(|error| {
            match error.source().is_some_and(<dyn Error>::is::<LengthLimitError>) {
                true => ApiError::BodyTooLarge(MAX_BODY),
                false => ApiError::MalformedBody(format!("the body cannot be read: {error}")),
            }
        })?;
        Self::read(body)
    }
}

impl Fields {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// [`ApiError::MalformedBody`].
    pub fn read(body: Bytes) -> Result<Self, ApiError> {
        let object = from_json::<Object<'_>>(&body);
        let object =
            object.map_err(|error| ApiError::MalformedBody(format!("not a JSON object: {error}")))?;
        let at = |text: &str| {
            let start = text.as_ptr() as usize - body.as_ptr() as usize;
            start..start + text.len()
        };
        let field = |(Spelled(name), value): (Spelled<'_>, &RawValue)| match name {
            Cow::Borrowed(name) => (Name::At(at(name)), at(value.get())),
            Cow::Owned(name) => (Name::Escaped(name), at(value.get())),
        };
        let values = object.0.into_iter().map(field).collect();
        Ok(Self { body, values, invalid: Vec::new() })
    }

    /// A field that has to be there.
    pub fn required<T, E: Display>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.has(field) {
            self.reject(field, "is required");
        }
        self.optional(field, parse)
    }

    /// A field that may be missing or `null`.
    pub fn optional<T, E: Display>(
        &mut self,
        field: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let parsed = match text(self.value(field)?) {
            Some(text) => parse(text.trim()).map_err(|error| error.to_string()),
            None => Err("must be a text or a number".to_owned()),
        };
        parsed.map_err(|error| self.reject(field, error)).ok()
    }

    /// All fields at once, for what is not a document's body.
    ///
    /// # Errors
    /// [`ApiError::MalformedBody`] with the first thing that does not fit.
    pub fn into_struct<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        from_json(&self.body).map_err(|error| ApiError::MalformedBody(error.to_string()))
    }

    /// Says that a field makes no sense.
    pub fn reject(&mut self, field: &'static str, message: impl Display) {
        self.invalid.push(InvalidField { field, message: message.to_string() });
    }

    /// Passes when nothing was wrong.
    ///
    /// # Errors
    /// [`ApiError::InvalidInput`] with every field that was.
    pub fn check(&mut self) -> Result<(), ApiError> {
        match std::mem::take(&mut self.invalid) {
            none if none.is_empty() => Ok(()),
            invalid => Err(ApiError::InvalidInput(invalid)),
        }
    }

    fn has(&self, field: &str) -> bool {
        self.value(field).is_some()
    }

    /// What came last under a name, unless it is `null`.
    fn value(&self, field: &str) -> Option<&[u8]> {
        let is_called = |name: &Name| match name {
            Name::At(range) => self.body[range.clone()] == *field.as_bytes(),
            Name::Escaped(name) => name == field,
        };
        let (_, range) = self.values.iter().rfind(|(name, _)| is_called(name))?;
        Some(&self.body[range.clone()]).filter(|value| *value != b"null")
    }
}

/// A JSON text, or a number as it was written: it must not pass through a double.
fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let value = str::from_utf8(value).ok()?;
    match value.as_bytes() {
        // Only what has a backslash is another text than it seems.
        [b'"', plain @ .., b'"'] if !plain.contains(&b'\\') => {
            Some(Cow::Borrowed(&value[1..value.len() - 1]))
        }
        [b'"', ..] => serde_json::from_str(value).ok().map(Cow::Owned),
        [b'-' | b'0'..=b'9', ..] => Some(Cow::Borrowed(value)),
        _ => None,
    }
}

/// A JSON object without a look at its values.
struct Object<'j>(Vec<(Spelled<'j>, &'j RawValue)>);

#[derive(Deserialize)]
#[serde(transparent)]
struct Spelled<'j>(#[serde(borrow)] Cow<'j, str>);

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Object(fields))
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A required field after [`Fields::check`], which would have reported that it is missing.
pub(crate) fn required<T>(field: Option<T>) -> Result<T, ApiError> {
    field.ok_or_else(|| ApiError::Internal("a required field is missing and was not reported".to_owned()))
}

/// A text of at most 255 characters that may be empty.
pub(crate) fn short(text: &str) -> Result<String, InvalidText> {
    match InvalidText::check(text) {
        Ok(()) | Err(InvalidText::Blank) => Ok(text.to_owned()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn read(body: &'static str) -> Result<Fields, ApiError> {
        Fields::read(Bytes::from(body))
    }

    fn text(text: &str) -> Result<String, Infallible> {
        Ok(text.to_owned())
    }

    /// SPEC 0.2: httpie sends texts, siege sends either.
    #[test]
    fn a_number_may_come_as_a_text_and_keeps_its_digits() {
        let mut fields = read(r#"{"a": "1\u0030", "b": 10, "c": 0.10, "d": 1e3, "e": null}"#).unwrap();
        let read: Vec<_> = ["a", "b", "c", "d", "e"].map(|field| fields.optional(field, text)).into();
        let expected = ["10", "10", "0.10", "1e3"].map(|text| Some(text.to_owned()));
        assert_eq!(read, [&expected[..], &[None]].concat());
        assert_eq!(fields.check(), Ok(()));
    }

    /// As JSON readers do: of two fields of one name, the last one counts.
    #[test]
    fn names_may_be_escaped_and_come_twice() {
        let mut fields = read(r#"{"a": 1, "\u0061": 2, "b": 3, "b": null}"#).unwrap();
        assert_eq!((fields.optional("a", text), fields.optional("b", text)), (Some("2".to_owned()), None));
    }

    /// G14
    #[test]
    fn every_wrong_field_is_named() {
        let mut fields = read(r#"{"qty": "abc", "bookId": ["1"]}"#).unwrap();
        fields.required("studentId", text);
        fields.required("qty", |text| text.parse::<u32>().map_err(|_| "must be a number"));
        fields.required("bookId", text);
        let Err(ApiError::InvalidInput(invalid)) = fields.check() else { panic!("nothing was wrong") };
        let named: Vec<_> = invalid.iter().map(|invalid| invalid.field).collect();
        assert_eq!(named, ["studentId", "qty", "bookId"]);
    }

    /// G14
    #[test]
    fn what_is_no_object_is_malformed() {
        for body in ["", "[]", "1", "{", "{\"a\":}", "null"] {
            assert!(matches!(read(body), Err(ApiError::MalformedBody(_))), "{body}");
        }
    }
}
