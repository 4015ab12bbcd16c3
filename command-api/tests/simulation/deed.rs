//! What a business tells the simulation about itself.

use std::fmt;
use std::sync::Arc;

use axum::http::StatusCode;
use command_api::business::{Business, Environment};
use domain::kernel::RequestId;
use serde_json::Value;
use uuid::{Uuid, uuid};

use crate::script::{Act, Script};
use crate::world::Ending;

/// The names that the process gives to requests come from the keys of those who ask.
const IDEMPOTENCY: Uuid = uuid!("6f1cf6f0-6a2b-4f0e-9a55-2b8f6d0c1e47");

/// What can be done in a business, and how the business is simulated.
pub(crate) trait Deed: Copy + PartialEq + fmt::Debug + Send + Sync + 'static {
    const CONTEXTS: &'static [&'static str];
    const SYSTEM: &'static str;
    /// The projection of its MyPage.
    const MY_PAGE: &'static str;
    /// How it is with everything that the business depends on.
    type Circumstances: Clone + fmt::Debug + Send;
    /// What outlives the process, beside the log.
    type Outside: Outside;

    /// The script of a seed.
    fn random(seed: u64) -> Script<Self>;

    /// Circumstances with less that can go wrong.
    fn plainer(circumstances: &Self::Circumstances) -> Option<Self::Circumstances>;

    /// How many of a hundred appends take about a second.
    fn stalls(circumstances: &Self::Circumstances) -> u64;

    fn outside(script: &Script<Self>) -> Self::Outside;

    /// The business as `main` wires it up, on what is simulated.
    fn business(script: &Script<Self>, outside: &Arc<Self::Outside>, environment: Environment) -> Business;

    /// What is sent about a request: method, path and body.
    fn sent(self, act: &Act<Self>, id: RequestId) -> (&'static str, String, String);

    /// The same for the same deed, another one for another deed of the same person.
    fn number(self) -> u64;

    /// Whether somebody who got this answer so many times in a row asks again.
    fn asks_again(self, status: StatusCode, times: u32) -> bool;

    /// Whether a row of MyPage says what came of these events, at rest.
    fn shows(row: &Value, story: &[&str]) -> bool;

    /// The first thing that is wrong with a history.
    fn wrong(script: &Script<Self>, ending: &Ending<Self>) -> Option<String>;
}

/// What is outside of the process.
pub(crate) trait Outside: Send + Sync + 'static {
    fn down(&self, down: bool);
}

/// Nothing is.
impl Outside for () {
    fn down(&self, _: bool) {}
}

/// The `Idempotency-Key` of somebody.
pub(crate) fn key_of(who: u64) -> String {
    format!("caller-{who}")
}

/// The request that somebody makes first.
pub(crate) fn request_of(who: u64) -> RequestId {
    RequestId(Uuid::new_v5(&IDEMPOTENCY, key_of(who).as_bytes()))
}
