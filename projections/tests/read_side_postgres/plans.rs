//! How the server finds rows.

use std::time::{Duration, Instant};

use sqlx::{AnyConnection, Connection, Executor, Row};

use crate::stories::*;
use crate::support::World;

/// EL 1.5: rows are found by their keys, however empty the table was when the server made the plan that it keeps;
/// otherwise a worker that catches up would read more and more with every step.
#[tokio::test]
async fn rows_are_found_by_their_keys() {
    let world = World::running().await;
    for n in 0..20 {
        let [applied, rest @ ..] = happy(&wanted_by("student1", n));
        let last = world.happened([applied]).await;
        assert_eq!(world.considered("my_page", last).await, None);
        let last = world.happened(rest).await;
        assert_eq!(world.considered("my_page", last).await, None);
    }

    let mut other = AnyConnection::connect(&world.url()).await.unwrap();
    // What a connection has done is counted when it ends.
    let end = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    other.execute(end).await.unwrap();
    let counted =
        "SELECT n_tup_ins, n_tup_upd, seq_tup_read FROM pg_stat_user_tables WHERE relname = 'my_page'";
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let counts = sqlx::query(counted).fetch_one(&mut other).await.unwrap();
        let [inserted, updated, read]: [i64; 3] = [0, 1, 2].map(|at| counts.get(at));
        if inserted >= 20 && updated >= 20 {
            assert_eq!(read, 0, "of {inserted} rows, written anew {updated} times");
            break;
        }
        assert!(Instant::now() < deadline, "{inserted} {updated}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
