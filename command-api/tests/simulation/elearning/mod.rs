//! Students apply for courses and cancel; cards are declined; the provider is moody or down.

mod checks;
mod provider;

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use command_api::business::{Business, Environment};
use command_api::elearning::{CONTEXTS, Parts, business};
use command_api::payment_provider::Provider as Taker;
use domain::elearning::SYSTEM;
use domain::kernel::RequestId;
use serde_json::Value;

use crate::deed::Deed;
use crate::random::Random;
use crate::read_side::word;
use crate::script::{Act, Down, Fault, Script, random_crashes};
use crate::world::{Ending, call};
use provider::Pace;
pub(crate) use provider::Provider;

/// What students do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Apply,
    Cancel,
    CancelPayment,
}

/// How the provider is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mood {
    /// How many of a hundred cards are declined.
    declined: u64,
    /// How fast the provider answers.
    pace: Pace,
    /// After how many milliseconds a payment is given up that could not be made.
    give_up_after: u64,
}

/// As long as nobody says otherwise.
const A_DAY: u64 = 24 * 3_600_000;

impl Deed for What {
    const CONTEXTS: &'static [&'static str] = &CONTEXTS;
    const SYSTEM: &'static str = SYSTEM;
    const MY_PAGE: &'static str = "my_page";
    type Circumstances = Mood;
    type Outside = Provider;

    fn random(seed: u64) -> Script<Self> {
        let mut random = Random::new(seed);
        let mut acts = Vec::new();
        for student in 0..1 + random.below(4) {
            let applies = random.below(3_000);
            acts.push(Act::random(applies, student, Self::Apply, &mut random));
            for (percent, what) in [(60, Self::Cancel), (25, Self::CancelPayment)] {
                if random.percent(percent) {
                    let at = applies + random.below(6_000);
                    acts.push(Act::random(at, student, what, &mut random));
                }
            }
        }
        let faults = (0..random.below(4)).map(|_| {
            let from = random.below(5_000);
            let down = match random.below(5) {
                0 => Down::Context("apply"),
                1 => Down::Context("payment"),
                2 => Down::Outside,
                _ => Down::Context("delivery"),
            };
            Fault { from, to: from + random.below(10_000), down }
        });
        let faults = faults.collect();
        let crashes = random_crashes(&mut random);
        let declined = if random.percent(20) { 50 } else { 0 };
        let give_up_after = if random.percent(30) { 300 + random.below(10_000) } else { A_DAY };
        let pace = if random.percent(30) { Pace::Foretold } else { Pace::Moody };
        let circumstances = Mood { declined, pace, give_up_after };
        Script { seed, acts, faults, crashes, circumstances }
    }

    fn plainer(mood: &Mood) -> Option<Mood> {
        let patient = || (mood.give_up_after < A_DAY).then_some(Mood { give_up_after: A_DAY, ..*mood });
        (mood.declined > 0).then_some(Mood { declined: 0, ..*mood }).or_else(patient)
    }

    fn stalls(_: &Mood) -> u64 {
        0
    }

    fn outside(script: &Script<Self>) -> Provider {
        let Mood { declined, pace, .. } = script.circumstances;
        Provider::new(script.seed, declined, pace)
    }

    fn business(script: &Script<Self>, outside: &Arc<Provider>, mut environment: Environment) -> Business {
        environment.runner.in_time = Duration::from_millis(script.circumstances.give_up_after);
        let parts = Parts {
            provider: Taker::Other(Arc::clone(outside) as _),
            payment: call(610),
            delivery: call(610),
            service_type: "SIMULATION".into(),
        };
        business(parts, environment)
    }

    fn sent(self, _: &Act<Self>, id: RequestId) -> (&'static str, String, String) {
        let cancelled = r#"{"applyStatus":"cancelled"}"#.to_owned();
        match self {
            Self::Apply => {
                let body = r#"{"studentId":"s","bookId":"b","qty":1,"amount":1000,"address":"seoul"}"#;
                ("POST", "/applies".to_owned(), body.to_owned())
            }
            Self::Cancel => ("PUT", format!("/applies/{id}"), cancelled),
            Self::CancelPayment => ("PUT", format!("/pays/{id}"), cancelled),
        }
    }

    fn number(self) -> u64 {
        self as u64
    }

    fn asks_again(self, status: StatusCode, _: u32) -> bool {
        // Nothing there yet may mean that the application is still on its way.
        status.is_server_error() || status == StatusCode::CONFLICT
    }

    fn shows(row: &Value, story: &[&str]) -> bool {
        let statuses = ["apply_status", "pay_status", "delivery_status"].map(|column| word(row, column));
        if !story.contains(&"ApplyCancelled") {
            return statuses == ["completed", "completed", "started"];
        }
        let money = if story.contains(&"PayFailed") { "failed" } else { "cancelled" };
        statuses[..2] == ["cancelled", money] && statuses[2] != "started"
    }

    fn wrong(script: &Script<Self>, ending: &Ending<Self>) -> Option<String> {
        checks::wrong(script, ending)
    }
}

