use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::{Breaker, BreakerSettings, BreakerState};
use crate::execute::Origin;

/// Whoever answers a synchronous call. The question carries the idempotency key: asking again must
/// do nothing again.
#[async_trait]
pub trait Callee<Q, A>: Send + Sync {
    /// Answers.
    ///
    /// # Errors
    /// [`CallError`].
    async fn call(&self, question: Q, origin: Origin) -> Result<A, CallError>;
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No answer in time. The callee may have done the work, or still be doing it (SPEC D11).
    #[error("{0} did not answer in time")]
    TimedOut(&'static str),
    /// So many calls are under way that this one was not made.
    #[error("{0} is busy")]
    Busy(&'static str),
    /// The breaker is open; the call was not made.
    #[error("{0} kept failing and is left alone for a while")]
    Open(&'static str),
    /// The callee failed, and may have done the work all the same.
    #[error("{0}")]
    Unavailable(String),
    /// The callee was not reached: it certainly did nothing.
    #[error("{0}")]
    Down(String),
    /// The callee's business says no. It works, so this is no failure of the call.
    #[error("{0}")]
    Refused(String),
}

impl CallError {
    /// Whether the callee may have done the work, or may still do it (SPEC D11).
    pub fn may_have_worked(&self) -> bool {
        match self {
            Self::TimedOut(_) | Self::Unavailable(_) => true,
            Self::Busy(_) | Self::Open(_) | Self::Down(_) | Self::Refused(_) => false,
        }
    }
}

/// How a call is guarded.
#[derive(Debug, Clone, PartialEq)]
pub struct PortSettings {
    /// How long to wait for an answer.
    pub timeout: Duration,
    /// How many calls may be under way, those included whose answer nobody waits for any more.
    pub max_concurrent: usize,
    /// When to stop asking.
    pub breaker: BreakerSettings,
}

/// Where the callee of a synchronous call lives, and how the call is guarded.
#[derive(Debug, Clone)]
pub struct CallSettings {
    /// Its base URL; `None` when it lives in this process.
    pub url: Option<String>,
    /// Timeout, bulkhead and breaker.
    pub port: PortSettings,
}

/// Through which one context asks another.
pub struct Port<Q, A> {
    name: &'static str,
    timeout: Duration,
    bulkhead: Arc<Semaphore>,
    breaker: Mutex<Breaker>,
    callee: Arc<dyn Callee<Q, A>>,
}

impl<Q: Send + 'static, A: Send + 'static> Port<Q, A> {
    /// A port to this callee, which goes by `name` in errors and metrics.
    pub fn new(name: &'static str, settings: PortSettings, callee: Arc<dyn Callee<Q, A>>) -> Self {
        let bulkhead = Arc::new(Semaphore::new(settings.max_concurrent));
        let breaker = Mutex::new(Breaker::new(settings.breaker));
        Self { name, timeout: settings.timeout, bulkhead, breaker, callee }
    }

    /// Asks, and waits for the answer as long as the settings allow.
    ///
    /// A timeout, or a caller that hangs up, abandons the answer and not the work.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(&self, question: Q, origin: Origin) -> Result<A, CallError> {
        self.enter()?.call(question, origin).await
    }

    /// Makes sure that a call may be made, before what it is about is decided.
    ///
    /// # Errors
    /// [`CallError::Open`] and [`CallError::Busy`].
    pub fn enter(&self) -> Result<Entered<'_, Q, A>, CallError> {
        if !self.breaker().admit(Instant::now()) {
            return Err(CallError::Open(self.name));
        }
        let report = Report { port: self, answered: false };
        match Arc::clone(&self.bulkhead).try_acquire_owned() {
            Ok(permit) => Ok(Entered { report, permit }),
            Err(_) => report.close(Err(CallError::Busy(self.name))),
        }
    }

    /// What the breaker does with the next call.
    pub fn breaker_state(&self) -> BreakerState {
        self.breaker().state()
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().expect("no code panics while it holds the breaker")
    }
}

/// A call that may be made.
pub struct Entered<'p, Q: Send + 'static, A: Send + 'static> {
    report: Report<'p, Q, A>,
    permit: OwnedSemaphorePermit,
}

impl<Q: Send + 'static, A: Send + 'static> Entered<'_, Q, A> {
    /// As [`Port::call`].
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn call(self, question: Q, origin: Origin) -> Result<A, CallError> {
        let Self { report, permit } = self;
        let Port { name, timeout: patience, callee, .. } = report.port;
        let callee = Arc::clone(callee);
        let work = Work::new(async move {
            let _permit = permit;
            callee.call(question, origin).await
        });
        report.close(match timeout(*patience, work).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(CallError::Unavailable(format!("{name} panicked"))),
            Err(_) => Err(CallError::TimedOut(name)),
        })
    }
}

/// Work that is finished in a task of its own when nobody waits for it any more. Most of the time somebody
/// does, and no task is made.
struct Work<T: Send + 'static>(Option<BoxFuture<'static, thread::Result<T>>>);

impl<T: Send + 'static> Work<T> {
    fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(Some(AssertUnwindSafe(work).catch_unwind().boxed()))
    }
}

impl<T: Send + 'static> Future for Work<T> {
    type Output = thread::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let work = self.0.as_mut().expect("nobody polls what has ended");
        let ended = ready!(work.poll_unpin(context));
        self.0 = None;
        Poll::Ready(ended)
    }
}

