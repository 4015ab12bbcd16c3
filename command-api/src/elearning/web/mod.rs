//! The web page of course material: a student applies, sees what becomes of it, and cancels.

mod calls;
mod draft;
mod forms;
mod page;
mod row;
mod stage;
mod texts;

use axum::Router;
use axum::routing::{get, post};

use crate::web;
use crate::web::api::{Api, Source};

/// The applications of a student.
const SOURCE: Source = Source { list: "myPages", id: "id", who: "studentId" };

/// The page, in front of this JSON API: commands, and queries where this process has any.
pub(super) fn router(api: Router) -> Router {
    let page = Router::new()
        .route("/", get(page::show).post(forms::apply))
        .route("/cancel", post(forms::cancel))
        .route("/web/rows/{id}", get(web::row::show::<row::Row>));
    web::router(page.with_state(Api::new(api, SOURCE)))
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
