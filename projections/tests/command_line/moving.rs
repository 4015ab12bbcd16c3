//! A log that moves to another store takes its rows along.

use event_store::{EmbeddedStore, EventStore, copy};

use crate::desk::Desk;

/// DESIGN 6: after a copy the rows are refused, then mapped once, and are what the new log says.
#[tokio::test]
async fn an_operator_takes_the_rows_along_to_the_copy_of_the_log() {
    let mut desk = Desk::with_students(3).await;
    assert_eq!(desk.says("replay my_page").code, 0);
    let new = tempfile::tempdir().unwrap();
    let ids = {
        let [from, to] =
            [desk.events(), new.path().to_owned()].map(|folder| EmbeddedStore::open(folder).unwrap());
        copy(&from, &to, |_| ()).await.unwrap();
        [from.id().to_string(), to.id().to_string()]
    };
    let old = desk.moves(new.path());
    assert_eq!(desk.says("verify my_page").code, 1);
    let status = desk.says("status");
    assert!(status.code == 1 && status.out.contains("migrate --moved-from"), "{}", status.out);

    let nobody = desk.says(&format!("migrate --moved-from {}", new.path().display()));
    assert!(
        nobody.code == 1 && nobody.err.contains("name the store that they were made from"),
        "{}",
        nobody.err
    );
    let migrate = format!("migrate --moved-from embedded:{}", old.display());
    let told = desk.says(&format!("{migrate} --format json")).json();
    assert_eq!((&told["movedFrom"], &told["store"]), (&ids[0].clone().into(), &ids[1].clone().into()));
    assert_eq!(told["rows"], serde_json::json!([{ "name": "my_page", "position": 11 }]));
    let again = desk.says(&migrate);
    assert!(again.code == 0 && again.out.contains("nothing to do"), "{}{}", again.out, again.err);
    assert_eq!((desk.says("verify my_page").code, desk.says("status").code), (0, 0));

    desk.serves(3).await;
    desk.runs_until_kept_up();
    assert_eq!(desk.says("verify my_page --format json").json()["comparison"]["live"], 4);
}
