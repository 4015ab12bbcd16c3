//! What Postgres says about rows that it does not take, and who may read that.

use crate::stories::*;
use crate::support::World;

/// EL 1.5: a column that somebody added by hand holds the rows up, and the status says why, without a word of
/// what was to be written. Once the column is gone they go on.
#[tokio::test]
async fn an_error_does_not_quote_the_rows() {
    let world = World::running().await;
    world.tamper("ALTER TABLE my_page ADD COLUMN note TEXT").await;
    let sale = wanted_by("student1", 1);
    let last = world.happened(happy(&sale)).await;

    let mut progress = world.side().progress("my_page").unwrap();
    let held_up = progress.wait_for(|progress| progress.trouble.is_some()).await.unwrap().trouble.clone();
    let trouble = held_up.unwrap();
    assert!(trouble.ends_with("malformed record literal (22P02)"), "{trouble}");

    world.tamper("ALTER TABLE my_page DROP COLUMN note").await;
    assert_eq!(world.considered("my_page", last).await, None);
    assert_eq!(world.my_page(sale.id, last).await["studentId"], "student1");
}
