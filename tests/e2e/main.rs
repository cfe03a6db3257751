//! End-to-end stories: the functions' handlers and the engine against the sandbox and the embedded store, all in
//! this process and on a clock that jumps, so that hours take milliseconds and any call can be lost.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod api;
mod connect;
mod publish;
mod sweep;
mod world;
