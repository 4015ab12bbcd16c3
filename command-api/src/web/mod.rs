//! The web page: a student applies with a form, sees what becomes of it while it happens, and cancels.
//!
//! It is a client of the JSON API like any other, only that it calls it without a socket (`api`). The
//! server renders everything, in the student's language (`texts`); the one script only swaps in rows
//! that the server rendered again (`row`). Without the script the page works the same, on reload.

mod api;
mod assets;
mod draft;
mod forms;
mod page;
mod row;
mod stage;
mod texts;
mod visitor;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};

/// Nothing from elsewhere, nothing inline, and in nobody's frame.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
                      object-src 'none'";

/// The page, in front of this JSON API: commands, and queries where this process has any.
pub(crate) fn router(api: Router) -> Router {
    Router::new()
        .route("/", get(page::show).post(forms::apply))
        .route("/cancel", post(forms::cancel))
        .route("/web/rows/{id}", get(row::show))
        .with_state(api::Api::new(api))
        .route("/web/{asset}", get(assets::show))
        .layer(map_response(guarded))
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
