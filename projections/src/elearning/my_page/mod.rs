//! MyPage: one row for each application, which tells its student where application, payment and
//! delivery stand (EL 1.5).
//!
//! `row` folds an event into what is kept, `table` moves that in and out of the database, `view` is how
//! it is shown.

mod projection;
mod row;
mod table;
#[cfg(test)]
mod tests;
mod view;

use std::sync::Arc;

use axum::Router;

use crate::elearning::COLLECTIONS;
use crate::projection::Projection;
use crate::query::Reads;
use crate::query::my_page::{self, Owner};
use crate::system::Screen;

/// The screen.
pub struct MyPage;

impl Screen for MyPage {
    fn projection(&self) -> Arc<dyn Projection> {
        Arc::new(projection::MyPageProjection)
    }

    fn routes(&self, reads: Reads) -> Router {
        let page = my_page::MyPage {
            path: "myPages",
            singular: "myPage",
            subject: "application",
            owner: Owner { parameter: "studentId", column: "student_id" },
            collections: &COLLECTIONS,
            table: projection::NAME,
            columns: table::COLUMNS,
            show: view::show,
        };
        my_page::router(page, reads)
    }
}
