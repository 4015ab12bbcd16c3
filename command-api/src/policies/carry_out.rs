use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::{Instant, sleep, timeout_at};

use super::lease::Validity;
use super::pace::Pace;
use super::status::Status;
use crate::execute::{ExecuteError, Origin};

/// Carries out what policies want.
#[async_trait]
pub trait Handler<C>: Send + Sync {
    /// Does it. Doing it again must do nothing.
    ///
    /// # Errors
    /// [`Failure`] says whether trying again makes sense.
    async fn handle(&self, command: &C, origin: &Origin) -> Result<(), Failure>;
}

/// Why a command of a policy was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Something is down or busy: later it may work.
    #[error("{0}")]
    Later(String),
    /// It will never work: somebody has to look at it.
    #[error("{0}")]
    Never(String),
}

impl<R: Display> From<ExecuteError<R>> for Failure {
    fn from(error: ExecuteError<R>) -> Self {
        match error {
            ExecuteError::Trouble(trouble) if trouble.is_passing() => Self::Later(trouble.to_string()),
            error => Self::Never(error.to_string()),
        }
    }
}

/// A reaction on its way.
pub(super) struct Work<C> {
    pub(super) command: C,
    /// Until when it makes sense, and what to do instead from then on.
    pub(super) in_time: Option<(Instant, C)>,
    pub(super) origin: Origin,
    /// When its event happened, in milliseconds since the Unix epoch.
    pub(super) since: u64,
    /// When to begin.
    pub(super) due: Instant,
    /// Whether it only makes sure of what somebody else is doing, and may be withdrawn.
    pub(super) yields: bool,
}

impl<C> Work<C> {
    /// What is to be done now, and until when that is so.
    fn now(&self) -> (&C, Option<Instant>) {
        match &self.in_time {
            Some((until, instead)) if *until <= Instant::now() => (instead, None),
            in_time => (&self.command, in_time.as_ref().map(|(until, _)| *until)),
        }
    }
}

/// Carries out the reactions of one policy.
pub(super) struct Carrier<C> {
    pub(super) handler: Arc<dyn Handler<C>>,
    pub(super) pace: Pace,
    pub(super) validity: Validity,
    pub(super) longest_pause: Duration,
    pub(super) status: Arc<Status>,
}

impl<C> Carrier<C> {
    /// Does a piece of work until it is done or fails for good.
    pub(super) async fn carry_out(&self, work: &Work<C>) -> Result<(), String> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(self.longest_pause)
            .without_max_times()
            // Of its own for every reaction, and the same again for the same one.
            .with_jitter()
            .with_jitter_seed(work.origin.cause.as_u64_pair().1);
        let mut pauses = pauses.build();
        let mut retrying = None;
        loop {
            let slot = self.pace.slot().await;
            self.validity.wait().await;
            let (command, until) = work.now();
            let attempt = self.handler.handle(command, &work.origin);
            // An attempt that is cut off may have worked: what is done instead has to know.
            let outcome = before(until, attempt).await;
            drop(slot);
            match outcome {
                Some(Ok(())) => {
                    self.pace.earn();
                    return Ok(());
                }
                Some(Err(Failure::Never(reason))) => return Err(reason),
                Some(Err(Failure::Later(reason))) => {
                    let pause = pauses.next().unwrap_or(self.longest_pause);
                    tracing::debug!(request = %work.origin.correlation, %reason, ?pause, "will try again");
                    self.status.fails(reason);
                    retrying.get_or_insert_with(|| self.status.retrying());
                    let patience = async {
                        sleep(pause).await;
                        self.pace.turn().await;
                    };
                    before(until, patience).await;
                }
                None => tracing::info!(request = %work.origin.correlation, "not done in time"),
            }
        }
    }
}

/// Waits for something, at most until then; `None` when it was not in time.
async fn before<T>(until: Option<Instant>, future: impl Future<Output = T>) -> Option<T> {
    match until {
        None => Some(future.await),
        Some(until) => timeout_at(until, future).await.ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use uuid::Uuid;

    use super::*;
    use crate::execute::wall_clock;

    /// Fails a number of times, then answers; what is done instead works at once.
    struct Flaky(AtomicU32, Result<(), Failure>);

    #[async_trait]
    impl Handler<&'static str> for Flaky {
        async fn handle(&self, command: &&'static str, _: &Origin) -> Result<(), Failure> {
            match self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
                Ok(_) if *command == "it" => Err(Failure::Later("down".to_owned())),
                Err(_) if *command == "it" => self.1.clone(),
                _ => Ok(()),
            }
        }
    }

    /// Never answers.
    struct Hangs;

    #[async_trait]
    impl Handler<&'static str> for Hangs {
        async fn handle(&self, command: &&'static str, _: &Origin) -> Result<(), Failure> {
            if *command == "it" { std::future::pending().await } else { Ok(()) }
        }
    }

    async fn carry_out(
        handler: Arc<dyn Handler<&'static str>>,
        in_time: Option<Duration>,
    ) -> (Result<(), String>, Duration) {
        let (origin, began) =
            (Origin { correlation: Uuid::nil(), cause: Uuid::nil(), actor: "test".into() }, Instant::now());
        let in_time = in_time.map(|in_time| (began + in_time, "something else"));
        let carrier = Carrier {
            handler,
            pace: Pace::new(1, Duration::from_millis(100)),
            validity: Validity::for_ever(&wall_clock()),
            longest_pause: Duration::from_secs(5),
            status: Arc::default(),
        };
        let work = Work { command: "it", in_time, origin, since: 0, due: began, yields: false };
        let outcome = carrier.carry_out(&work).await;
        (outcome, began.elapsed())
    }

    fn flaky(failures: u32, end: Result<(), Failure>) -> Arc<Flaky> {
        Arc::new(Flaky(AtomicU32::new(failures), end))
    }

    /// EL-I5, EL-I13: as long as it takes, at a pace that leaves the callee room.
    #[tokio::test(start_paused = true)]
    async fn what_fails_for_now_is_tried_until_it_works() {
        let (outcome, took) = carry_out(flaky(100, Ok(())), None).await;
        assert_eq!(outcome, Ok(()));
        assert!(took > Duration::from_secs(400), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_for_good_is_not_tried_again() {
        let (outcome, took) = carry_out(flaky(0, Err(Failure::Never("no".to_owned()))), None).await;
        assert_eq!((outcome, took), (Err("no".to_owned()), Duration::ZERO));
    }

    /// EL-I14: in the middle of a pause, of an attempt, or before the first one.
    #[tokio::test(start_paused = true)]
    async fn what_is_not_done_in_time_is_given_up_at_that_moment() {
        let in_time = Duration::from_secs(60);
        let expected = (Ok(()), in_time);
        assert_eq!(carry_out(flaky(100, Ok(())), Some(in_time)).await, expected);
        assert_eq!(carry_out(Arc::new(Hangs), Some(in_time)).await, expected);
        assert_eq!(carry_out(Arc::new(Hangs), Some(Duration::ZERO)).await, (Ok(()), Duration::ZERO));
    }

    /// EL-I14
    #[tokio::test(start_paused = true)]
    async fn what_is_done_in_time_is_not_given_up() {
        let (outcome, took) = carry_out(flaky(3, Ok(())), Some(Duration::from_secs(60))).await;
        assert_eq!(outcome, Ok(()));
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}
