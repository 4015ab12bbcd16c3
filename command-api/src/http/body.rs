//! Reads the bodies that the documents send: JSON objects in which a number may come as a text.

use std::fmt::Display;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use domain::kernel::{InvalidText, from_json};
use foldhash::HashMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
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

/// The fields of a JSON object, read one by one; what is wrong is collected.
#[derive(Debug)]
pub struct Fields {
    values: HashMap<String, Box<RawValue>>,
    invalid: Vec<InvalidField>,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await.map_err(|rejection| {
            match rejection.status().as_u16() {
                413 => ApiError::BodyTooLarge(MAX_BODY),
                _ => ApiError::MalformedBody(rejection.body_text()),
            }
        })?;
        Self::read(&body)
    }
}

impl Fields {
    /// Reads a JSON object.
    ///
    /// # Errors
    /// [`ApiError::MalformedBody`].
    pub fn read(body: &[u8]) -> Result<Self, ApiError> {
        let values = from_json(body);
        let values =
            values.map_err(|error| ApiError::MalformedBody(format!("not a JSON object: {error}")))?;
        Ok(Self { values, invalid: Vec::new() })
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
        let value = self.values.get(field).filter(|value| value.get() != "null")?;
        let text = match value.get().as_bytes() {
            [b'"', ..] => serde_json::from_str(value.get()).ok(),
            // The number as it was written: it must not pass through a double.
            [b'-' | b'0'..=b'9', ..] => Some(value.get().to_owned()),
            _ => None,
        };
        let Some(text): Option<String> = text else {
            self.reject(field, "must be a text or a number");
            return None;
        };
        parse(text.trim()).map_err(|error| self.reject(field, error)).ok()
    }

    /// All fields at once, for what is not a document's body.
    ///
    /// # Errors
    /// [`ApiError::MalformedBody`] with the first thing that does not fit.
    pub fn into_struct<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let fields = serde_json::to_value(self.values);
        let read = fields.and_then(serde_json::from_value);
        read.map_err(|error| ApiError::MalformedBody(error.to_string()))
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
        self.values.get(field).is_some_and(|value| value.get() != "null")
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

    fn text(text: &str) -> Result<String, Infallible> {
        Ok(text.to_owned())
    }

    /// SPEC 0.2: httpie sends texts, siege sends either.
    #[test]
    fn a_number_may_come_as_a_text_and_keeps_its_digits() {
        let mut fields = Fields::read(br#"{"a": "10", "b": 10, "c": 0.10, "d": 1e3, "e": null}"#).unwrap();
        let read: Vec<_> = ["a", "b", "c", "d", "e"].map(|field| fields.optional(field, text)).into();
        let expected = ["10", "10", "0.10", "1e3"].map(|text| Some(text.to_owned()));
        assert_eq!(read, [&expected[..], &[None]].concat());
        assert_eq!(fields.check(), Ok(()));
    }

    /// G14
    #[test]
    fn every_wrong_field_is_named() {
        let mut fields = Fields::read(br#"{"qty": "abc", "bookId": ["1"]}"#).unwrap();
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
            assert!(matches!(Fields::read(body.as_bytes()), Err(ApiError::MalformedBody(_))), "{body}");
        }
    }
}
