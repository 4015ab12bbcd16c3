//! What a group is told to do, as it is kept in the log and as it is said on the wire.

use prost::Message;
use serde::{Deserialize, Serialize};
use tonic::Status;

use super::super::wanted::Rules;
use super::super::wire::event_store::client::persistent_subscriptions as ps;
use super::super::{convert, failure};
use crate::StreamName;

/// The name of the whole log where a stream could stand.
pub(crate) const ALL: &str = "$all";

/// Which group: of which stream (or of everything), and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) source: String,
    pub(crate) group: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Strategy {
    RoundRobin,
    DispatchToSingle,
    Pinned,
    PinnedByCorrelation,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Config {
    /// The first revision, or for the whole log the first position of the wire, that is wanted.
    pub(crate) start: u64,
    pub(crate) rules: Option<Rules>,
    pub(crate) resolve_links: bool,
    pub(crate) extra_statistics: bool,
    pub(crate) message_timeout_ms: u64,
    pub(crate) checkpoint_after_ms: u64,
    pub(crate) max_retries: u32,
    pub(crate) min_checkpoint: u32,
    pub(crate) max_checkpoint: u32,
    /// Zero is any number.
    pub(crate) max_subscribers: u32,
    pub(crate) live_buffer: u32,
    pub(crate) read_batch: u32,
    pub(crate) history_buffer: u32,
    pub(crate) strategy: Strategy,
}

impl Key {
    pub(crate) fn new(source: String, group: String) -> Result<Self, Status> {
        if group.is_empty() {
            return Err(failure::invalid("the group has no name"));
        }
        // Its streams need names that hold both.
        StreamName::new(format!("$persistentsubscription-{source}::{group}-checkpoint"))
            .map_err(|error| failure::invalid(&error.to_string()))?;
        Ok(Self { source, group })
    }

    pub(crate) fn is_all(&self) -> bool {
        self.source == ALL
    }

    /// A stream of the group's own; the name was found fit when the key was made.
    pub(crate) fn stream(&self, what: &str) -> StreamName {
        StreamName::stored(&format!("$persistentsubscription-{}::{}-{what}", self.source, self.group))
    }
}

impl Strategy {
    fn of(name: &str) -> Option<Self> {
        match name {
            "RoundRobin" => Some(Self::RoundRobin),
            "DispatchToSingle" => Some(Self::DispatchToSingle),
            "Pinned" => Some(Self::Pinned),
            "PinnedByCorrelation" => Some(Self::PinnedByCorrelation),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::RoundRobin => "RoundRobin",
            Self::DispatchToSingle => "DispatchToSingle",
            Self::Pinned => "Pinned",
            Self::PinnedByCorrelation => "PinnedByCorrelation",
        }
    }

    /// Old clients send a number.
    fn numbered(number: i32) -> Self {
        match number {
            0 => Self::DispatchToSingle,
            2 => Self::Pinned,
            _ => Self::RoundRobin,
        }
    }
}

/// Where a client wants a group to begin.
pub(crate) enum Start {
    At(u64),
    Beginning,
    End,
}

#[allow(deprecated, reason = "clients still send these fields")]
pub(crate) fn created(request: ps::CreateReq) -> Result<(Key, Start, Config), Status> {
    use ps::create_req::all_options::{AllOption, FilterOption, filter_options::Filter};
    use ps::create_req::options::StreamOption;
    use ps::create_req::settings::{CheckpointAfter, MessageTimeout};
    use ps::create_req::stream_options::RevisionOption;
    let options = request.options.ok_or_else(|| failure::invalid("the options are missing"))?;
    let settings = options.settings.ok_or_else(|| failure::invalid("the settings are missing"))?;
    let mut rules = None;
    let (source, start) = match options.stream_option {
        Some(StreamOption::Stream(stream)) => {
            let name = convert::stream_name(stream.stream_identifier)?;
            let start = match stream.revision_option {
                Some(RevisionOption::Revision(revision)) => Start::At(revision),
                Some(RevisionOption::Start(())) => Start::Beginning,
                Some(RevisionOption::End(())) | None => Start::End,
            };
            (name.to_string(), start)
        }
        Some(StreamOption::All(all)) => {
            if let Some(FilterOption::Filter(filter)) = all.filter_option {
                let (on_stream, expression) = match filter.filter {
                    Some(Filter::StreamIdentifier(expression)) => (true, expression),
                    Some(Filter::EventType(expression)) => (false, expression),
                    None => return Err(failure::invalid("the filter is empty")),
                };
                let (regex, prefixes) = (expression.regex, expression.prefix);
                rules = Some(Rules { on_stream, regex, prefixes });
            }
            let start = match all.all_option {
                Some(AllOption::Position(position)) => Start::At(position.commit_position),
                Some(AllOption::Start(())) => Start::Beginning,
                Some(AllOption::End(())) | None => Start::End,
            };
            (ALL.to_owned(), start)
        }
        // Node says it in the words of before.
        None => (convert::stream_name(options.stream_identifier)?.to_string(), old_start(settings.revision)),
    };
    let strategy = match &*settings.consumer_strategy {
        "" => Strategy::numbered(settings.named_consumer_strategy),
        name => Strategy::of(name).ok_or_else(|| failure::invalid("there is no such consumer strategy"))?,
    };
    let config = Config {
        start: 0,
        rules,
        resolve_links: settings.resolve_links,
        extra_statistics: settings.extra_statistics,
        message_timeout_ms: match settings.message_timeout {
            Some(MessageTimeout::MessageTimeoutMs(ms)) => natural(ms.into()),
            Some(MessageTimeout::MessageTimeoutTicks(ticks)) => natural(ticks) / 10_000,
            None => 30_000,
        },
        checkpoint_after_ms: match settings.checkpoint_after {
            Some(CheckpointAfter::CheckpointAfterMs(ms)) => natural(ms.into()),
            Some(CheckpointAfter::CheckpointAfterTicks(ticks)) => natural(ticks) / 10_000,
            None => 2_000,
        },
        max_retries: small(settings.max_retry_count),
        min_checkpoint: small(settings.min_checkpoint_count),
        max_checkpoint: small(settings.max_checkpoint_count),
        max_subscribers: small(settings.max_subscriber_count),
        live_buffer: small(settings.live_buffer_size),
        read_batch: small(settings.read_batch_size),
        history_buffer: small(settings.history_buffer_size),
        strategy,
    };
    Ok((Key::new(source, options.group_name)?, start, config))
}

/// An update says everything anew but the filter. Its messages are those of a creation without the
/// filter and the name of the strategy, field by field with the same numbers.
pub(crate) fn updated(request: &ps::UpdateReq) -> Result<(Key, Start, Config), Status> {
    let request = ps::CreateReq::decode(&*request.encode_to_vec());
    created(request.map_err(|error| failure::invalid(&error.to_string()))?)
}

fn old_start(revision: u64) -> Start {
    match revision {
        0 => Start::Beginning,
        u64::MAX => Start::End,
        revision => Start::At(revision),
    }
}

fn natural(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn small(number: i32) -> u32 {
    u32::try_from(number).unwrap_or(0)
}
