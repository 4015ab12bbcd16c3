//! MyPage: one row for each reservation, which tells its customer where it stands (RC 5.5).
//!
//! `projection` writes what the newest event of each stream says, `row` is what is kept and how it is
//! shown.

mod projection;
mod row;

use std::sync::Arc;

use axum::Router;

use crate::projection::Projection;
use crate::query::Reads;
use crate::query::my_page::{self, Owner};
use crate::rentcar::COLLECTIONS;
use crate::system::Screen;

/// The screen.
pub struct MyPage;

impl Screen for MyPage {
    fn projection(&self) -> Arc<dyn Projection> {
        Arc::new(projection::MyPageProjection)
    }

    fn routes(&self, reads: Reads) -> Router {
        let page = my_page::MyPage {
            path: "mypages",
            singular: "mypage",
            subject: "reservation",
            owner: Owner { parameter: "userId", column: "user_id" },
            collections: &COLLECTIONS,
            table: projection::NAME,
            columns: row::SHOWN,
            show: row::show,
        };
        my_page::router(page, reads)
    }
}
