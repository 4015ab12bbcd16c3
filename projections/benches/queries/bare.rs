//! The limit: the same rows by the driver of the database itself, nothing around it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{PgPool, Row, SqlitePool};

use crate::{CONNECTIONS, setting};

/// How many connections to the database ask, as in the read side.
const POOL: u32 = 16;

/// A question to the database.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bare {
    MyPages,
    MyPage,
    Applies,
}

impl Bare {
    fn statement(self) -> &'static str {
        match self {
            Self::MyPages => "SELECT * FROM my_page WHERE student_id = $1 ORDER BY id LIMIT 21",
            Self::MyPage => "SELECT * FROM my_page WHERE id = $1",
            Self::Applies => {
                "SELECT id, body FROM resources WHERE id > $1 AND collection = 'applies' ORDER BY id LIMIT 21"
            }
        }
    }

    fn parameter(self, n: u64, rows: u64) -> String {
        match self {
            Self::MyPages => format!("student{}", n % (rows / 4)),
            Self::MyPage | Self::Applies => format!("{n:08x}-0000-7000-8000-000000000000"),
        }
    }
}

#[derive(Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// Asks once; how many bytes of ids came back, so that nothing is left out.
    async fn ask(&self, bare: Bare, parameter: String) -> usize {
        match self {
            Self::Sqlite(pool) => {
                let rows = sqlx::query(bare.statement()).bind(parameter).fetch_all(pool).await;
                rows.expect("an answer").iter().map(|row| row.get::<&str, _>("id").len()).sum()
            }
            Self::Postgres(pool) => {
                let rows = sqlx::query(bare.statement()).bind(parameter).fetch_all(pool).await;
                rows.expect("an answer").iter().map(|row| row.get::<&str, _>("id").len()).sum()
            }
        }
    }
}

/// How many of these are answered in a second, to so many who ask at once.
pub(crate) async fn per_second(url: &str, bare: Bare, rows: u64) -> f64 {
    let pool = if url.starts_with("sqlite") {
        Pool::Sqlite(SqlitePoolOptions::new().max_connections(POOL).connect(url).await.expect("rows"))
    } else {
        Pool::Postgres(PgPoolOptions::new().max_connections(POOL).connect(url).await.expect("rows"))
    };
    let (answered, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
    let until = began + Duration::from_secs(setting("QUERY_SECONDS", 5));
    let askers = (0..CONNECTIONS as u64).map(|asker| {
        let (pool, answered) = (pool.clone(), Arc::clone(&answered));
        tokio::spawn(async move {
            // Far apart each time, all over the table.
            let mut n = asker * 7919 % rows;
            while Instant::now() < until {
                n = (n + 104_729) % rows;
                assert!(pool.ask(bare, bare.parameter(n, rows)).await > 0 || n + 1 == rows);
                answered.fetch_add(1, Ordering::Relaxed);
            }
        })
    });
    for asker in askers.collect::<Vec<_>>() {
        asker.await.expect("no asker panics");
    }
    answered.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}
