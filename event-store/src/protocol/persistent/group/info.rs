//! What a group tells about itself.

use super::super::super::wire::persistent_subscriptions as ps;
use super::Group;

impl Group {
    pub(super) async fn info(&mut self) -> ps::SubscriptionInfo {
        let number = |number: Option<u64>| match (self.key.is_all(), number) {
            (_, None) => String::new(),
            (true, Some(at)) => format!("C:{at}/P:{at}"),
            (false, Some(at)) => at.to_string(),
        };
        let parked = self.view.state(&self.key.stream("parked")).await.ok();
        let parked = parked.and_then(|parked| Some(parked.last? + 1 - parked.first().min(parked.last? + 1)));
        let in_flight = self.in_flight.values().map(Vec::len).sum::<usize>();
        let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
        let config = &self.config;
        let small = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        let connections = self.consumers.all.iter().map(|consumer| ps::subscription_info::ConnectionInfo {
            connection_name: consumer.id.to_string(),
            total_items: consumer.total,
            available_slots: count(consumer.capacity - consumer.in_flight.min(consumer.capacity)),
            in_flight_messages: count(consumer.in_flight),
            ..Default::default()
        });
        ps::SubscriptionInfo {
            event_source: self.key.source.clone(),
            group_name: self.key.group.clone(),
            status: "Live".to_owned(),
            connections: connections.collect(),
            total_items: self.total,
            last_checkpointed_event_position: number(self.checkpoint),
            last_known_event_position: number(self.read),
            resolve_link_tos: config.resolve_links,
            start_from: number(Some(config.start)),
            message_timeout_milliseconds: count(config.message_timeout_ms as usize),
            extra_statistics: config.extra_statistics,
            max_retry_count: small(config.max_retries),
            live_buffer_size: small(config.live_buffer),
            buffer_size: small(config.history_buffer),
            read_batch_size: small(config.read_batch),
            check_point_after_milliseconds: count(config.checkpoint_after_ms as usize),
            min_check_point_count: small(config.min_checkpoint),
            max_check_point_count: small(config.max_checkpoint),
            read_buffer_count: count(self.waiting.len()),
            retry_buffer_count: count(self.waiting.iter().filter(|message| message.retries > 0).count()),
            total_in_flight_messages: count(in_flight),
            outstanding_messages_count: count(in_flight),
            named_consumer_strategy: config.strategy.name().to_owned(),
            max_subscriber_count: small(config.max_subscribers),
            parked_message_count: i64::try_from(parked.unwrap_or(0)).unwrap_or(i64::MAX),
            ..Default::default()
        }
    }
}
