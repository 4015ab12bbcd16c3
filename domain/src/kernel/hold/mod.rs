//! Holds on something of which there is only so much: cars of one kind, the single copy of a book, a
//! room for one night.
//!
//! A request holds at most one unit. Whoever comes twice holds it once, and whoever has let go holds it
//! never again: a release that overtakes its place leaves a tombstone for it to find. The aggregate
//! that lends asks what would [`Change`], tells it in an event of its own together with what is free
//! afterwards, and folds that event back with [`Holds::after`].

mod owners;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::RequestId;
use super::quantity::{InvalidQuantity, whole};
use owners::{Hold, Owners};

/// How many there are in all: a whole number from 0 to 2,147,483,647.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub struct Capacity(u32);

/// A number that is not a capacity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be a whole number from 0 to {}", i32::MAX)]
pub struct InvalidCapacity;

/// Who holds what is there, and who ever did. Copies share what they have in common, so that a copy
/// costs nothing however many there were.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Holds {
    capacity: Capacity,
    live: u32,
    owners: Owners,
}

/// What happens to holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// This request holds a unit.
    Placed(RequestId),
    /// This request gave its unit back.
    Released(RequestId),
    /// This request will never hold a unit.
    Forestalled(RequestId),
    /// There are this many in all.
    Resized(Capacity),
}

/// Why something cannot be held or resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unholdable {
    /// None is free.
    Exhausted,
    /// This request let go before.
    LetGo,
    /// So many are held that fewer cannot be.
    Held,
}

impl Holds {
    /// This many, none of them held.
    pub fn new(capacity: Capacity) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// How many there are in all.
    pub fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// How many can still be held.
    pub fn free(&self) -> Capacity {
        Capacity(self.capacity.0.saturating_sub(self.live))
    }

    /// What changes when this request wants to hold one; nothing when it does already.
    ///
    /// # Errors
    /// [`Unholdable::Exhausted`] and [`Unholdable::LetGo`].
    pub fn place(&self, owner: RequestId) -> Result<Option<Change>, Unholdable> {
        match self.owners.get(owner) {
            Some(Hold::Live) => Ok(None),
            Some(Hold::Ended) => Err(Unholdable::LetGo),
            None if self.free().0 == 0 => Err(Unholdable::Exhausted),
            None => Ok(Some(Change::Placed(owner))),
        }
    }

    /// What changes when this request wants to hold none; nothing when it let go already.
    pub fn release(&self, owner: RequestId) -> Option<Change> {
        match self.owners.get(owner) {
            Some(Hold::Live) => Some(Change::Released(owner)),
            Some(Hold::Ended) => None,
            None => Some(Change::Forestalled(owner)),
        }
    }

    /// What changes when there shall be this many in all, those included that are held.
    ///
    /// # Errors
    /// [`Unholdable::Held`].
    pub fn resize(&self, capacity: Capacity) -> Result<Option<Change>, Unholdable> {
        match capacity {
            same if same == self.capacity => Ok(None),
            Capacity(number) if number < self.live => Err(Unholdable::Held),
            _ => Ok(Some(Change::Resized(capacity))),
        }
    }

    /// The holds after this change, even one that nobody would have asked for.
    #[must_use]
    pub fn after(mut self, change: Change) -> Self {
        match change {
            Change::Placed(owner) => {
                self.live = self.live.saturating_add(1);
                self.owners.set(owner, Hold::Live);
            }
            Change::Released(owner) => {
                self.live = self.live.saturating_sub(1);
                self.owners.set(owner, Hold::Ended);
            }
            Change::Forestalled(owner) => self.owners.set(owner, Hold::Ended),
            Change::Resized(capacity) => self.capacity = capacity,
        }
        self
    }
}

impl TryFrom<u32> for Capacity {
    type Error = InvalidCapacity;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if number <= i32::MAX as u32 { Ok(Self(number)) } else { Err(InvalidCapacity) }
    }
}

impl FromStr for Capacity {
    type Err = InvalidCapacity;

    /// Reads `10`, `10.0`, `1e1`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        whole(text).map_err(|InvalidQuantity| InvalidCapacity)?.try_into()
    }
}

impl From<Capacity> for u32 {
    fn from(capacity: Capacity) -> Self {
        capacity.0
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
