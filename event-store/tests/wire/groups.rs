//! Persistent subscriptions through the Rust client (PROTOCOL: persistent subscriptions).

use std::collections::HashMap;
use std::time::Duration;

use eventstore::{
    AppendToStreamOptions, Client, NakAction, PersistentSubscription, PersistentSubscriptionEvent,
    PersistentSubscriptionOptions, PersistentSubscriptionToAllOptions, ReplayParkedMessagesOptions,
    StreamPosition, SubscribeToPersistentSubscriptionOptions, SubscriptionFilter, SystemConsumerStrategy,
};

use crate::server::Server;
use crate::{client, event, number};

fn options() -> PersistentSubscriptionOptions {
    PersistentSubscriptionOptions::default()
        .start_from(StreamPosition::Start)
        .checkpoint_lower_bound(1)
        .checkpoint_after(Duration::from_millis(1))
}

async fn fill(client: &Client, stream: &str, numbers: std::ops::Range<u64>) {
    let events: Vec<_> = numbers.map(|number| event("Counted", number)).collect();
    client.append_to_stream(stream, &AppendToStreamOptions::default(), events).await.unwrap();
}

async fn join(client: &Client, stream: &str, buffer: usize) -> PersistentSubscription {
    let options = SubscribeToPersistentSubscriptionOptions::default().buffer_size(buffer);
    client.subscribe_to_persistent_subscription(stream, "g", &options).await.unwrap()
}

/// The next event and how often it was tried.
async fn next(subscription: &mut PersistentSubscription) -> (eventstore::ResolvedEvent, usize) {
    loop {
        let message = subscription.next_subscription_event().await.unwrap();
        if let PersistentSubscriptionEvent::EventAppeared { event, retry_count } = message {
            return (event, retry_count);
        }
    }
}

async fn parked(client: &Client, stream: &str) -> usize {
    let info = client.get_persistent_subscription_info(stream, "g", &Default::default()).await.unwrap();
    info.stats.parked_message_count
}

