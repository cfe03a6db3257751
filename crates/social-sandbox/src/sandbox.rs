//! One sandbox: a clock, a list of faults and a state per platform, behind one router.
use std::fmt;
use std::sync::Arc;

use axum::Router;
use chrono::{DateTime, Duration, Utc};

use crate::clock::Clock;
use crate::control;
use crate::faults::Faults;
use crate::x;

/// What a sandbox starts with. Everything about a platform can be changed later through its admin handle.
#[derive(Clone)]
pub struct SandboxOptions {
    /// The time to follow; the system's when absent. [`Sandbox::advance`] adds to it.
    pub now: Option<Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>>,
    /// Tokens, codes and short links are drawn from this seed, so that a run can be repeated.
    pub seed: u64,
    /// Where the router is reached, e.g. `http://127.0.0.1:4010`.
    pub public_url: String,
    pub x: x::Options,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self { now: None, seed: 1, public_url: "http://127.0.0.1:4010".to_owned(), x: x::Options::default() }
    }
}

impl fmt::Debug for SandboxOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxOptions")
            .field("seed", &self.seed)
            .field("public_url", &self.public_url)
            .field("x", &self.x)
            .finish_non_exhaustive()
    }
}

/// A handle; clones see the same platforms.
#[derive(Clone, Debug)]
pub struct Sandbox {
    clock: Clock,
    faults: Faults,
    x: x::X,
}

impl Sandbox {
    pub fn new(options: SandboxOptions) -> Self {
        let clock = Clock::new(options.now);
        let faults = Faults::default();
        let x = x::X::new(options.x, options.seed, &options.public_url, clock.clone(), faults.clone());
        Self { clock, faults, x }
    }

    /// Everything under `/x/...` and `/control/...`.
    pub fn router(&self) -> Router {
        Router::new().nest("/x", x::router(self.x.clone())).nest("/control", control::router(self.clone()))
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Moves the sandbox's clock; negative durations move it back.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What the audience and the platform's books say about X.
    pub fn x(&self) -> x::View {
        self.x.view()
    }

    /// The platform's side of X: accounts, tokens, suspensions, switches.
    pub fn x_admin(&self) -> x::Admin {
        self.x.admin()
    }
}
