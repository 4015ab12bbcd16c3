//! Stops asking a callee that keeps failing. Pure: the time is told, so that a test needs none.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// When a breaker opens and for how long. The defaults are those of the library behind the
/// documents' measurements (SPEC 0.2).
#[derive(Debug, Clone, PartialEq)]
pub struct BreakerSettings {
    /// Opens at this share of failures, in percent.
    pub error_pct: u32,
    /// Judges nothing on fewer calls than this.
    pub min_calls: u32,
    /// Judges the calls of this long.
    pub window: Duration,
    /// Stays open this long before one call may try.
    pub open: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        let (window, open) = (Duration::from_secs(10), Duration::from_secs(5));
        Self { error_pct: 50, min_calls: 20, window, open }
    }
}

/// What a breaker does with the next call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Lets it pass.
    Closed,
    /// Refuses it.
    Open,
    /// Refuses it while one call tries.
    HalfOpen,
}

/// Counts how calls end and decides whether the next may be made.
#[derive(Debug)]
pub struct Breaker {
    settings: BreakerSettings,
    phase: Phase,
    /// Ten slices of the window, oldest first.
    slices: VecDeque<Slice>,
}

#[derive(Debug)]
enum Phase {
    Closed,
    Open { until: Instant },
    Trying,
}

#[derive(Debug)]
struct Slice {
    began: Instant,
    calls: u32,
    failures: u32,
}

/// Into how many slices the window is cut: the finer, the more exactly old calls are forgotten.
const SLICES: u32 = 10;

impl Breaker {
    /// A closed breaker.
    pub fn new(settings: BreakerSettings) -> Self {
        Self { settings, phase: Phase::Closed, slices: VecDeque::new() }
    }

    /// Whether a call may be made now. Who gets `true` reports how it ended.
    pub fn admit(&mut self, now: Instant) -> bool {
        match self.phase {
            Phase::Closed => true,
            Phase::Open { until } if now >= until => {
                self.phase = Phase::Trying;
                true
            }
            Phase::Open { .. } | Phase::Trying => false,
        }
    }

    /// A call that was admitted ended.
    pub fn report(&mut self, now: Instant, failed: bool) {
        match self.phase {
            Phase::Closed => self.count(now, failed),
            Phase::Trying if failed => self.phase = Phase::Open { until: now + self.settings.open },
            Phase::Trying => {
                self.phase = Phase::Closed;
                self.slices.clear();
            }
            // A straggler from before it opened tells nothing new.
            Phase::Open { .. } => {}
        }
    }

    /// What it does with the next call.
    pub fn state(&self) -> BreakerState {
        match self.phase {
            Phase::Closed => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::Trying => BreakerState::HalfOpen,
        }
    }

    fn count(&mut self, now: Instant, failed: bool) {
        let Self { settings, slices, .. } = self;
        while slices.front().is_some_and(|slice| now.duration_since(slice.began) >= settings.window) {
            slices.pop_front();
        }
        if slices.back().is_none_or(|slice| now.duration_since(slice.began) >= settings.window / SLICES) {
            slices.push_back(Slice { began: now, calls: 0, failures: 0 });
        }
        if let Some(slice) = slices.back_mut() {
            slice.calls += 1;
            slice.failures += u32::from(failed);
        }
        let calls: u32 = slices.iter().map(|slice| slice.calls).sum();
        let failures: u32 = slices.iter().map(|slice| slice.failures).sum();
        if calls >= settings.min_calls && failures * 100 >= calls * settings.error_pct {
            self.phase = Phase::Open { until: now + settings.open };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::new(BreakerSettings::default());
        for call in 0..20 {
            assert!(breaker.admit(now));
            breaker.report(now, call % 2 == 0);
        }
        breaker
    }

    /// G7
    #[test]
    fn it_opens_at_half_of_twenty_calls_and_then_refuses_at_once() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(!breaker.admit(now + Duration::from_millis(4_999)));
    }

    #[test]
    fn it_stays_closed_on_fewer_calls_or_fewer_failures() {
        let now = Instant::now();
        let mut few = Breaker::new(BreakerSettings::default());
        (0..19).for_each(|_| few.report(now, true));
        assert_eq!(few.state(), BreakerState::Closed);
        let mut good = Breaker::new(BreakerSettings::default());
        (0..100).for_each(|call| good.report(now, call % 3 == 2));
        assert_eq!(good.state(), BreakerState::Closed);
    }

    /// G7
    #[test]
    fn after_a_while_one_call_tries_and_decides() {
        let now = Instant::now();
        let later = now + Duration::from_secs(5);
        let mut breaker = opened(now);
        assert!(breaker.admit(later));
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        assert!(!breaker.admit(later), "only one");
        breaker.report(later, true);
        assert_eq!(breaker.state(), BreakerState::Open);
        assert!(breaker.admit(later + Duration::from_secs(5)));
        breaker.report(later + Duration::from_secs(5), false);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[test]
    fn it_forgets_calls_older_than_the_window() {
        let now = Instant::now();
        let mut breaker = Breaker::new(BreakerSettings::default());
        (0..19).for_each(|_| breaker.report(now, true));
        breaker.report(now + Duration::from_secs(10), true);
        assert_eq!(breaker.state(), BreakerState::Closed);
    }
}
