//! The page: form and list.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use uuid::Uuid;

use super::calls::Car;
use super::forms::Wish;
use super::row::Row;
use super::texts::{Texts, texts};
use super::{SOURCE, calls};
use crate::http::ApiError;
use crate::web::api::Client;
use crate::web::frame::{self, Frame};
use crate::web::list::List;
use crate::web::visitor::Visitor;

/// What happened to the form that was sent.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) status: StatusCode,
    /// Said above everything else.
    pub(super) notice: Option<&'static str>,
    /// What was typed and the key it is to be sent with again.
    pub(super) again: Option<(Wish, String)>,
}

#[derive(Template)]
#[template(path = "rentcar/page.html")]
struct Page<'p> {
    frame: Frame<'p>,
    t: &'static Texts,
    optional: &'static str,
    wish: Wish,
    key: String,
    cars: Vec<Car>,
}

/// `GET /`.
pub(super) async fn show(visitor: Visitor, client: Client) -> Result<Response, ApiError> {
    render(&visitor, &client, Outcome::default()).await
}

/// The page.
pub(super) async fn render(
    visitor: &Visitor,
    client: &Client,
    outcome: Outcome,
) -> Result<Response, ApiError> {
    let list: List<Row> = List::read(visitor, client).await;
    let new = || {
        let wish = Wish { user_id: visitor.who.clone().unwrap_or_default(), ..Wish::default() };
        (wish, Uuid::new_v4().to_string())
    };
    let (wish, key) = outcome.again.unwrap_or_else(new);
    let t = texts(visitor.lang);
    let page = Page {
        frame: Frame::new(visitor, &t.frame, outcome.notice, SOURCE, &list)?,
        t,
        optional: visitor.lang.words().optional,
        wish,
        key,
        cars: calls::cars(client, visitor.after).await,
    };
    frame::answer(visitor, outcome.status, &page)
}
