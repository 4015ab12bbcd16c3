use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::lease::Validity;
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
    pub(super) origin: Origin,
    /// When to begin.
    pub(super) due: Instant,
}

/// Does a piece of work until it is done or fails for good.
pub(super) async fn carry_out<C>(
    work: &Work<C>,
    handler: &dyn Handler<C>,
    slots: &Semaphore,
    validity: &Validity,
    longest_pause: Duration,
    status: &Arc<Status>,
) -> Result<(), String> {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(longest_pause)
        .without_max_times()
        // Of its own for every reaction, and the same again for the same one.
        .with_jitter()
        .with_jitter_seed(work.origin.cause.as_u64_pair().1);
    let mut pauses = pauses.build();
    let mut retrying = None;
    loop {
        let slot = slots.acquire().await.map_err(|closed| closed.to_string())?;
        validity.wait().await;
        let outcome = handler.handle(&work.command, &work.origin).await;
        drop(slot);
        match outcome {
            Ok(()) => return Ok(()),
            Err(Failure::Never(reason)) => return Err(reason),
            Err(Failure::Later(reason)) => {
                let pause = pauses.next().unwrap_or(longest_pause);
                tracing::debug!(request = %work.origin.correlation, %reason, ?pause, "will try again");
                status.fails(reason);
                retrying.get_or_insert_with(|| status.retrying());
                sleep(pause).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use uuid::Uuid;

    use super::*;
    use crate::execute::wall_clock;

    /// Fails a number of times, then answers.
    struct Flaky(AtomicU32, Result<(), Failure>);

    #[async_trait]
    impl Handler<()> for Flaky {
        async fn handle(&self, (): &(), _: &Origin) -> Result<(), Failure> {
            match self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
                Ok(_) => Err(Failure::Later("down".to_owned())),
                Err(_) => self.1.clone(),
            }
        }
    }

    async fn run(failures: u32, end: Result<(), Failure>) -> (Result<(), String>, Duration) {
        let origin = Origin { correlation: Uuid::nil(), cause: Uuid::nil(), actor: "test".into() };
        let work = Work { command: (), origin, due: Instant::now() };
        let handler = Flaky(AtomicU32::new(failures), end);
        let (slots, status, began) = (Semaphore::new(1), Arc::default(), Instant::now());
        let validity = Validity::for_ever(&wall_clock());
        let outcome = carry_out(&work, &handler, &slots, &validity, Duration::from_secs(5), &status).await;
        (outcome, began.elapsed())
    }

    /// EL-I5, EL-I13: as long as it takes, at a pace that leaves the callee room.
    #[tokio::test(start_paused = true)]
    async fn what_fails_for_now_is_tried_until_it_works() {
        let (outcome, took) = run(100, Ok(())).await;
        assert_eq!(outcome, Ok(()));
        assert!(took > Duration::from_secs(400), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_for_good_is_not_tried_again() {
        let (outcome, took) = run(0, Err(Failure::Never("no".to_owned()))).await;
        assert_eq!((outcome, took), (Err("no".to_owned()), Duration::ZERO));
    }
}