impl<T: Send + 'static> Drop for Work<T> {
    fn drop(&mut self) {
        // Without a runtime the whole process is going down.
        if let (Some(work), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(work);
        }
    }
}

/// Tells the breaker how the call ended, also when the caller hangs up in the middle: an admitted
/// trial that nobody reports would keep the breaker half open for ever.
struct Report<'p, Q: Send + 'static, A: Send + 'static> {
    port: &'p Port<Q, A>,
    answered: bool,
}

impl<Q: Send + 'static, A: Send + 'static> Report<'_, Q, A> {
    fn close<T>(mut self, answer: Result<T, CallError>) -> Result<T, CallError> {
        self.answered = matches!(answer, Ok(_) | Err(CallError::Refused(_)));
        answer
    }
}

impl<Q: Send + 'static, A: Send + 'static> Drop for Report<'_, Q, A> {
    fn drop(&mut self) {
        self.port.breaker().report(Instant::now(), !self.answered);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use uuid::Uuid;

    use super::*;

    /// Answers after a while, and counts what it finished.
    struct Slow(Duration, Arc<AtomicU32>);

    #[async_trait]
    impl Callee<(), ()> for Slow {
        async fn call(&self, (): (), _: Origin) -> Result<(), CallError> {
            tokio::time::sleep(self.0).await;
            self.1.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    fn port(delay: u64, max_concurrent: usize) -> (Arc<Port<(), ()>>, Arc<AtomicU32>) {
        let finished = Arc::new(AtomicU32::new(0));
        let callee = Slow(Duration::from_millis(delay), Arc::clone(&finished));
        let timeout = Duration::from_millis(610);
        let settings = PortSettings { timeout, max_concurrent, breaker: BreakerSettings::default() };
        (Arc::new(Port::new("slow", settings, Arc::new(callee))), finished)
    }

    fn origin() -> Origin {
        Origin { correlation: Uuid::nil(), cause: Uuid::nil(), actor: "test".into() }
    }

    /// Enough failures to open the breaker.
    async fn twenty_timeouts(port: &Arc<Port<(), ()>>) {
        let call = |_| {
            let port = Arc::clone(port);
            tokio::spawn(async move { port.call((), origin()).await })
        };
        for call in (0..20).map(call).collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap(), Err(CallError::TimedOut("slow")));
        }
    }

    /// G6, EL-I12
    #[tokio::test(start_paused = true)]
    async fn a_timeout_abandons_the_answer_and_not_the_work() {
        let (port, finished) = port(615, 10);
        assert_eq!(port.call((), origin()).await, Err(CallError::TimedOut("slow")));
        assert_eq!(finished.load(Ordering::SeqCst), 0);
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(finished.load(Ordering::SeqCst), 1);
    }

    /// G6: a browser that is closed takes no money back.
    #[tokio::test(start_paused = true)]
    async fn a_caller_that_hangs_up_abandons_the_answer_and_not_the_work() {
        let (port, finished) = port(100, 10);
        let caller = timeout(Duration::from_millis(1), port.call((), origin()));
        assert!(caller.await.is_err());
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(finished.load(Ordering::SeqCst), 1);
    }

    /// A defect of the callee.
    #[tokio::test]
    async fn a_callee_that_panics_is_unavailable() {
        struct Panics;

        #[async_trait]
        impl Callee<(), ()> for Panics {
            async fn call(&self, (): (), _: Origin) -> Result<(), CallError> {
                panic!("not like this")
            }
        }

        let (timeout, breaker) = (Duration::from_secs(1), BreakerSettings::default());
        let port = Port::new("slow", PortSettings { timeout, max_concurrent: 1, breaker }, Arc::new(Panics));
        for _ in 0..2 {
            let unavailable = CallError::Unavailable("slow panicked".to_owned());
            assert_eq!(port.call((), origin()).await, Err(unavailable));
        }
    }

    /// SPEC 0.2: the eleventh concurrent call is refused at once.
    #[tokio::test(start_paused = true)]
    async fn a_full_bulkhead_refuses_at_once() {
        let (port, _) = port(400, 10);
        let calls: Vec<_> = (0..10)
            .map(|_| {
                let port = Arc::clone(&port);
                tokio::spawn(async move { port.call((), origin()).await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(port.call((), origin()).await, Err(CallError::Busy("slow")));
        for call in calls {
            assert_eq!(call.await.unwrap(), Ok(()));
        }
    }

    /// G7: no call to the callee while open, one trial afterwards.
    #[tokio::test(start_paused = true)]
    async fn an_open_breaker_makes_no_calls() {
        let (port, finished) = port(700, 100);
        twenty_timeouts(&port).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(port.call((), origin()).await, Err(CallError::Open("slow")));
        assert_eq!(finished.load(Ordering::SeqCst), 20);
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert_eq!(port.call((), origin()).await, Err(CallError::TimedOut("slow")), "the trial");
    }

    #[tokio::test(start_paused = true)]
    async fn a_trial_whose_caller_hangs_up_leaves_the_breaker_usable() {
        let (port, _) = port(700, 100);
        twenty_timeouts(&port).await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let trial = Arc::clone(&port);
        let trial = tokio::spawn(async move { trial.call((), origin()).await });
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(port.breaker_state(), BreakerState::HalfOpen);
        trial.abort();
        assert!(trial.await.is_err());
        assert_eq!(port.breaker_state(), BreakerState::Open);
    }
}
