//! The JSON API as the page calls it: in this process, without a socket, but through the same routes
//! as everybody else. The page can do nothing that another client cannot.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::draft::Draft;
use super::row::Row;
use crate::http::{EVENT_POSITION, HttpRequest};

/// The most rows that a query answers with at once.
const MOST: usize = 1000;

/// The routes of the API.
#[derive(Clone)]
pub(super) struct Api(Router);

/// The API on behalf of one request of a browser: what it causes is said to follow from that.
pub(super) struct Client {
    api: Api,
    request: Option<HttpRequest>,
}

/// The rows of a student.
pub(super) struct Listed {
    /// Those that changed last come first.
    pub(super) rows: Vec<Row>,
    /// Everything up to here is in the rows.
    pub(super) as_of: Option<u64>,
    /// Whether the student has more than these.
    pub(super) more: bool,
    /// Whether the rows do not follow the log at the moment.
    pub(super) degraded: bool,
}

/// Why the API did not do what it was asked, as its problem details say.
#[derive(Debug, Deserialize)]
pub(super) struct Problem {
    #[serde(skip)]
    pub(super) status: StatusCode,
    #[serde(default)]
    pub(super) code: String,
    #[serde(default)]
    pub(super) errors: Vec<FieldProblem>,
}

/// A field that makes no sense. Why is told in the language of the page.
#[derive(Debug, Deserialize)]
pub(super) struct FieldProblem {
    pub(super) field: String,
}

struct Answer {
    headers: HeaderMap,
    body: Bytes,
}

impl Api {
    /// Calls these routes.
    pub(super) fn new(routes: Router) -> Self {
        Self(routes)
    }
}

impl FromRequestParts<Api> for Client {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        Ok(Self { api: api.clone(), request: parts.extensions.get().copied() })
    }
}

impl Client {
    /// Applies; the key makes a second application of the same form the first one. Answers where in
    /// the log the last event of it is.
    pub(super) async fn apply(&self, key: &str, draft: &Draft) -> Result<Option<u64>, Problem> {
        let answer = self.send(Method::POST, "/applies", Some(key), Some(draft.body())).await?;
        Ok(answer.number(EVENT_POSITION.as_str()))
    }

    /// Cancels an application. Answers where in the log the last event of it is.
    pub(super) async fn cancel(&self, id: Uuid) -> Result<Option<u64>, Problem> {
        let body = json!({ "applyStatus": "cancelled" });
        let answer = self.send(Method::PUT, &format!("/applies/{id}"), None, Some(body)).await?;
        Ok(answer.number(EVENT_POSITION.as_str()))
    }

    /// The applications of a student, in which everything up to `after` is to be seen.
    pub(super) async fn rows(&self, student: &str, after: Option<u64>) -> Result<Listed, Problem> {
        #[derive(Deserialize)]
        struct Page {
            #[serde(rename = "_embedded")]
            embedded: Embedded,
            #[serde(rename = "_links")]
            links: Value,
        }
        #[derive(Deserialize)]
        struct Embedded {
            #[serde(rename = "myPages")]
            rows: Vec<Row>,
        }
        let size = MOST.to_string();
        let path = format!("/myPages?{}", query(&[("studentId", student), ("size", &size)], after));
        let answer = self.send(Method::GET, &path, None, None).await?;
        let Page { embedded: Embedded { mut rows }, links } = answer.read()?;
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.position));
        Ok(Listed {
            rows,
            as_of: answer.number("as-of"),
            more: links.get("next").is_some(),
            degraded: answer.headers.contains_key("degraded"),
        })
    }

    /// One application, in which everything up to `after` is to be seen.
    pub(super) async fn row(&self, id: Uuid, after: Option<u64>) -> Result<Row, Problem> {
        self.send(Method::GET, &format!("/myPages/{id}?{}", query(&[], after)), None, None).await?.read()
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
        let mut request = request.body(body).map_err(|_| Problem::of(StatusCode::BAD_REQUEST))?;
        if let Some(cause) = self.request {
            request.extensions_mut().insert(cause);
        }
        let response = match self.api.0.clone().oneshot(request).await {
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
pub(super) fn query(parameters: &[(&str, &str)], after: Option<u64>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    if let Some(after) = after {
        query.append_pair("after", &after.to_string());
    }
    query.finish()
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
