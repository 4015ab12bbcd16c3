//! A million rows, written by the database itself: what is measured is how they are read.

use sqlx::any::install_default_drivers;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Executor};

/// So many applications, four of each student: their rows of MyPage and of `/applies`.
pub(crate) async fn fill(url: &str, rows: u64) {
    install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.expect("the database answers");
    let last = rows - 1;
    let (numbers, id) = if url.starts_with("sqlite") {
        let numbers = format!(
            "(WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < {last}) SELECT n FROM n)"
        );
        (numbers, "printf('%08x', n)")
    } else {
        (format!("generate_series(0, {last})"), "lpad(to_hex(n), 8, '0')")
    };
    let id = format!("{id} || '-0000-7000-8000-000000000000'");
    let student = format!("'student' || (n % {})", rows / 4);
    let my_page = format!(
        "INSERT INTO my_page (id, student_id, student_name, book_id, book_name, book_qty, amount, apply_status,
            delivery_address, pay_status, delivery_status, cancel_reason, fail_reason, updated_at,
            apply_revision, payment_revision, delivery_revision, position)
         SELECT {id}, {student}, '홍길동', '001', 'book001', 10, '1000', 'completed', 'seoul', 'completed',
            'started', NULL, NULL, 1790000000000, 0, 1, 0, 4 * CAST(n AS BIGINT) FROM {numbers} AS n"
    );
    let body = r#"{"studentId":"student1","studentName":"홍길동","bookId":"001","bookName":"book001","qty":10,"amount":1000.0,"applyStatus":"completed","address":"seoul"}"#;
    let resources = format!(
        "INSERT INTO resources (collection, id, owner, revision, position, updated, body)
         SELECT 'applies', {id}, {student}, 0, 4 * CAST(n AS BIGINT), 1790000000000, '{body}' FROM {numbers} AS n"
    );
    // As it would by itself, later. SQLite never does, and if it had, would plan every question anew.
    let analyze = if url.starts_with("sqlite") { "SELECT 1" } else { "ANALYZE" };
    for statement in [my_page, resources, analyze.to_owned()] {
        connection.execute(AssertSqlSafe(statement)).await.expect("rows are made");
    }
    connection.close().await.expect("a clean end");
}
