//! Everything that is true wherever the product runs: connections and their tokens, posts and their
//! deliveries, the publishing engine, and one adapter per platform.
//!
//! The core knows no Vercel, reads no environment variable, and takes the network, the clock and randomness
//! as values (crate `transport`). A platform's folder knows no other platform and no store; the store's wire
//! types end inside [`store`].

pub mod connection;
pub mod identity;
pub mod media;
pub mod oauth;
pub mod platform;
pub mod post;
pub mod problem;
pub mod publish;
pub mod seal;
pub mod secret;
pub mod store;
pub mod tokens;
