//! The contract of the X stand-in, one test per line of it: called in process, at a fixed time.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod faults;
mod harness;
mod media;
mod oauth;
mod posts;
mod reads;
