//! Step after step, until it is told to stop or cannot go on.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Worker;
use crate::step_error::StepError;

/// How long a checkpoint may be behind for positions without an event of interest. They cost only time at
/// the next start, but whoever else looks at it thinks that the rows are behind.
pub(super) const QUIET: Duration = Duration::from_secs(1);

/// From how many events in one transaction on the next one waits a moment. What happens to a request
/// happens close together, and its row is then written once.
pub(super) const BUSY: usize = 256;

/// How long it waits then: long enough for a request to be applied for, paid and delivered meanwhile, too
/// short for a student to notice.
const MOMENT: Duration = Duration::from_millis(25);

impl Worker {
    /// Steps until the token fires, then writes its last checkpoint. Waits longer and longer while
    /// something fails; gives up on what cannot pass, and says why.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) -> Result<(), StepError> {
        let backoff = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(5))
            .with_jitter()
            .without_max_times();
        let mut delays = backoff.build();
        loop {
            let taken = tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                taken = self.take_unless_quiet() => taken,
            };
            let outcome = match taken {
                Ok(true) => self.apply().await,
                Ok(false) => self.save().await,
                Err(error) => Err(error),
            };
            if std::mem::take(&mut self.busy) {
                sleep(MOMENT).await;
            }
            match outcome {
                Ok(()) => delays = backoff.build(),
                Err(error) if error.is_passing() => {
                    let name = self.projection.name();
                    tracing::warn!(projection = name, %error, "a projection waits for better times");
                    self.progress.send_modify(|progress| progress.trouble = Some(error.to_string()));
                    let delay = delays.next().unwrap_or(Duration::from_secs(5));
                    tokio::select! {
                        () = shutdown.cancelled() => break,
                        () = sleep(delay) => {}
                    }
                }
                Err(error @ StepError::LeaseLost(_)) => return Err(error),
                Err(error) => {
                    tracing::error!(projection = self.projection.name(), %error, "a projection stopped");
                    self.progress.send_modify(|progress| progress.stopped = Some(error.to_string()));
                    return Err(error);
                }
            }
        }
        if let Err(error) = self.save().await {
            // Only positions without an event of interest are looked at again.
            tracing::warn!(projection = self.projection.name(), %error, "the last checkpoint was not written");
        }
        Ok(())
    }

    /// Whether there was something to take before the log was quiet for long.
    async fn take_unless_quiet(&mut self) -> Result<bool, StepError> {
        if self.in_doubt {
            self.go_back().await?;
        }
        match timeout(QUIET, self.take()).await {
            Ok(taken) => taken.map(|()| true),
            Err(_) => Ok(false),
        }
    }
}
