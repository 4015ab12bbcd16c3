use std::convert::Infallible;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Serialize, Serializer};

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

impl Base {
    /// The address of a path.
    pub fn at(&self, path: &str) -> String {
        [&self.0, path].concat()
    }
}

/// A resource with its links (HAL).
#[derive(Serialize)]
pub struct Hal<R> {
    #[serde(flatten)]
    resource: R,
    #[serde(rename = "_links")]
    links: Links,
}

/// By relation, as they were added.
struct Links(Vec<(&'static str, Link)>);

impl Serialize for Links {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(relation, link)| (relation, link)))
    }
}

#[derive(Serialize)]
struct Link {
    href: String,
}

impl<R: Serialize> Hal<R> {
    /// A resource that links to itself, and under its own name too.
    pub fn new(resource: R, base: &Base, singular: &'static str, path: &str) -> Self {
        let links = Links(Vec::with_capacity(5));
        Self { resource, links }.link("self", base, path).link(singular, base, path)
    }

    /// And to another one.
    #[must_use]
    pub fn link(mut self, relation: &'static str, base: &Base, path: &str) -> Self {
        self.links.0.push((relation, Link { href: base.at(path) }));
        self
    }
}

/// Answers with a resource, its revision as `ETag`, and where in the log the last event is.
pub fn answer<R: Serialize>(status: StatusCode, resource: &Hal<R>, last: Option<Last>) -> Response {
    let mut json = Vec::with_capacity(USUAL);
    serde_json::to_writer(&mut json, resource).expect("resources are plain structs with text keys");
    let mut response = Response::new(Body::from(json));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/hal+json"));
    if let Some(last) = last {
        let etag = HeaderValue::from_str(&format!("\"{}\"", last.revision));
        headers.insert(header::ETAG, etag.expect("a number is a header"));
        headers.insert(EVENT_POSITION, HeaderValue::from(last.position.0));
    }
    if let (StatusCode::CREATED, Some((_, link))) = (status, resource.links.0.first()) {
        let location = HeaderValue::from_str(&link.href).expect("made of a header and an id");
        headers.insert(header::LOCATION, location);
    }
    response
}