async fn until_parked(client: &Client, stream: &str, count: usize) {
    let waiting = async {
        while parked(client, stream).await != count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_does_not_come_back_and_what_is_not_does() {
    let server = Server::start().await;
    let first = client(&server);
    fill(&first, "a-1", 0..5).await;
    first.create_persistent_subscription("a-1", "g", &options()).await.unwrap();
    let exists = first.create_persistent_subscription("a-1", "g", &options()).await;
    assert!(matches!(exists, Err(eventstore::Error::ResourceAlreadyExists)));
    let mut work = join(&first, "a-1", 10).await;
    for expected in 0..5 {
        let (event, retries) = next(&mut work).await;
        assert_eq!((number(&event), retries), (expected, 0));
        if expected < 3 {
            work.ack(event).await.unwrap();
        }
    }
    let checkpoint = async {
        loop {
            let info = first.get_persistent_subscription_info("a-1", "g", &Default::default()).await.unwrap();
            if info.stats.last_checkpointed_event_revision == Some(2) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), checkpoint).await.unwrap();
    drop(work);
    let server = server.restart().await;
    let client = client(&server);
    let mut work = join(&client, "a-1", 10).await;
    for expected in 3..5 {
        let (event, _) = next(&mut work).await;
        assert_eq!(number(&event), expected);
        work.ack(event).await.unwrap();
    }
    fill(&client, "a-1", 5..6).await;
    assert_eq!(number(&next(&mut work).await.0), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_tried_again_then_parked_kept_over_a_restart_and_replayed() {
    let server = Server::start().await;
    let first = client(&server);
    fill(&first, "a-1", 0..3).await;
    first.create_persistent_subscription("a-1", "g", &options().max_retry_count(2)).await.unwrap();
    let mut work = join(&first, "a-1", 1).await;
    for expected in 0..3 {
        let (event, retries) = next(&mut work).await;
        assert_eq!((number(&event), retries), (0, expected));
        work.nack(event, NakAction::Retry, "again").await.unwrap();
    }
    let (event, _) = next(&mut work).await;
    assert_eq!(number(&event), 1);
    work.nack(event, NakAction::Park, "by hand").await.unwrap();
    let (event, _) = next(&mut work).await;
    work.nack(event, NakAction::Skip, "never mind").await.unwrap();
    until_parked(&first, "a-1", 2).await;
    drop(work);

    let server = server.restart().await;
    let client = client(&server);
    assert_eq!(parked(&client, "a-1").await, 2);
    client.replay_parked_messages("a-1", "g", &ReplayParkedMessagesOptions::default()).await.unwrap();
    let mut work = join(&client, "a-1", 10).await;
    for expected in 0..2 {
        let (event, _) = next(&mut work).await;
        assert_eq!(number(&event), expected);
        work.ack(event).await.unwrap();
    }
    until_parked(&client, "a-1", 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_nobody_answers_for_goes_to_another_client() {
    let server = Server::start().await;
    let client = client(&server);
    fill(&client, "a-1", 0..1).await;
    let settings = options().message_timeout(Duration::from_millis(20)).max_retry_count(1000);
    client.create_persistent_subscription("a-1", "g", &settings).await.unwrap();
    let mut silent = join(&client, "a-1", 1).await;
    assert_eq!(number(&next(&mut silent).await.0), 0);
    let mut other = join(&client, "a-1", 1).await;
    let (event, retries) = next(&mut other).await;
    assert!(retries > 0);
    other.ack(event).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pinned_streams_stay_with_their_client_and_nothing_is_handled_twice() {
    for strategy in [
        SystemConsumerStrategy::Pinned,
        SystemConsumerStrategy::RoundRobin,
        SystemConsumerStrategy::DispatchToSingle,
    ] {
        let pinned = matches!(strategy, SystemConsumerStrategy::Pinned);
        let server = Server::start().await;
        let client = client(&server);
        let settings = options().consumer_strategy_name(strategy).resolve_link_tos(true);
        client.create_persistent_subscription("$ce-a", "g", &settings).await.unwrap();
        let (sender, mut handled) = tokio::sync::mpsc::channel(1000);
        for worker in 0..3 {
            let mut work = join(&client, "$ce-a", 10).await;
            let sender = sender.clone();
            tokio::spawn(async move {
                loop {
                    let (event, _) = next(&mut work).await;
                    let (stream, number) = (event.event.as_ref().unwrap().stream_id.clone(), number(&event));
                    work.ack(event).await.unwrap();
                    sender.send((worker, stream, number)).await.unwrap();
                }
            });
        }
        for at in 0..10 {
            fill(&client, &format!("a-{}", at % 5), at * 4..at * 4 + 4).await;
        }
        let (mut owners, mut numbers) = (HashMap::new(), Vec::new());
        while numbers.len() < 40 {
            let (worker, stream, number) = handled.recv().await.unwrap();
            assert!(!pinned || *owners.entry(stream).or_insert(worker) == worker);
            numbers.push(number);
        }
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..40));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_the_whole_log_is_filtered_and_is_gone_when_deleted() {
    let server = Server::start().await;
    let client = client(&server);
    fill(&client, "a-1", 0..2).await;
    fill(&client, "b-1", 2..4).await;
    let settings = PersistentSubscriptionToAllOptions::default()
        .start_from(StreamPosition::Start)
        .filter(SubscriptionFilter::on_stream_name().add_prefix("b-"));
    client.create_persistent_subscription_to_all("g", &settings).await.unwrap();
    let options = SubscribeToPersistentSubscriptionOptions::default();
    let mut work = client.subscribe_to_persistent_subscription_to_all("g", &options).await.unwrap();
    for expected in 2..4 {
        let (event, _) = next(&mut work).await;
        assert_eq!(number(&event), expected);
        work.ack(event).await.unwrap();
    }
    let all = client.list_all_persistent_subscriptions(&Default::default()).await.unwrap();
    assert_eq!(all.iter().map(|group| group.group_name.as_str()).collect::<Vec<_>>(), ["g"]);
    client.delete_persistent_subscription_to_all("g", &Default::default()).await.unwrap();
    assert!(work.next_subscription_event().await.is_err(), "its clients are told");
    let gone = client.subscribe_to_persistent_subscription_to_all("g", &options).await;
    assert!(matches!(gone, Err(eventstore::Error::ResourceNotFound)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_sends_clients_away_and_holds_over_a_restart() {
    let server = Server::start().await;
    let first = client(&server);
    fill(&first, "a-1", 0..2).await;
    let missing = first.update_persistent_subscription("a-1", "g", &options()).await;
    assert!(matches!(missing, Err(eventstore::Error::ResourceNotFound)), "{missing:?}");
    first.create_persistent_subscription("a-1", "g", &options().max_retry_count(3)).await.unwrap();
    let mut work = join(&first, "a-1", 1).await;
    next(&mut work).await;
    let settings = options().max_retry_count(7).consumer_strategy_name(SystemConsumerStrategy::Pinned);
    first.update_persistent_subscription("a-1", "g", &settings).await.unwrap();
    assert!(work.next_subscription_event().await.is_err(), "its clients are told");
    let server = server.restart().await;
    let client = client(&server);
    let info = client.get_persistent_subscription_info("a-1", "g", &Default::default()).await.unwrap();
    let settings = info.settings.unwrap();
    assert_eq!(settings.max_retry_count, 7);
    assert_eq!(settings.consumer_strategy_name, SystemConsumerStrategy::Pinned);
    assert_eq!(number(&next(&mut join(&client, "a-1", 1).await).await.0), 0, "nothing was done before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_stop_is_sent_away_and_its_events_go_to_the_next_one() {
    let server = Server::start().await;
    let client = client(&server);
    fill(&client, "a-1", 0..2).await;
    client.create_persistent_subscription("a-1", "g", &options().max_retry_count(5)).await.unwrap();
    let mut leaving = join(&client, "a-1", 2).await;
    let (event, _) = next(&mut leaving).await;
    leaving.nack(event, NakAction::Stop, "enough").await.unwrap();
    assert_eq!(number(&next(&mut leaving).await.0), 1, "was under way already");
    assert!(leaving.next_subscription_event().await.is_err(), "it is told");
    let mut other = join(&client, "a-1", 2).await;
    let (first, second) = (next(&mut other).await, next(&mut other).await);
    let mut numbers = [number(&first.0), number(&second.0)];
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_with_a_limit_leaves_the_rest_parked() {
    let server = Server::start().await;
    let client = client(&server);
    fill(&client, "a-1", 0..3).await;
    client.create_persistent_subscription("a-1", "g", &options()).await.unwrap();
    let mut work = join(&client, "a-1", 10).await;
    for _ in 0..3 {
        let (event, _) = next(&mut work).await;
        work.nack(event, NakAction::Park, "later").await.unwrap();
    }
    until_parked(&client, "a-1", 3).await;
    for (limit, expected, left) in [(2, 0..2, 1), (2, 2..3, 0)] {
        let limit = ReplayParkedMessagesOptions::default().stop_at(limit);
        client.replay_parked_messages("a-1", "g", &limit).await.unwrap();
        for expected in expected {
            let (event, _) = next(&mut work).await;
            assert_eq!(number(&event), expected);
            work.ack(event).await.unwrap();
        }
        until_parked(&client, "a-1", left).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_clients_join_than_a_group_may_have() {
    let server = Server::start().await;
    let client = client(&server);
    fill(&client, "a-1", 0..1).await;
    client.create_persistent_subscription("a-1", "g", &options().max_subscriber_count(1)).await.unwrap();
    let mut only = join(&client, "a-1", 1).await;
    assert_eq!(number(&next(&mut only).await.0), 0);
    let settings = SubscribeToPersistentSubscriptionOptions::default();
    assert!(client.subscribe_to_persistent_subscription("a-1", "g", &settings).await.is_err());
    drop(only);
    let free = async {
        while client.subscribe_to_persistent_subscription("a-1", "g", &settings).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), free).await.unwrap();
}
