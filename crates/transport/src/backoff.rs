//! Exponential backoff with full jitter, as a value.

use std::time::Duration;

use crate::Random;

/// Delays `random(0..=min(cap, first * factor^n))`.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    pub first: Duration,
    pub factor: f64,
    pub cap: Duration,
}

impl Backoff {
    /// The delay before try `n + 1` (`n` counts failed tries from 0), at least half the full one so that a
    /// run of small draws does not hammer the other side.
    pub fn delay(&self, n: u32, random: &Random) -> Duration {
        let exponent = i32::try_from(n).unwrap_or(i32::MAX);
        let full = (self.first.as_secs_f64() * self.factor.powi(exponent)).min(self.cap.as_secs_f64());
        Duration::from_secs_f64(full * (0.5 + 0.5 * random.fraction()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_and_stays_under_the_cap() {
        let backoff = Backoff { first: Duration::from_millis(100), factor: 2.0, cap: Duration::from_secs(5) };
        let random = Random::seeded(7);
        for n in 0..80 {
            let delay = backoff.delay(n, &random);
            let full = Duration::from_millis(100).saturating_mul(1 << n.min(6));
            assert!(delay <= full.min(Duration::from_secs(5)), "{n}: {delay:?}");
            assert!(delay >= full.min(Duration::from_secs(5)) / 2, "{n}: {delay:?}");
        }
    }
}
