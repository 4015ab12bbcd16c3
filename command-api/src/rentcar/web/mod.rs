//! The web page of car rental: a customer reserves a car, sees what becomes of it, and cancels.

mod calls;
mod forms;
mod page;
mod row;
mod texts;

use axum::Router;
use axum::routing::{get, post};

use crate::web;
use crate::web::api::{Api, Source};

/// The reservations of a customer.
const SOURCE: Source = Source { list: "mypages", id: "reservationId", who: "userId" };

/// The page, in front of this JSON API: commands, and queries where this process has any.
pub(super) fn router(api: Router) -> Router {
    let page = Router::new()
        .route("/", get(page::show).post(forms::reserve))
        .route("/cancel", post(forms::cancel))
        .route("/web/rows/{id}", get(web::row::show::<row::Row>));
    web::router(page.with_state(Api::new(api, SOURCE)))
}
