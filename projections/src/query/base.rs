use std::borrow::Cow;
use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

/// The address under which the client reached us (`http://localhost:8088`), for links.
pub(crate) struct Base(String);

impl<S: Sync> FromRequestParts<S> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = header("host").or(parts.uri.authority().map(|authority| authority.as_str()));
        let secure = header("x-forwarded-proto") == Some("https");
        let scheme = if secure { "https" } else { "http" };
        Ok(Self(host.map(|host| format!("{scheme}://{host}")).unwrap_or_default()))
    }
}

impl Base {
    /// The address of one thing of a collection.
    pub(crate) fn one(&self, collection: &str, id: &str) -> String {
        format!("{}/{collection}/{}", self.0, percent_encode(id))
    }

    /// The address of a list, with these parameters.
    pub(crate) fn list(&self, collection: &str, parameters: &[(&str, String)]) -> String {
        let mut address = format!("{}/{collection}", self.0);
        for (index, (name, value)) in parameters.iter().enumerate() {
            address.push(if index == 0 { '?' } else { '&' });
            address.push_str(name);
            address.push('=');
            address.push_str(&percent_encode(value));
        }
        address
    }
}

/// Leaves only what RFC 3986 calls unreserved, which most texts are.
fn percent_encode(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_unreserved) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(3 * text.len());
    for byte in text.bytes() {
        match is_unreserved(byte) {
            true => encoded.push(char::from(byte)),
            false => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    Cow::Owned(encoded)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_carries_any_text() {
        let base = Base("http://here".to_owned());
        assert_eq!(base.one("cars", "1/가"), "http://here/cars/1%2F%EA%B0%80");
        let parameters = [("studentId", "a&b".to_owned()), ("page", "2".to_owned())];
        assert_eq!(base.list("applies", &parameters), "http://here/applies?studentId=a%26b&page=2");
    }
}
