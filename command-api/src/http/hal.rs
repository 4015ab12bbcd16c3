use std::convert::Infallible;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

use crate::execute::Last;

/// The name of the header that says where in the log a command's last event is.
pub(crate) const EVENT_POSITION: HeaderName = HeaderName::from_static("event-position");

/// A resource with its links is hardly ever longer, in bytes: made in one piece of memory.
const USUAL: usize = 1024;

/// The address under which the client reached us: `http://localhost:8088`.
pub struct Base(String);

impl<S: Sync> FromRequestParts<S> for Base {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let host = text("host").or(parts.uri.authority().map(|authority| authority.as_str()));
        let scheme = text("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or("http");
        Ok(Self(host.map(|host| [scheme, "://", host].concat()).unwrap_or_default()))
    }
}

/// A resource with its links (HAL), as the JSON that it becomes.
pub struct Hal {
    /// Without its last two braces.
    json: Vec<u8>,
    /// How every link begins: a quote and the address of this server.
    begin: String,
    location: String,
}

impl Hal {
    /// A resource with a path of its own, that of `collection` and `id`. It links to itself, and under its
    /// own name too.
    pub fn new(
        resource: &impl Serialize,
        base: &Base,
        singular: &'static str,
        collection: &'static str,
        id: &str,
    ) -> Self {
        let mut json = Vec::with_capacity(USUAL);
        serde_json::to_writer(&mut json, resource).expect("resources are plain structs with text keys");
        let closed = json.pop();
        debug_assert_eq!(closed, Some(b'}'), "a resource is an object");
        let mut begin = serde_json::to_string(&base.0).expect("a text can be JSON");
        begin.truncate(begin.len() - 1);
        let location = [&base.0, collection, id].concat();
        json.extend_from_slice(br#","_links":{"#);
        let resource = Self { json, begin, location };
        let itself = resource.link("self", collection, id);
        itself.link(singular, collection, id)
    }

    /// And to another one: an id that is an address as it is, of a collection (`/applies/`).
    #[must_use]
    pub fn link(mut self, relation: &'static str, collection: &'static str, id: &str) -> Self {
        let Self { json, begin, .. } = &mut self;
        let comma = if json.last() == Some(&b'{') { "" } else { "," };
        for piece in [comma, "\"", relation, "\":{\"href\":", begin, collection, id, "\"}"] {
            json.extend_from_slice(piece.as_bytes());
        }
        self
    }
}

/// Answers with a resource, its revision as `ETag`, and where in the log the last event is.
pub fn answer(status: StatusCode, Hal { mut json, location, .. }: Hal, last: Option<Last>) -> Response {
    json.extend_from_slice(b"}}");
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/hal+json"));
    if let Some(last) = last {
        let etag = HeaderValue::try_from(format!("\"{}\"", last.revision));
        headers.insert(header::ETAG, etag.expect("a number is a header"));
        headers.insert(EVENT_POSITION, HeaderValue::from(last.position.0));
    }
    if status == StatusCode::CREATED {
        let location = HeaderValue::try_from(location).expect("made of a header and an id");
        headers.insert(header::LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// SPEC 0.2. A host is any header that the client sends.
    #[test]
    fn a_resource_links_to_itself_and_to_others() {
        let base = Base(r#"http://a"b\c"#.to_owned());
        let hal = Hal::new(&json!({"id": 7}), &base, "apply", "/applies/", "7").link("pay", "/pays/", "7");
        let json: Value = serde_json::from_slice(&[&hal.json[..], b"}}"].concat()).unwrap();
        let href = |path: &str| json!({"href": format!("{}{path}", base.0)});
        let (apply, pay) = (href("/applies/7"), href("/pays/7"));
        assert_eq!(json, json!({"id": 7, "_links": {"self": apply, "apply": apply, "pay": pay}}));
        assert_eq!(hal.location, [&base.0, "/applies/7"].concat());
    }
}
