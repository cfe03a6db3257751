//! An in-memory Firestore over REST v1, in process: for tests, local runs and benchmarks.
//!
//! It answers the calls that this workspace makes (and the plain document calls, for a shell) with
//! Firestore's semantics, and everything else with 501 UNIMPLEMENTED, loudly. It shares no code with
//! `firestore-rest`: written twice from the documentation, the two check each other, and one conformance
//! suite holds this server against Google's emulator (`tests/conformance.rs`, `DIFFERENCES.md`).
//!
//! ```text
//! let store = Store::new();
//! axum::serve(listener, store.router()).await?;           // over a socket
//! store.router().oneshot(request).await?;                 // or without one
//! ```
//!
//! `value` holds the values and their order, `write` and `query` the two halves of the semantics,
//! `collection` the documents and their indexes, `http` the calls.

mod collection;
mod error;
mod execute;
mod filter;
mod http;
mod name;
mod order;
mod query;
mod store;
mod transform;
mod value;
mod write;

pub use store::{Metrics, NowFn, Store};
