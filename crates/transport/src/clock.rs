//! The clock: what time it is, and waiting.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

#[async_trait]
pub trait Clock: fmt::Debug + Send + Sync {
    fn now(&self) -> DateTime<Utc>;

    async fn sleep(&self, duration: Duration);

    /// Returns at once when `at` has passed, and never before `at`.
    async fn sleep_until(&self, at: DateTime<Utc>) {
        // A timer may fire a fraction early against the wall clock; look again until it is true.
        while let Ok(left) = (at - self.now()).to_std() {
            if left.is_zero() {
                return;
            }
            self.sleep(left).await;
        }
    }
}

pub type SharedClock = Arc<dyn Clock>;

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// A wall clock that follows Tokio's: with `start_paused` it jumps to the next timer as soon as nothing is
/// left to run, so that a test of hours takes milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct TokioClock {
    base: DateTime<Utc>,
    started: Instant,
}

impl TokioClock {
    /// A clock that shows `base` now.
    pub fn starting_at(base: DateTime<Utc>) -> Self {
        Self { base, started: Instant::now() }
    }
}

#[async_trait]
impl Clock for TokioClock {
    fn now(&self) -> DateTime<Utc> {
        self.base + self.started.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleeping_until_an_instant_never_returns_before_it() {
        let clock = SystemClock;
        let at = clock.now() + Duration::from_millis(15);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at);
    }
}
