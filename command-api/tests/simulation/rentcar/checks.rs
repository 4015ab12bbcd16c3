//! What must be true of every history of cars (SPEC A, RC).

use std::collections::BTreeSet;

use domain::kernel::RequestId;
use uuid::Uuid;

use super::Errand;
use super::history::{self, History, Request};
use crate::deed::request_of;
use crate::script::{Act, Script};
use crate::world::{Answer, Ending};

/// The first thing that is wrong.
pub(super) fn wrong(script: &Script<Errand>, ending: &Ending<Errand>) -> Option<String> {
    let history = match history::read(&ending.log) {
        Ok(history) => history,
        Err(reason) => return Some(reason),
    };
    let told = || {
        let acts = script.acts.iter().zip(&ending.answers);
        acts.filter(|(act, answer)| !is_true(act, answer, &history))
            .map(|(act, answer)| format!("{act:?} was answered with {answer:?}"))
            .next()
    };
    leaked(&history).or_else(|| history.requests.iter().find_map(at_rest)).or_else(told)
}

/// RC-I2, RC-I3, RC-I14, RC-I15: exactly those hold a car whose reservation is live.
fn leaked(history: &History) -> Option<String> {
    history.cars.iter().find_map(|(car, garage)| {
        let of_this = |request: &&Request| request.is_live() && request.car.as_ref() == Some(car);
        let live = history.requests.iter().filter(|(_, request)| of_this(request));
        let live: BTreeSet<RequestId> = live.map(|(id, _)| *id).collect();
        let differ = || format!("{car:?} is held by {:?} and reserved by {live:?}", garage.held);
        (garage.held != live).then(differ)
    })
}

/// RC-F4, RC-F6, RC-F7: reservation and rental end the same way.
fn at_rest((id, request): (&RequestId, &Request)) -> Option<String> {
    let ended = |name: &str| request.has(name);
    let right = if request.is_live() {
        ended("CarAllocated") && !ended("AllocationCancelled") && !ended("UseCompleted")
    } else if ended("ReservationCancelled") {
        ended("AllocationCancelled")
    } else if ended("ReservationFulfilled") {
        ended("CarAllocated") && ended("UseCompleted")
    } else {
        request.story == ["ReservationRejected"]
    };
    (!right).then(|| format!("{id} came to rest as {:?}", request.story))
}

/// G1, RC-I2, RC-I4: what people were told is true.
fn is_true(act: &Act<Errand>, answer: &Answer, history: &History) -> bool {
    let attempts = attempts(act.who, history);
    let has = |name: &str| {
        attempts.iter().any(|id| history.requests.get(id).is_some_and(|request| request.has(name)))
    };
    match (act.deed, answer.status.map(|status| status.as_u16())) {
        (Errand::Stock(car, total), Some(200 | 201)) => {
            let known = history.cars.iter().find(|(id, _)| **id == car.to_string());
            known.is_some_and(|(_, garage)| garage.totals.contains(&total))
        }
        (Errand::Reserve(_), Some(201)) => {
            let reserved =
                |id: &RequestId| history.requests.get(id).is_some_and(|request| request.has("CarReserved"));
            let made: Vec<_> = attempts.iter().filter(|id| reserved(id)).collect();
            made.len() == 1 && answer.id.as_ref() == made.first().copied()
        }
        // Whoever asked twice, hung up or was cut off cannot know what came of the other question.
        (Errand::Reserve(_), Some(409 | 503)) => act.twice || answer.unheard > 0 || !has("CarReserved"),
        (Errand::CancelByPatch | Errand::CancelByDelete, Some(200 | 204)) => has("ReservationCancelled"),
        (Errand::CancelByPatch | Errand::CancelByDelete, Some(409)) => has("ReservationFulfilled"),
        (Errand::BringBack, Some(200)) => has("UseCompleted"),
        (Errand::BringBack, Some(409)) => has("ReservationCancelled"),
        (Errand::TakeBack, Some(200)) => has("AllocationCancelled"),
        (Errand::TakeBack, Some(409)) => has("ReservationFulfilled"),
        // More are held than there shall be; or a twin registered the car with another number.
        (Errand::Stock(..), Some(409)) => true,
        (
            Errand::CancelByPatch | Errand::CancelByDelete | Errand::BringBack | Errand::TakeBack,
            Some(404),
        ) => true,
        _ => false,
    }
}

/// The requests that somebody made: one that was given up is tried again under the next id.
fn attempts(who: u64, history: &History) -> Vec<RequestId> {
    let mut attempts = vec![request_of(who)];
    while let Some(last) = attempts.last()
        && history.requests.get(last).is_some_and(|request| request.has("ReservationRejected"))
    {
        attempts.push(RequestId(Uuid::new_v5(&last.0, b"next attempt")));
    }
    attempts
}
