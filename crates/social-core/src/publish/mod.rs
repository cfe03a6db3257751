//! The publishing engine: a delivery's life as plain data and one pure function ([`step`]), and the tick that
//! carries it out.

mod delivery;
mod plan;
mod save;
mod step;
mod tick;
mod worker;
mod writer;

pub use delivery::{Delivery, Fence, Lease, Receipt, State};
pub use plan::{Action, Plan, action, overall, plan};
pub use step::{Event, step};
pub use tick::{Publisher, PublisherParts, TickSummary};
pub use worker::FirePermit;

use std::time::Duration;

use chrono::TimeDelta;

/// The engine's numbers. `Default` is production.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How long before its time a post is prepared.
    pub stage_horizon: TimeDelta,
    /// Posts due within this are held by the tick until their second.
    pub fire_window: TimeDelta,
    /// How long before its time the fence is written.
    pub fence_lead: TimeDelta,
    /// A post later than this is missed, not sent out of the blue (`PUBLISH_LATE_LIMIT`).
    pub late_limit: TimeDelta,
    /// How long a tick may run; the function's limit less a margin.
    pub tick_budget: TimeDelta,
    /// How long a lease lasts from now, or from the time a fired post is due.
    pub lease: TimeDelta,
    /// Public calls per delivery, the repeats after proven absence included.
    pub max_attempts: u32,
    /// Failed preparations and refused calls that may be repeated, per delivery.
    pub max_tries: u32,
    /// When to look for a lost call, counted from when it was found lost.
    pub looks: Vec<TimeDelta>,
    /// Looks that must say "absent" before the call is made again.
    pub absent_looks: u32,
    /// Documents per query.
    pub page: u32,
    /// Posts held in memory at once.
    pub in_flight: usize,
    /// Public calls at once.
    pub calls: usize,
    /// How long a write waits for others to share its request.
    pub group_writes: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            stage_horizon: TimeDelta::minutes(10),
            fire_window: TimeDelta::seconds(75),
            fence_lead: TimeDelta::seconds(4),
            late_limit: TimeDelta::minutes(60),
            tick_budget: TimeDelta::seconds(105),
            lease: TimeDelta::seconds(45),
            max_attempts: 3,
            max_tries: 6,
            looks: [5, 30, 120, 600, 3600].map(TimeDelta::seconds).to_vec(),
            absent_looks: 3,
            page: 300,
            in_flight: 4_000,
            calls: 256,
            group_writes: Duration::from_millis(20),
        }
    }
}
