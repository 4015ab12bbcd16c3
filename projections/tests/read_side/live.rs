//! MyPage as it changes: server-sent events.

use axum::body::BodyDataStream;
use domain::elearning::CancelReason;
use futures::StreamExt;
use projections::Order;
use serde_json::Value;

use crate::parked::{order, with_a_parked_key};
use crate::stories::*;
use crate::support::World;

/// A page that is open.
struct OpenPage {
    body: BodyDataStream,
    text: String,
}

impl OpenPage {
    async fn open(world: &World, path: &str, headers: &[(&str, &str)]) -> Self {
        let response = world.open(path, headers).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/event-stream");
        assert_eq!((&header("cache-control")[..], &header("x-accel-buffering")[..]), ("no-cache", "no"));
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The next row: its id and its JSON; `None` when the stream has ended.
    async fn row(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let event = event.to_owned();
                self.text = rest.to_owned();
                let field =
                    |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
                if field("event:") == Some("row") {
                    let row = serde_json::from_str(field("data:").unwrap()).unwrap();
                    return Some((field("id:").unwrap().to_owned(), row));
                }
            } else {
                self.text.push_str(std::str::from_utf8(&self.body.next().await?.unwrap()).unwrap());
            }
        }
    }
}

/// EL-N3.1: first the rows as they are, then each change as it comes.
#[tokio::test]
async fn an_open_page_shows_the_rows_and_then_every_change() {
    let world = World::running().await;
    let (first, second) = (wanted_by("student1", 1), wanted_by("student1", 2));
    world.happened([applied(&first)]).await;
    let position = world.happened([applied(&second)]).await;
    world.considered("my_page", position).await;

    let mut page = OpenPage::open(&world, "/myPages/events?studentId=student1", &[]).await;
    let (id, row) = page.row().await.unwrap();
    assert_eq!(
        (&id[..], &row["id"], &row["payStatus"]),
        ("0", &first.id.to_string().into(), &"pending".into())
    );
    assert_eq!(page.row().await.unwrap().0, "1");

    world.happened([paid(&first)]).await;
    let (id, row) = page.row().await.unwrap();
    assert_eq!(
        (&id[..], &row["id"], &row["payStatus"]),
        ("2", &first.id.to_string().into(), &"completed".into())
    );
}

/// DESIGN 8: a page that lost its connection goes on where it was, with no gap and no duplicate.
#[tokio::test]
async fn a_page_that_connects_again_goes_on_where_it_was() {
    let world = World::running().await;
    let sales: Vec<_> = (0..5).map(|n| wanted_by("student1", n)).collect();
    let position = world.happened(sales.iter().map(applied)).await;
    world.considered("my_page", position).await;
    let mut page = OpenPage::open(&world, "/myPages/events", &[]).await;
    for expected in ["0", "1", "2"] {
        assert_eq!(page.row().await.unwrap().0, expected);
    }
    drop(page);

    let position = world.happened([apply_cancelled(&sales[0], CancelReason::StudentCancelled)]).await;
    world.considered("my_page", position).await;
    let mut page = OpenPage::open(&world, "/myPages/events?after=0", &[("last-event-id", "2")]).await;
    for expected in ["3", "4", "5"] {
        assert_eq!(page.row().await.unwrap().0, expected, "the header knows better than the address");
    }
    let mut page = OpenPage::open(&world, "/myPages/events?after=4", &[]).await;
    let (id, row) = page.row().await.unwrap();
    assert_eq!((&id[..], &row["applyStatus"]), ("5", &"cancelled".into()));
}

/// EL-F5: a page shows its own student only.
#[tokio::test]
async fn two_students_see_their_own_rows_only() {
    let world = World::running().await;
    let mut pages = Vec::new();
    for student in ["student1", "student2"] {
        let path = format!("/myPages/events?studentId={student}");
        pages.push((student, OpenPage::open(&world, &path, &[]).await));
    }
    for n in 0..6 {
        world.happened([applied(&wanted_by(["student1", "student2"][n % 2], n as u64))]).await;
    }
    for (student, page) in &mut pages {
        for _ in 0..3 {
            assert_eq!(page.row().await.unwrap().1["studentId"], *student);
        }
    }
}

/// G11: a row that an operator heals in another process reaches the pages that are open, although they are
/// past it, and those that were away meanwhile.
#[tokio::test]
async fn a_row_that_is_healed_reaches_open_pages() {
    let (world, sale, _, _broken) = with_a_parked_key().await;
    let last = world.happened(happy(&wanted_by("student1", 2))[..1].to_vec()).await;
    world.considered("my_page", last).await;
    let mut page = OpenPage::open(&world, "/myPages/events?studentId=student1", &[]).await;
    assert_eq!(page.row().await.unwrap().1["degraded"]["since"], 1);
    let (away, _) = page.row().await.unwrap();

    order(&world, &sale, Order::Skip).await;
    let (id, row) = page.row().await.unwrap();
    assert_eq!((&id, &row["id"], row.get("degraded")), (&away, &sale.id.to_string().into(), None));
    assert_eq!(row["deliveryStatus"], "started");
    let mut progress = world.side().progress("my_page").unwrap();
    assert_eq!(progress.wait_for(|progress| progress.healed == 1).await.unwrap().parked, 0, "it wakes them");
    let next = wanted_by("student1", 3);
    world.happened([applied(&next)]).await;
    assert_eq!(page.row().await.unwrap().1["id"], next.id.to_string(), "it comes once");

    let mut page = OpenPage::open(&world, "/myPages/events", &[("last-event-id", &away)]).await;
    assert_eq!(page.row().await.unwrap().1["id"], sale.id.to_string());
    assert_eq!(page.row().await.unwrap().1["id"], next.id.to_string());
    let mut page = OpenPage::open(&world, "/myPages/events?studentId=student2&after=3", &[]).await;
    let theirs = wanted_by("student2", 4);
    world.happened([applied(&theirs)]).await;
    assert_eq!(page.row().await.unwrap().1["id"], theirs.id.to_string(), "it is nobody else's");
}

/// G13: at the end of the process an open page is closed, so that it connects elsewhere.
#[tokio::test]
async fn an_open_page_ends_with_the_process() {
    let world = World::running().await;
    let mut page = OpenPage::open(&world, "/myPages/events", &[]).await;
    world.shutdown();
    assert_eq!(page.row().await, None);
}
