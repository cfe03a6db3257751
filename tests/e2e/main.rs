//! End-to-end stories: the functions' handlers and the engine against the sandbox and the embedded store, all in
//! this process and on a clock that jumps, so that hours take milliseconds and any call can be lost.

mod api;
mod connect;
mod publish;
mod sweep;
mod world;
