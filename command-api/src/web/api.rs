//! The JSON API as the page calls it: in this process, without a socket, but through the same routes
//! as everybody else. The page can do nothing that another client cannot.

use std::collections::HashMap;
use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::FromRequestParts;
use axum::extract::rejection::FormRejection;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::ServiceExt;
use uuid::Uuid;

use crate::http::{ApiError, EVENT_POSITION, MAX_BODY};

/// The most rows that a query answers with at once.
const MOST: usize = 1000;

/// Where the rows of a page come from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source {
    /// The path and the key of the list (`myPages`).
    pub(crate) list: &'static str,
    /// What a row calls its id.
    pub(crate) id: &'static str,
    /// The parameter that says whose rows they are (`studentId`).
    pub(crate) who: &'static str,
}

/// The routes of the API.
#[derive(Clone)]
pub(crate) struct Api {
    routes: Router,
    source: Source,
}

/// The API on behalf of one request of a browser. It is called by the same task, so what it causes is said
/// to follow from that request.
pub(crate) struct Client(Api);

/// The rows of somebody.
pub(crate) struct Listed<T> {
    /// In the order of the list.
    pub(crate) rows: Vec<T>,
    /// Everything up to here is in the rows.
    pub(crate) as_of: Option<u64>,
    /// Whether there are more than these.
    pub(crate) more: bool,
    /// Whether the rows do not follow the log at the moment.
    pub(crate) degraded: bool,
}

/// Why the API did not do what it was asked, as its problem details say.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    #[serde(skip)]
    pub(crate) status: StatusCode,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) errors: Vec<FieldProblem>,
}

/// A field that makes no sense. Why is told in the language of the page.
#[derive(Debug, Deserialize)]
pub(crate) struct FieldProblem {
    pub(crate) field: String,
}

struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Api {
    /// Calls these routes, and finds rows there.
    pub(crate) fn new(routes: Router, source: Source) -> Self {
        Self { routes, source }
    }

    /// Where the rows come from.
    pub(crate) fn source(&self) -> Source {
        self.source
    }
}

impl FromRequestParts<Api> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self(api.clone()))
    }
}

impl Client {
    /// Sends a command; the key makes it the same one, however often it is sent. Answers where in the
    /// log the last event of it is.
    pub(crate) async fn command(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Value,
    ) -> Result<Option<u64>, Problem> {
        Ok(self.send(method, path, key, Some(body)).await?.number(EVENT_POSITION.as_str()))
    }

    /// The rows of somebody, in which everything up to `after` is to be seen.
    pub(crate) async fn rows<T: DeserializeOwned>(
        &self,
        who: &str,
        after: Option<u64>,
    ) -> Result<Listed<T>, Problem> {
        let Source { list, who: parameter, .. } = self.0.source;
        self.list(list, &[(parameter, who)], after).await
    }

    /// A list, in which everything up to `after` is to be seen.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        list: &str,
        parameters: &[(&str, &str)],
        after: Option<u64>,
    ) -> Result<Listed<T>, Problem> {
        #[derive(Deserialize)]
        struct Page<T> {
            #[serde(rename = "_embedded")]
            embedded: HashMap<String, Vec<T>>,
            #[serde(rename = "_links")]
            links: Value,
        }
        let size = MOST.to_string();
        let parameters = [parameters, &[("size", size.as_str())]].concat();
        let path = format!("/{list}?{}", query(&parameters, after));
        let answer = self.send(Method::GET, &path, None, None).await?;
        let Page { mut embedded, links } = answer.read()?;
        Ok(Listed {
            rows: embedded.remove(list).unwrap_or_default(),
            as_of: answer.number("as-of"),
            more: links.get("next").is_some(),
            degraded: answer.headers.contains_key("degraded"),
        })
    }

    /// One row, in which everything up to `after` is to be seen.
    pub(crate) async fn row<T: DeserializeOwned>(&self, id: Uuid, after: Option<u64>) -> Result<T, Problem> {
        let list = self.0.source.list;
        self.send(Method::GET, &format!("/{list}/{id}?{}", query(&[], after)), None, None).await?.read()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Result<Answer, Problem> {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        // A key that is no header is the only thing that can be wrong with it.
        let request = request.body(body).map_err(|_| Problem::of(StatusCode::BAD_REQUEST))?;
        let response = match self.0.routes.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        };
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.map_err(|error| Problem::inside(&error))?;
        if parts.status.is_success() {
            return Ok(Answer { headers: parts.headers, body });
        }
        let problem = serde_json::from_slice(&body).unwrap_or_else(|_| Problem::of(parts.status));
        Err(Problem { status: parts.status, ..problem })
    }
}

impl Answer {
    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_slice(&self.body).map_err(|error| Problem::inside(&error))
    }

    fn number(&self, header: &str) -> Option<u64> {
        self.headers.get(header)?.to_str().ok()?.parse().ok()
    }
}

impl Problem {
    fn of(status: StatusCode) -> Self {
        Self { status, code: String::new(), errors: Vec::new() }
    }

    /// An answer of our own API that cannot be understood.
    fn inside(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "the page does not understand an answer of the API");
        Self::of(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// A query string of these parameters and `after`, if that is known.
pub(crate) fn query(parameters: &[(&str, &str)], after: Option<u64>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    if let Some(after) = after {
        query.append_pair("after", &after.to_string());
    }
    query.finish()
}

/// A form that cannot be read.
pub(crate) fn malformed(rejection: FormRejection) -> ApiError {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge(MAX_BODY),
        _ => ApiError::MalformedBody(rejection.body_text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_carries_any_text() {
        let query = query(&[("studentId", "a&b 가"), ("size", "2")], Some(7));
        assert_eq!(query, "studentId=a%26b+%EA%B0%80&size=2&after=7");
    }
}
