//! System streams: events by category, type and correlation, and the list of streams. They are
//! computed from the log when they are read, so nothing is written for them and they are never
//! behind. Every 512th place is remembered for each stream that was read, so that going on in the
//! middle does not begin at the front.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use uuid::Uuid;

use super::convert::Resolved;
use crate::{Decoded, Direction, EventStore, Filter, Position, ReadError, RecordedEvent, StreamName};

/// The type of an event that points to another one.
pub(crate) const LINK: &str = "$>";
const STEP: u64 = 512;
/// How many streams are remembered; when there are more, all are forgotten.
const REMEMBERED: usize = 1024;
const PAGE: usize = 1000;

/// Which events a system stream holds.
pub(crate) enum Linked {
    Category(String),
    Type(String),
    Correlation(String),
    Streams,
}

impl Linked {
    /// What the name of a stream means.
    pub(crate) fn of(name: &str) -> Option<Self> {
        let rest = |prefix| name.strip_prefix(prefix).filter(|rest: &&str| !rest.is_empty());
        if name == "$streams" {
            Some(Self::Streams)
        } else if let Some(category) = rest("$ce-") {
            Some(Self::Category(category.to_owned()))
        } else if let Some(event_type) = rest("$et-") {
            Some(Self::Type(event_type.to_owned()))
        } else {
            rest("$bc-").map(|correlation| Self::Correlation(correlation.to_owned()))
        }
    }

    pub(crate) fn coarse(&self) -> Filter {
        match self {
            Self::Category(category) => Filter::categories([category]),
            Self::Type(event_type) => {
                Filter { event_types: vec![event_type.as_str().into()], ..Filter::default() }
            }
            Self::Correlation(_) | Self::Streams => Filter::all(),
        }
    }

    pub(crate) fn holds(&self, event: &RecordedEvent) -> bool {
        match self {
            Self::Category(category) => event.stream.category() == category,
            Self::Type(event_type) => *event.event_type == **event_type,
            Self::Streams => event.revision == 0 && !event.stream.as_str().starts_with('$'),
            Self::Correlation(correlation) => {
                let known: serde_json::Value = serde_json::from_slice(&event.metadata).unwrap_or_default();
                known.get("$correlationId").and_then(|id| id.as_str()) == Some(correlation)
            }
        }
    }
}

/// The event that points to another one, as it would lie in a system stream.
pub(crate) fn link(stream: &StreamName, number: u64, event: &RecordedEvent) -> RecordedEvent {
    let target = format!("{}@{}", event.revision, event.stream);
    RecordedEvent {
        position: event.position,
        stream: stream.clone(),
        revision: number,
        // The same whenever it is computed.
        id: Uuid::new_v5(&event.id, format!("{stream}@{number}").as_bytes()),
        event_type: LINK.into(),
        data: Bytes::from(target),
        metadata: Bytes::new(),
        recorded_at: event.recorded_at,
        decoded: Decoded::default(),
    }
}

/// Follows an event that points to another one. One that points nowhere stands for itself alone.
pub(crate) async fn resolve(store: &dyn EventStore, event: RecordedEvent) -> Result<Resolved, ReadError> {
    if &*event.event_type != LINK {
        return Ok(Resolved::plain(event));
    }
    let target = std::str::from_utf8(&event.data).ok().and_then(|text| text.split_once('@'));
    let target = target
        .and_then(|(revision, stream)| Some((revision.parse::<u64>().ok()?, StreamName::new(stream).ok()?)));
    let found = match target {
        Some((revision, stream)) => match Linked::of(stream.as_str()) {
            None => store.read_stream(&stream, revision, Direction::Forwards, 1).await?.pop(),
            Some(_) => None,
        },
        None => None,
    };
    Ok(Resolved { event: found, link: Some(event) })
}

/// A place to go on from: the number of the next link, and the position behind which it lies.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) number: u64,
    pub(crate) after: Option<Position>,
}

/// Places that were passed, by system stream, in order.
#[derive(Default)]
pub(crate) struct Links(Mutex<HashMap<String, Vec<Place>>>);

impl Links {
    /// The last known place before a number.
    pub(crate) fn before(&self, name: &str, number: u64) -> Place {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(places) = known.get(name) else { return Place::default() };
        let behind = places.partition_point(|place| place.number <= number);
        behind.checked_sub(1).map_or_else(Place::default, |at| places[at])
    }

    pub(crate) fn passed(&self, name: &str, place: Place) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED && !known.contains_key(name) {
            known.clear();
        }
        let places = known.entry(name.to_owned()).or_default();
        if place.number.is_multiple_of(STEP) && places.last().is_none_or(|last| last.number < place.number) {
            places.push(place);
        }
    }

    /// Up to so many links from a number on, and how many there are when the end was reached.
    pub(crate) async fn forwards(
        &self,
        store: &dyn EventStore,
        name: &StreamName,
        linked: &Linked,
        from: u64,
        max: usize,
    ) -> Result<(Vec<Resolved>, Option<u64>), ReadError> {
        let mut place = self.before(name.as_str(), from);
        let mut found = Vec::new();
        loop {
            let batch = store.read_all(place.after, Direction::Forwards, &linked.coarse(), PAGE).await?;
            for event in batch.events.into_iter().filter(|event| linked.holds(event)) {
                if found.len() == max {
                    return Ok((found, None));
                }
                let number = place.number;
                place = Place { number: number + 1, after: Some(event.position) };
                self.passed(name.as_str(), place);
                if number >= from {
                    found.push(Resolved { link: Some(link(name, number, &event)), event: Some(event) });
                }
            }
            place.after = batch.through;
            if batch.at_end {
                return Ok((found, Some(place.number)));
            }
        }
    }

    /// Up to so many links before and with a number, newest first.
    pub(crate) async fn backwards(
        &self,
        store: &dyn EventStore,
        name: &StreamName,
        linked: &Linked,
        from: u64,
        max: usize,
    ) -> Result<Vec<Resolved>, ReadError> {
        // Numbers count from the front, so how many there are must be known first.
        let head = store.head().await?;
        let (_, count) = self.forwards(store, name, linked, u64::MAX, 1).await?;
        let mut number = count.unwrap_or(0);
        let mut found = Vec::new();
        let mut before = None;
        while found.len() < max && number > 0 {
            let batch = store.read_all(before, Direction::Backwards, &linked.coarse(), PAGE).await?;
            for event in batch.events.into_iter().filter(|event| linked.holds(event)) {
                if Some(event.position) > head || number == 0 || found.len() == max {
                    continue;
                }
                number -= 1;
                if number <= from {
                    found.push(Resolved { link: Some(link(name, number, &event)), event: Some(event) });
                }
            }
            before = batch.through;
            if batch.at_end {
                break;
            }
        }
        Ok(found)
    }
}
