//! A payment provider outside of the process: it remembers, whatever happens to us, and counts the
//! money.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use command_api::payment_provider::{Charge, PaymentProvider, ProviderDown};
use domain::kernel::{Money, RequestId};
use domain::payment::Receipt;

use crate::deed::Outside;
use crate::random::hash;

/// The provider and its ledger.
pub(crate) struct Provider {
    seed: u64,
    declined: u64,
    pace: Pace,
    ledger: Mutex<Ledger>,
}

/// How fast the provider answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Always after this many milliseconds.
    Steady(u64),
    /// At once, and what it will answer is known without asking: it keeps no money that the log does not.
    Foretold,
    /// Mostly at once, sometimes later than anybody's patience; sometimes the answer is lost on the
    /// way back, after the work was done.
    Moody,
}

#[derive(Default)]
struct Ledger {
    down: bool,
    questions: u64,
    accounts: BTreeMap<RequestId, Account>,
}

/// What the provider knows of one request.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Account {
    /// How often money was taken.
    pub(crate) charges: u32,
    /// Whether it is kept.
    pub(crate) kept: bool,
    voided: bool,
}

impl Provider {
    pub(crate) fn new(seed: u64, declined: u64, pace: Pace) -> Self {
        Self { seed, declined, pace, ledger: Mutex::default() }
    }

    /// How often it was asked for anything.
    pub(crate) fn questions(&self) -> u64 {
        self.ledger.lock().unwrap().questions
    }

    /// Whether the log alone says whose money is kept.
    pub(crate) fn is_foretold(&self) -> bool {
        matches!(self.pace, Pace::Foretold)
    }

    pub(crate) fn account(&self, request: RequestId) -> Account {
        self.ledger.lock().unwrap().accounts.get(&request).copied().unwrap_or_default()
    }

    fn declines(&self, request: RequestId) -> bool {
        hash(&[self.seed, 10, request.0.as_u64_pair().1]) % 100 < self.declined
    }

    /// Answers whether the answer is lost.
    async fn takes_its_time(&self) -> Result<bool, ProviderDown> {
        let (number, down) = {
            let mut ledger = self.ledger.lock().unwrap();
            ledger.questions += 1;
            (ledger.questions, ledger.down)
        };
        if down {
            return Err(ProviderDown("connection refused".to_owned()));
        }
        let ms = match (self.pace, hash(&[self.seed, 7, number]) % 10) {
            (Pace::Steady(ms), _) => ms,
            (Pace::Foretold, _) => 0,
            (Pace::Moody, 0) => 5_000,
            (Pace::Moody, 1..=3) => 400 + hash(&[self.seed, 8, number]) % 220,
            (Pace::Moody, _) => hash(&[self.seed, 8, number]) % 50,
        };
        tokio::time::sleep(Duration::from_millis(ms)).await;
        Ok(matches!(self.pace, Pace::Moody) && hash(&[self.seed, 9, number]).is_multiple_of(10))
    }
}

impl Outside for Provider {
    fn down(&self, down: bool) {
        self.ledger.lock().unwrap().down = down;
    }
}

fn taken(request: RequestId) -> Charge {
    Charge::Taken(Receipt(format!("receipt-{request}").into()))
}

fn lost<T>(lost: bool, answer: T) -> Result<T, ProviderDown> {
    if lost { Err(ProviderDown("the answer was lost".to_owned())) } else { Ok(answer) }
}

#[async_trait]
impl PaymentProvider for Provider {
    async fn charge(&self, request: RequestId, _: Option<Money>) -> Result<Charge, ProviderDown> {
        let answer_is_lost = self.takes_its_time().await?;
        let declined = self.declines(request);
        let mut ledger = self.ledger.lock().unwrap();
        let account = ledger.accounts.entry(request).or_default();
        let charge = match account {
            Account { voided: true, .. } => Charge::Voided,
            _ if declined => Charge::Declined("card declined".to_owned()),
            account => {
                // The key is the request: asked again, nothing is taken again.
                if account.charges == 0 {
                    (account.charges, account.kept) = (1, true);
                }
                taken(request)
            }
        };
        lost(answer_is_lost, charge)
    }

    fn foretell(&self, request: RequestId, _: Option<Money>) -> Option<Charge> {
        let ledger = self.ledger.lock().unwrap();
        let voided = ledger.accounts.get(&request).is_some_and(|account| account.voided);
        (self.is_foretold() && !ledger.down).then(|| match () {
            () if voided => Charge::Voided,
            () if self.declines(request) => Charge::Declined("card declined".to_owned()),
            () => taken(request),
        })
    }

    async fn void(&self, request: RequestId) -> Result<(), ProviderDown> {
        let answer_is_lost = self.takes_its_time().await?;
        let mut ledger = self.ledger.lock().unwrap();
        let account = ledger.accounts.entry(request).or_default();
        (account.voided, account.kept) = (true, false);
        lost(answer_is_lost, ())
    }
}
