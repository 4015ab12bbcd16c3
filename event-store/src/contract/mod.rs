//! The suite that every store passes.
//!
//! A store's own test file says how to open an empty one and is done:
//!
//! ```ignore
//! event_store::contract!(async { (Arc::new(MemoryStore::default()), ()) });
//! ```
//!
//! The expression is awaited once per case and gives the empty store, as an `Arc`, and whatever must
//! outlive it (a temporary folder, a server). Each case is a test of its own.
#![allow(missing_docs, reason = "the name of a case is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test suite")]

pub mod append;
pub mod race;
pub mod read;
pub mod subscribe;
pub mod turns;

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use crate::{Decoded, EventStore, ExpectedRevision, NewEvent, StreamName};

/// The store under test.
pub type Store = Arc<dyn EventStore>;

/// Writes one `#[tokio::test]` per case; see the [module](mod@crate::contract).
#[macro_export]
macro_rules! contract {
    ($open:expr) => {
        $crate::contract!(@cases $open, append:
            every_field_of_an_event_is_read_back_as_it_was_written,
            a_new_stream_starts_at_revision_zero,
            a_second_beginning_is_a_conflict_that_names_the_actual_revision,
            the_exact_revision_lets_the_next_event_in_and_no_other,
            an_exact_revision_of_a_stream_nobody_wrote_to_is_a_conflict,
            the_highest_revision_there_is_is_a_conflict,
            any_appends_wherever_the_stream_is,
            the_same_event_again_is_answered_as_the_first_time,
            the_same_events_again_are_answered_even_after_the_stream_moved_on,
            other_events_at_a_taken_revision_are_a_conflict,
            partly_the_same_events_are_a_conflict_and_write_nothing,
            the_same_event_in_another_stream_is_another_event,
            the_events_of_one_append_are_neighbours,
            a_refused_append_writes_none_of_its_events,
            an_append_without_events_is_invalid,
            an_event_type_has_1_to_1024_bytes,
            an_append_of_the_greatest_size_is_taken_and_one_byte_more_is_invalid,
            too_many_events_in_one_append_are_invalid,
        );
        $crate::contract!(@cases $open, turns:
            appends_in_turn_are_in_the_log_in_this_order,
            appends_in_turn_to_one_stream_count_on,
            behind_a_conflict_nothing_is_tried,
            behind_an_invalid_append_nothing_is_tried,
            the_same_appends_in_turn_again_are_answered_as_the_first_time,
            appends_in_turn_that_were_interrupted_are_finished_by_a_repeat,
            of_many_in_turn_that_want_the_same_streams_one_gets_them,
        );
        $crate::contract!(@cases $open, read:
            a_stream_is_read_forwards_from_any_revision,
            a_stream_is_read_backwards_from_any_revision,
            a_stream_nobody_wrote_to_is_empty,
            the_log_is_read_forwards_from_any_position,
            the_log_is_read_backwards_from_any_position,
            positions_count_from_zero_without_gaps,
            the_head_is_the_last_position,
            an_empty_log_is_read_to_its_end,
            a_filter_by_category_leaves_other_streams_out,
            a_filter_by_event_type_leaves_other_types_out,
            a_filter_of_both_wants_both,
            unwanted_events_still_move_through,
            a_full_batch_says_whether_anything_lies_behind_it,
            a_position_beyond_the_head_is_refused,
        );
        $crate::contract!(@cases $open, subscribe:
            a_subscriber_gets_what_is_there_and_then_what_comes,
            a_subscriber_of_an_empty_log_hears_at_once_that_it_caught_up,
            a_subscriber_goes_on_behind_its_position,
            a_subscriber_gets_only_what_it_wants_and_passes_over_the_rest,
            a_subscriber_beyond_the_head_is_refused,
            a_subscriber_that_started_during_writing_misses_and_repeats_nothing,
            a_dropped_wait_loses_nothing,
            what_an_event_says_is_at_hand_for_itself_or_for_nobody,
        );
        $crate::contract!(@cases $open, race:
            of_many_writers_to_one_stream_exactly_one_wins_each_revision,
            writers_to_many_streams_all_get_in,
            many_writers_with_any_all_get_in,
            the_same_append_from_many_writers_is_written_once,
            subscribers_see_each_stream_in_order_while_many_write,
            an_acknowledged_event_is_seen_by_every_way_of_reading,
        );
    };
    (@cases $open:expr, $part:ident: $($case:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _outlives) = $open.await;
                $crate::contract::$part::$case(store).await;
            }
        )*
    };
}

/// A stream called so.
pub fn stream(name: &str) -> StreamName {
    StreamName::new(name).unwrap()
}

/// A new event of this type, told from others by its id and data.
pub fn event(event_type: impl Into<Cow<'static, str>>) -> NewEvent {
    let id = Uuid::new_v4();
    NewEvent {
        id,
        event_type: event_type.into(),
        data: Bytes::from(format!("{{\"of\":\"{id}\"}}")),
        metadata: Bytes::from_static(b"{\"$correlationId\":\"c\"}"),
        decoded: Decoded::default(),
    }
}

/// As many new events.
pub fn events(count: usize) -> Vec<NewEvent> {
    (0..count).map(|_| event("Happened")).collect()
}

/// Appends wherever the stream is, one append per event, and gives back what was written.
async fn fill(store: &Store, name: &str, count: usize) -> Vec<NewEvent> {
    let written = events(count);
    for event in &written {
        store.append(&stream(name), ExpectedRevision::Any, vec![event.clone()]).await.unwrap();
    }
    written
}
