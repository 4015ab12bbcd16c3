//! Whoever takes the money. Outside of this system, so every question carries an idempotency key.

use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use axum::routing::get;
use axum::{Json, Router};
use domain::kernel::{Money, RequestId};
use domain::payment::Receipt;
use serde::{Deserialize, Serialize};

use crate::http::{ApiError, Fields, InvalidField};

/// Takes money and gives it back.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    /// Takes the money for a request, once, however often it is asked.
    ///
    /// # Errors
    /// [`ProviderDown`]: the money may or may not have been taken; asking again tells.
    async fn charge(&self, request: RequestId, amount: Option<Money>) -> Result<Charge, ProviderDown>;

    /// What a charge will be answered, where that is known without asking anybody: nothing outside of this
    /// system changes by the charge, so it need not be on the log before. `None` where only asking tells, as
    /// with everybody who takes real money.
    fn foretell(&self, _request: RequestId, _amount: Option<Money>) -> Option<Charge> {
        None
    }

    /// Makes sure that no money of a request is kept, now or later.
    ///
    /// # Errors
    /// [`ProviderDown`]: ask again.
    async fn void(&self, request: RequestId) -> Result<(), ProviderDown>;
}

/// What became of a charge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Charge {
    /// The money was taken.
    Taken(Receipt),
    /// It will not be taken, and why.
    Declined(String),
    /// The request was voided before.
    Voided,
}

/// Who takes the money.
#[derive(Clone)]
pub enum Provider {
    /// Nobody: it is simulated, and can be told how to behave while it runs.
    Simulated(Arc<SimulatedProvider>),
    /// Somebody else.
    Other(Arc<dyn PaymentProvider>),
}

impl Provider {
    /// Whoever it is.
    pub(crate) fn taker(&self) -> Arc<dyn PaymentProvider> {
        match self {
            Self::Simulated(simulated) => Arc::clone(simulated) as _,
            Self::Other(other) => Arc::clone(other),
        }
    }
}

/// How the simulated provider behaves: `GET` and `PUT /simulator/payment-provider`.
pub(crate) fn simulator(provider: Provider) -> Router {
    let Provider::Simulated(provider) = provider else { return Router::new() };
    let read = Arc::clone(&provider);
    let show = get(async move || Json(read.simulation()));
    let change = show.put(async move |fields: Fields| {
        let simulation: Simulation = fields.into_struct()?;
        if simulation.declined_pct > 100 {
            let message = "must be at most 100".to_owned();
            return Err(ApiError::InvalidInput(vec![InvalidField { field: "declinedPct", message }]));
        }
        provider.simulate(simulation.clone());
        Ok::<_, ApiError>(Json(simulation))
    });
    Router::new().route("/simulator/payment-provider", change)
}

/// The provider cannot be reached or does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the payment provider is down: {0}")]
pub struct ProviderDown(pub String);

/// How the simulated provider behaves. Can be changed while it runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Simulation {
    /// The shortest answer, in milliseconds.
    pub min_delay_ms: u64,
    /// The longest answer, in milliseconds.
    pub max_delay_ms: u64,
    /// How many charges of a hundred are declined.
    pub declined_pct: u8,
    /// Whether it answers at all.
    pub outage: bool,
}

/// A provider that takes no real money. What it answers follows from the request id alone, so that it
/// answers the same after a restart.
#[derive(Default)]
pub struct SimulatedProvider {
    simulation: Mutex<Simulation>,
    voided: Mutex<HashSet<RequestId>>,
}

impl SimulatedProvider {
    /// Behaves like this.
    pub fn new(simulation: Simulation) -> Self {
        Self { simulation: Mutex::new(simulation), voided: Mutex::default() }
    }

    /// How it behaves now.
    pub fn simulation(&self) -> Simulation {
        self.lock().clone()
    }

    /// Behaves like this from the next question on.
    pub fn simulate(&self, simulation: Simulation) {
        tracing::info!(?simulation, "payment provider changed");
        *self.lock() = simulation;
    }

    fn lock(&self) -> MutexGuard<'_, Simulation> {
        self.simulation.lock().expect("no code panics while it holds the simulation")
    }

    fn voided(&self) -> MutexGuard<'_, HashSet<RequestId>> {
        self.voided.lock().expect("no code panics while it holds the voided requests")
    }

    /// What becomes of a charge when it behaves like this.
    fn judge(&self, request: RequestId, simulation: &Simulation) -> Charge {
        match () {
            () if self.voided().contains(&request) => Charge::Voided,
            () if spread(request, 0..=99) < u64::from(simulation.declined_pct) => {
                Charge::Declined("card declined".to_owned())
            }
            () => Charge::Taken(Receipt(format!("simulated-{request}").into())),
        }
    }

    /// Takes as long as configured; fails when down at its end.
    async fn answer(&self, request: RequestId) -> Result<Simulation, ProviderDown> {
        let Simulation { min_delay_ms, max_delay_ms, .. } = self.simulation();
        let delay = spread(request, min_delay_ms..=max_delay_ms.max(min_delay_ms));
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        let simulation = self.simulation();
        if simulation.outage { Err(ProviderDown("simulated outage".to_owned())) } else { Ok(simulation) }
    }
}

