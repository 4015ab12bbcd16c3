//! Deleted streams, metadata and system streams, through the Rust client (PROTOCOL: soft delete,
//! metadata, conventions).

use std::time::Duration;

use eventstore::{
    AppendToStreamOptions, Client, DeleteStreamOptions, Error, ExpectedRevision, ReadStreamOptions,
    StreamMetadataBuilder, StreamPosition, TombstoneStreamOptions,
};

use crate::server::Server;
use crate::{client, event, number};

async fn numbers(client: &Client, stream: &str) -> Result<Vec<u64>, Error> {
    let options = ReadStreamOptions::default().resolve_link_tos();
    let mut read = client.read_stream(stream, &options).await?;
    let mut numbers = Vec::new();
    while let Some(event) = read.next().await? {
        numbers.push(number(&event));
    }
    Ok(numbers)
}

async fn append(
    client: &Client,
    stream: &str,
    at: ExpectedRevision,
    numbers: std::ops::Range<u64>,
) -> Result<u64, Error> {
    let events: Vec<_> = numbers.map(|number| event("Counted", number)).collect();
    let options = AppendToStreamOptions::default().expected_revision(at);
    Ok(client.append_to_stream(stream, &options, events).await?.next_expected_version)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_stream_is_not_found_and_comes_back_without_what_was_deleted() {
    let server = Server::start().await;
    let client = client(&server);
    append(&client, "a-1", ExpectedRevision::NoStream, 0..2).await.unwrap();
    for back in [ExpectedRevision::NoStream, ExpectedRevision::Any, ExpectedRevision::Exact(3)] {
        let options = DeleteStreamOptions::default().expected_revision(ExpectedRevision::Any);
        client.delete_stream("a-1", &options).await.unwrap();
        client.delete_stream("a-1", &options).await.unwrap();
        assert!(matches!(numbers(&client, "a-1").await, Err(Error::ResourceNotFound)));
        let exists = append(&client, "a-1", ExpectedRevision::StreamExists, 7..8).await;
        assert!(matches!(exists, Err(Error::WrongExpectedVersion { .. })), "{exists:?}");
        append(&client, "a-1", back, 7..8).await.unwrap();
        assert_eq!(numbers(&client, "a-1").await.unwrap(), [7]);
    }
    let never = client.delete_stream("never-1", &DeleteStreamOptions::default()).await;
    assert!(never.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tombstone_is_for_good_and_survives_a_restart() {
    let server = Server::start().await;
    let first = client(&server);
    append(&first, "a-1", ExpectedRevision::NoStream, 0..2).await.unwrap();
    let options = TombstoneStreamOptions::default().expected_revision(ExpectedRevision::Any);
    first.tombstone_stream("a-1", &options).await.unwrap();
    let server = server.restart().await;
    let client = client(&server);
    for at in [ExpectedRevision::Any, ExpectedRevision::NoStream, ExpectedRevision::Exact(1)] {
        let refused = append(&client, "a-1", at, 0..1).await;
        assert!(matches!(refused, Err(Error::ResourceDeleted)), "{refused:?}");
    }
    let read = client.read_stream("a-1", &ReadStreamOptions::default()).await;
    assert!(matches!(read, Err(Error::ResourceDeleted)), "said before the first message");
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_hides_what_is_too_old_or_too_much() {
    let server = Server::start().await;
    let client = client(&server);
    append(&client, "a-1", ExpectedRevision::NoStream, 0..5).await.unwrap();
    let describe = |metadata: StreamMetadataBuilder| {
        let client = &client;
        async move {
            let options = AppendToStreamOptions::default();
            client.set_stream_metadata("a-1", &options, &metadata.build()).await.unwrap();
        }
    };
    describe(StreamMetadataBuilder::new().max_count(2)).await;
    assert_eq!(numbers(&client, "a-1").await.unwrap(), [3, 4]);
    describe(StreamMetadataBuilder::new().truncate_before(4)).await;
    assert_eq!(numbers(&client, "a-1").await.unwrap(), [4]);
    describe(StreamMetadataBuilder::new().max_age(Duration::from_secs(3600))).await;
    assert_eq!(numbers(&client, "a-1").await.unwrap(), [0, 1, 2, 3, 4]);
    describe(StreamMetadataBuilder::new().max_age(Duration::ZERO)).await;
    assert_eq!(numbers(&client, "a-1").await.unwrap(), [0; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn system_streams_hold_links_by_category_type_correlation_and_stream() {
    let server = Server::start().await;
    let client = client(&server);
    for (number, stream) in [(0, "a-1"), (1, "b-1"), (2, "a-2"), (3, "ab-1"), (4, "a-1")] {
        let about = serde_json::json!({ "$correlationId": (["x", "y"][number as usize % 2]) });
        let event = event(["Even", "Odd"][number as usize % 2], number).metadata_as_json(&about).unwrap();
        client.append_to_stream(stream, &AppendToStreamOptions::default(), event).await.unwrap();
    }
    for (stream, expected) in [
        ("$ce-a", &[0, 2, 4][..]),
        ("$ce-ab", &[3]),
        ("$et-Odd", &[1, 3]),
        ("$bc-x", &[0, 2, 4]),
        ("$streams", &[0, 1, 2, 3]),
    ] {
        assert_eq!(numbers(&client, stream).await.unwrap(), expected, "{stream}");
    }
    assert!(matches!(numbers(&client, "$ce-c").await, Err(Error::ResourceNotFound)));

    let back =
        ReadStreamOptions::default().backwards().position(StreamPosition::Position(1)).resolve_link_tos();
    let mut read = client.read_stream("$ce-a", &back).await.unwrap();
    let newest = read.next().await.unwrap().unwrap();
    assert_eq!((newest.link.as_ref().unwrap().revision, number(&newest)), (1, 2));
    assert_eq!(newest.link.unwrap().stream_id, "$ce-a");
    assert_eq!(number(&read.next().await.unwrap().unwrap()), 0);
    assert!(read.next().await.unwrap().is_none());
    let mut links = client.read_stream("$ce-a", &ReadStreamOptions::default()).await.unwrap();
    let link = links.next().await.unwrap().unwrap().event.unwrap();
    assert_eq!((link.event_type.as_str(), &link.data[..]), ("$>", &b"0@a-1"[..]));

    let follow = eventstore::SubscribeToStreamOptions::default()
        .start_from(StreamPosition::Position(1))
        .resolve_link_tos();
    let mut live = client.subscribe_to_stream("$ce-a", &follow).await;
    assert_eq!(number(&live.next().await.unwrap()), 4);
    append(&client, "a-9", ExpectedRevision::NoStream, 9..10).await.unwrap();
    assert_eq!(number(&live.next().await.unwrap()), 9);
    assert!(append(&client, "$ce-a", ExpectedRevision::Any, 0..1).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_answered_one_by_one_and_a_repeat_as_the_first_time() {
    let server = Server::start().await;
    let client = client(&server);
    let same = vec![event("Counted", 1)];
    let options = eventstore::BatchAppendOptions::default();
    let batch = client.batch_append(&options).await.unwrap();
    for at in [ExpectedRevision::NoStream, ExpectedRevision::NoStream, ExpectedRevision::Any] {
        let written = batch.append_to_stream("a-1", at, same.clone()).await.unwrap();
        assert_eq!(written.current_revision(), Some(0));
    }
    let refused = batch.append_to_stream("a-1", ExpectedRevision::NoStream, vec![event("Counted", 2)]).await;
    assert!(refused.unwrap_err().to_string().contains("WrongExpectedVersion"));
}
