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
    let page = Router::new()
        .route("/", get(page::show).post(forms::apply))
        .route("/cancel", post(forms::cancel))
        .route("/web/rows/{id}", get(row::show));
    frame(page.with_state(api::Api::new(api)))
}

/// What the pages of all businesses have in common: style and icon, and what browsers are told.
pub(crate) fn frame(page: Router) -> Router {
    page.route("/web/{asset}", get(assets::show)).layer(map_response(guarded))
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

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::{Request, StatusCode};
    use tower::ServiceExt;

    use super::*;

    async fn page(api: Router) -> (StatusCode, String) {
        let request = Request::get("/?studentId=student1&lang=en&after=9").body(Body::empty()).unwrap();
        let response = router(api).oneshot(request).await.unwrap();
        let status = response.status();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    /// DESIGN 2: the read side may be in another process.
    #[tokio::test]
    async fn without_a_read_side_the_form_is_there_and_the_list_is_said_to_be_elsewhere() {
        let (status, page) = page(Router::new()).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("kept on another server") && page.contains("action=\"/\""), "{page}");
        assert!(!page.contains("data-changes"), "there is nothing to follow: {page}");
    }

    /// EL-I16
    #[tokio::test]
    async fn while_the_read_side_is_down_the_page_says_that_nothing_is_lost() {
        let down = Router::new().route("/myPages", get(async || StatusCode::SERVICE_UNAVAILABLE));
        let (status, page) = page(down).await;
        assert_eq!(status, StatusCode::OK);
        assert!(page.contains("cannot be read at the moment"), "{page}");
    }

    /// DESIGN 7: a list that is behind says so, and is followed from where it is.
    #[tokio::test]
    async fn a_list_that_is_behind_says_so() {
        let rows = "{\"_embedded\":{\"myPages\":[]},\"_links\":{}}";
        let behind = Router::new().route("/myPages", get(async move || ([("as-of", "7")], rows)));
        let (_, page) = page(behind).await;
        assert!(page.contains("is being added to the list"), "{page}");
        assert!(page.contains("after=7"), "{page}");
    }
}
