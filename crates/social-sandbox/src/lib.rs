//! The platforms on localhost: strict, with a clock that can be moved and faults that can be ordered.
//!
//! Written from the platforms' documentation and from nothing else: it shares no type with the code that
//! is tested against it, so that a misreading on one side is caught by the other. Every platform lives in
//! a folder of its own ([`x`]); what is true of all of them (time, faults, answers) lives beside it.

mod answer;
mod clock;
mod control;
mod faults;
mod sandbox;
pub mod x;

pub use answer::DroppedAnswer;
pub use faults::{Fault, FaultAction, FaultBody, Faults, RateLimitForm};
pub use sandbox::{Sandbox, SandboxOptions};
