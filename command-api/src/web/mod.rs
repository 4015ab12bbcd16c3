//! The web page: somebody asks with a form, sees what becomes of it while it happens, and cancels.
//!
//! It is a client of the JSON API like any other, only that it calls it without a socket (`api`). The
//! server renders everything, in the visitor's language (`lang`); the one script only swaps in rows
//! that the server rendered again. Without the script the page works the same, on reload. A business
//! brings its form, its words and how its rows are told; what is around them is here (`frame`, `list`,
//! `row`).

pub(crate) mod api;
mod assets;
pub(crate) mod frame;
pub(crate) mod lang;
pub(crate) mod list;
pub(crate) mod row;
pub(crate) mod visitor;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;

use crate::http::MAX_BODY;

/// Nothing from elsewhere, nothing inline, and in nobody's frame.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
                      object-src 'none'";

/// The page of a business, with what all pages have: style, script and icon, and what browsers are told.
pub(crate) fn router(page: Router) -> Router {
    let around = (map_response(guarded), DefaultBodyLimit::max(MAX_BODY));
    page.route("/web/{asset}", get(assets::show)).layer(around)
}

/// What every answer to a browser says about itself. A page is of one student at one moment: nobody
/// keeps it, unless it says otherwise.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
