//! Randomness as a value: seeded by the system in production, by a number in a test.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};

/// A cryptographically secure generator, shared by cheap clones.
#[derive(Clone)]
pub struct Random(Arc<Mutex<StdRng>>);

impl Random {
    pub fn from_os() -> Self {
        Self(Arc::new(Mutex::new(StdRng::from_os_rng())))
    }

    /// For tests: the same draws in every run.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(StdRng::seed_from_u64(seed))))
    }

    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.lock().fill_bytes(&mut bytes);
        bytes
    }

    /// `2 * N` lower-case hexadecimal digits.
    pub fn hex<const N: usize>(&self) -> String {
        self.bytes::<N>().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Uniform in `[0, 1)`.
    pub fn fraction(&self) -> f64 {
        self.lock().random()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, StdRng> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random")
    }
}
