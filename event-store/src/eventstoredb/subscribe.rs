//! Following the log, over lost connections too: from the last position that was seen.

use std::future::ready;
use std::time::Duration;

use eventstore::{StreamPosition, SubscribeToAllOptions, SubscriptionEvent, SubscriptionFilter};
use futures::stream::{self, BoxStream, StreamExt};

use super::connection::{Trouble, carry_out};
use super::{EventStoreDb, convert};
use crate::{Batch, EventStore, Filter, Health, Position, ReadError, Subscription};

/// How many messages make one batch at most.
const BATCH: usize = 1000;
/// How long a lost connection is left alone before the next try; the tries themselves last longer
/// and longer.
const PAUSE: Duration = Duration::from_millis(100);

/// What a subscription is told, until its connection is lost.
type Messages = BoxStream<'static, Vec<Result<SubscriptionEvent, Trouble>>>;

pub(super) fn follow(store: EventStoreDb, after: Option<Position>, filter: Filter) -> Subscription {
    Subscription::new(async_stream::try_stream! {
        let mut through = after;
        'connections: loop {
            let mut messages = open(&store, through, &filter).await;
            let mut live = false;
            while let Some(chunk) = messages.next().await {
                let more = chunk.len() == BATCH;
                let mut batch = Batch { events: Vec::new(), through, at_end: false };
                let (mut told, mut lost) = (false, None);
                for message in chunk {
                    match message {
                        Ok(SubscriptionEvent::EventAppeared(event)) => match convert::recorded(event) {
                            // Behind what was seen already there can be nothing new.
                            Ok(event) if Some(event.position) > through => {
                                (through, told) = (Some(event.position), true);
                                if filter.matches(&event.stream, &event.event_type) {
                                    batch.events.push(event);
                                }
                            }
                            Ok(_) => {}
                            Err(trouble) => lost = Some(trouble),
                        },
                        Ok(SubscriptionEvent::Checkpoint(position)) => {
                            through = through.max(Some(convert::from_wire(position)));
                            told = true;
                        }
                        Ok(SubscriptionEvent::CaughtUp) => (live, told) = (true, true),
                        Ok(_) => {}
                        Err(trouble) => lost = Some(trouble),
                    }
                }
                (batch.through, batch.at_end) = (through, live && !more && lost.is_none());
                if told {
                    yield batch;
                }
                match lost {
                    None => {}
                    Some(Trouble::Beyond) => break,
                    Some(trouble) => {
                        tracing::info!(%trouble, ?through, "the subscription goes on over a new connection");
                        break;
                    }
                }
            }
            // Until it answers again; and it must still be the log that was followed.
            loop {
                tokio::time::sleep(PAUSE).await;
                let reached = match through {
                    Some(through) => store.reaches(through).await,
                    None => store.head().await.map(|_| ()),
                };
                match reached {
                    Ok(()) => continue 'connections,
                    Err(ReadError::Unavailable(reason)) => {
                        if store.health() == Health::Ready {
                            tracing::warn!(reason, "the event store does not answer");
                        }
                    }
                    Err(error) => Err(error)?,
                }
            }
        }
    })
}

async fn open(store: &EventStoreDb, after: Option<Position>, filter: &Filter) -> Messages {
    let position = match after.and_then(convert::to_wire) {
        Some(position) => StreamPosition::Position(position),
        None => StreamPosition::Start,
    };
    let mut options = SubscribeToAllOptions::default().position(position);
    if let Some(filter) = on_the_server(filter) {
        options = options.filter(filter);
    }
    let connection = store.connection.clone();
    let (confirmed, subscription) = carry_out(async move {
        let mut subscription = connection.client().subscribe_to_all(&options).await;
        // The server confirms it at once; behind that, silence is nothing unusual.
        let confirmed = connection.in_time(subscription.next_subscription_event()).await;
        (confirmed, subscription)
    })
    .await;
    // The client's future must not be dropped halfway, so it lives in a stream of its own.
    let subscription = confirmed.is_ok().then_some(subscription);
    let messages = stream::unfold(subscription, |subscription| async {
        let mut subscription = subscription?;
        let message = subscription.next_subscription_event().await.map_err(Trouble::from);
        let next = message.is_ok().then_some(subscription);
        Some((message, next))
    });
    stream::once(ready(confirmed)).chain(messages).ready_chunks(BATCH).boxed()
}

/// The server takes prefixes of one kind; what it lets through is looked at again.
fn on_the_server(filter: &Filter) -> Option<SubscriptionFilter> {
    let (begin, prefixes) = if filter.stream_prefixes.is_empty() {
        (SubscriptionFilter::on_event_type(), &filter.event_types)
    } else {
        (SubscriptionFilter::on_stream_name(), &filter.stream_prefixes)
    };
    // Checkpoints follow the log event by event: a reader may wait for any position.
    let wanted = prefixes.iter().fold(begin.max(1), |wanted, prefix| wanted.add_prefix(prefix));
    (!prefixes.is_empty()).then_some(wanted)
}