/// A number of the range that follows from the request: as even as its random bits.
pub(crate) fn spread(request: RequestId, range: RangeInclusive<u64>) -> u64 {
    let random = request.0.as_u64_pair().1 & (u64::MAX >> 8);
    range.start() + random % (range.end() - range.start() + 1)
}

#[async_trait]
impl PaymentProvider for SimulatedProvider {
    async fn charge(&self, request: RequestId, _: Option<Money>) -> Result<Charge, ProviderDown> {
        let simulation = self.answer(request).await?;
        Ok(self.judge(request, &simulation))
    }

    /// Nobody is there to be asked, unless it is simulated that somebody takes a while or is down.
    fn foretell(&self, request: RequestId, _: Option<Money>) -> Option<Charge> {
        let simulation = self.simulation();
        let at_once = (simulation.min_delay_ms, simulation.max_delay_ms) == (0, 0) && !simulation.outage;
        at_once.then(|| self.judge(request, &simulation))
    }

    async fn void(&self, request: RequestId) -> Result<(), ProviderDown> {
        self.answer(request).await?;
        self.voided().insert(request);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn request(n: u128) -> RequestId {
        RequestId(Uuid::from_u128(n))
    }

    /// EL-I3: a charge that is under way when the void comes takes no money.
    #[tokio::test(start_paused = true)]
    async fn a_void_beats_a_charge_that_is_under_way() {
        let slow = Simulation { min_delay_ms: 400, max_delay_ms: 620, ..Simulation::default() };
        let provider = SimulatedProvider::new(slow);
        let charge = provider.charge(request(1), None);
        let void = async {
            provider.simulate(Simulation::default());
            provider.void(request(1)).await
        };
        assert_eq!(tokio::join!(charge, void), (Ok(Charge::Voided), Ok(())));
    }

    /// G6
    #[tokio::test]
    async fn the_same_charge_has_the_same_receipt() {
        let provider = SimulatedProvider::default();
        assert_eq!(provider.charge(request(7), None).await, provider.charge(request(7), None).await);
    }

    /// EL-I2, EL-I14: whoever was told before hears the same when it asks.
    #[tokio::test]
    async fn what_is_foretold_is_what_is_answered() {
        let provider = SimulatedProvider::new(Simulation { declined_pct: 50, ..Simulation::default() });
        provider.void(request(3)).await.unwrap();
        let mut foretold = Vec::new();
        for n in 0..100 {
            let charge = provider.foretell(request(n), None).unwrap();
            assert_eq!(provider.charge(request(n), None).await.as_ref(), Ok(&charge));
            foretold.push(charge);
        }
        assert_eq!(foretold[3], Charge::Voided);
        assert_eq!(foretold.iter().filter(|charge| matches!(charge, Charge::Taken(_))).count(), 50);
    }

    /// EL-I11, EL-I12
    #[tokio::test]
    async fn nothing_is_foretold_of_a_provider_that_is_slow_or_down() {
        for simulation in [
            Simulation { max_delay_ms: 1, ..Simulation::default() },
            Simulation { min_delay_ms: 1, max_delay_ms: 1, ..Simulation::default() },
            Simulation { outage: true, ..Simulation::default() },
        ] {
            let provider = SimulatedProvider::new(simulation);
            assert_eq!(provider.foretell(request(1), None), None);
        }
    }

    /// EL-I14
    #[tokio::test]
    async fn some_cards_are_declined_as_configured() {
        let provider = SimulatedProvider::new(Simulation { declined_pct: 30, ..Simulation::default() });
        let mut declined = 0;
        for n in 0..1000 {
            declined += u32::from(matches!(provider.charge(request(n), None).await, Ok(Charge::Declined(_))));
        }
        assert_eq!(declined, 300);
    }

    /// EL-I11
    #[tokio::test]
    async fn in_an_outage_nobody_answers() {
        let provider = SimulatedProvider::new(Simulation { outage: true, ..Simulation::default() });
        assert!(provider.charge(request(1), None).await.is_err());
        assert!(provider.void(request(1)).await.is_err());
    }
}
