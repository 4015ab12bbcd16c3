use std::sync::Arc;

use serde::de::Deserializer;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use crate::kernel::RequestId;

/// The most owners in one leaf.
const LEAF: usize = 32;

/// What a request has of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Hold {
    /// A unit.
    #[serde(rename = "live")]
    Live,
    /// Nothing, never again.
    #[serde(rename = "ended")]
    Ended,
}

/// Every request that ever had to do with something, and what it has of it.
///
/// A tree over the bits of the ids, least significant first: those are random in every id, whatever its
/// first bits are. Nobody is ever taken out, so the same owners make the same tree in any order. Only
/// the path to a change is copied, and only where a copy of the tree shares it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Owners {
    Leaf(Vec<(RequestId, Hold)>),
    Fork(Arc<[Self; 2]>),
}

impl Default for Owners {
    fn default() -> Self {
        Self::Leaf(Vec::new())
    }
}

impl Owners {
    /// What this request has.
    pub(super) fn get(&self, owner: RequestId) -> Option<Hold> {
        let (mut node, mut bits) = (self, owner.0.as_u128());
        loop {
            match node {
                Self::Leaf(owners) => {
                    let found = owners.binary_search_by_key(&owner, |(known, _)| *known);
                    return found.ok().map(|place| owners[place].1);
                }
                Self::Fork(halves) => {
                    node = &halves[(bits & 1) as usize];
                    bits >>= 1;
                }
            }
        }
    }

    /// From now on this request has this.
    pub(super) fn set(&mut self, owner: RequestId, hold: Hold) {
        self.set_below(owner, hold, 0);
    }

    fn set_below(&mut self, owner: RequestId, hold: Hold, depth: u32) {
        match self {
            Self::Fork(halves) => {
                Arc::make_mut(halves)[half(owner, depth)].set_below(owner, hold, depth + 1);
            }
            Self::Leaf(owners) => match owners.binary_search_by_key(&owner, |(known, _)| *known) {
                Ok(place) => owners[place].1 = hold,
                Err(place) => {
                    owners.insert(place, (owner, hold));
                    if owners.len() > LEAF {
                        *self = Self::split(std::mem::take(owners), depth);
                    }
                }
            },
        }
    }

    /// As many leaves as these owners need.
    fn split(owners: Vec<(RequestId, Hold)>, depth: u32) -> Self {
        if owners.len() <= LEAF {
            return Self::Leaf(owners);
        }
        let (ones, zeros) = owners.into_iter().partition(|(owner, _)| half(*owner, depth) == 1);
        Self::Fork(Arc::new([zeros, ones].map(|half| Self::split(half, depth + 1))))
    }

    fn list(&self, into: &mut Vec<(RequestId, Hold)>) {
        match self {
            Self::Leaf(owners) => into.extend(owners),
            Self::Fork(halves) => halves.iter().for_each(|half| half.list(into)),
        }
    }
}

/// In which half of a fork at this depth an owner is.
fn half(owner: RequestId, depth: u32) -> usize {
    (owner.0.as_u128() >> depth & 1) as usize
}

impl Serialize for Owners {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut all = Vec::new();
        self.list(&mut all);
        all.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Owners {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut owners = Self::default();
        for (owner, hold) in Vec::deserialize(deserializer)? {
            owners.set(owner, hold);
        }
        Ok(owners)
    }
}