/// One student does these things at these times, the provider is steady, and nothing goes wrong.
pub(crate) fn story(acts: &[(u64, What)], provider_takes: u64) -> Script<What> {
    at_a_pace(Pace::Steady(provider_takes), acts)
}

/// The same where nobody has to be asked for the money.
pub(crate) fn foretold(acts: &[(u64, What)]) -> Script<What> {
    at_a_pace(Pace::Foretold, acts)
}

fn at_a_pace(pace: Pace, acts: &[(u64, What)]) -> Script<What> {
    let acts = acts.iter().map(|(at, what)| Act::plain(*at, 0, *what)).collect();
    Script::story(acts, Mood { declined: 0, pace, give_up_after: A_DAY })
}

/// The same, and a payment that is not made by then is given up.
pub(crate) fn given_up_after(ms: u64, story: Script<What>) -> Script<What> {
    Script { circumstances: Mood { give_up_after: ms, ..story.circumstances }, ..story }
}

/// Every named story: apply, apply with a slow payment, cancel at each moment, delivery down.
pub(crate) fn named_stories() -> Vec<(&'static str, Script<What>)> {
    let apply = (0, What::Apply);
    let delivery_down = Fault { from: 0, to: 8_000, down: Down::Context("delivery") };
    let mut stories = vec![
        ("apply", story(&[apply], 10)),
        ("apply with slow payment", story(&[apply], 5_000)),
        ("delivery down", story(&[apply], 10).with(delivery_down)),
        ("cancel while delivery is down", story(&[apply, (500, What::Cancel)], 10).with(delivery_down)),
        ("cancel the payment", story(&[apply, (500, What::CancelPayment)], 10)),
        ("both cancels at once", story(&[apply, (500, What::Cancel), (500, What::CancelPayment)], 10)),
    ];
    for cancels in [vec![], vec![(1, What::Cancel)], vec![(500, What::Cancel), (500, What::CancelPayment)]] {
        let acts: Vec<_> = [apply].into_iter().chain(cancels).collect();
        stories.push(("foretold", foretold(&acts)));
        stories.push(("foretold while delivery is down", foretold(&acts).with(delivery_down)));
    }
    for at in [1, 100, 405, 500, 609, 611, 1_000, 2_500] {
        stories.push(("cancel at each moment", story(&[apply, (at, What::Cancel)], 400)));
        stories.push(("cancel a slow payment", story(&[apply, (at, What::Cancel)], 5_000)));
    }
    let provider_down = Fault { from: 0, to: 20_000, down: Down::Outside };
    let pay_down = Fault { from: 0, to: 20_000, down: Down::Context("payment") };
    let outages = [provider_down, pay_down, delivery_down];
    for outage in outages {
        let cancel = [apply, (8_000, What::Cancel)];
        stories.push(("given up in an outage", given_up_after(5_000, story(&[apply], 10).with(outage))));
        stories.push(("given up and cancelled", given_up_after(7_990, story(&cancel, 10).with(outage))));
    }
    for ms in [300, 399, 400, 401, 610, 2_000, 2_399, 2_400, 2_401, 3_000] {
        stories.push(("given up while the provider answers", given_up_after(ms, story(&[apply], 400))));
        stories.push(("given up while it takes its time", given_up_after(ms, story(&[apply], 2_400))));
    }
    stories
}
