//! The seams to the world outside: one HTTP request, the clock, randomness, backoff.
//!
//! Everything above this crate takes these as values, so that a test can lose an answer, move the time or
//! repeat a run exactly. Reading the system clock or building an HTTP client anywhere else is a lint error
//! (`clippy.toml`).

mod backoff;
mod clock;
mod http_client;
mod random;

pub use backoff::Backoff;
pub use clock::{Clock, SharedClock, SystemClock, TokioClock};
pub use http_client::{HttpTransport, HttpTransportOptions};
pub use random::Random;

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

pub type Request = http::Request<Bytes>;
pub type Response = http::Response<Bytes>;

/// What a request is called in logs, faults and a post's timeline, e.g. `x.posts.create`. Put it into the
/// request's extensions; it never goes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation(pub &'static str);

/// Bounds of one exchange. Put another one into the request's extensions where the default does not fit.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From sending the first byte to reading the last one.
    pub timeout: Duration,
    /// A longer answer is [`TransportError::TooLarge`].
    pub max_response_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(15), max_response_bytes: 8 * 1024 * 1024 }
    }
}

/// One request to one response. A status other than 2xx is a response, not an error; redirects are not
/// followed.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    async fn send(&self, request: Request) -> Result<Response, TransportError>;
}

pub type SharedTransport = Arc<dyn Transport>;

/// Why there is no response. The texts carry no URL, because a URL can hold a secret.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum TransportError {
    /// No byte of the request can have been acted upon: no connection came about. Safe to repeat.
    #[error("could not connect: {0}")]
    NotSent(String),
    /// Sent, or partly sent, and no complete answer came: the other side may have acted on it.
    #[error("no answer: {0}")]
    Lost(String),
    /// The answer was longer than [`Limits::max_response_bytes`].
    #[error("the answer is longer than {limit} bytes")]
    TooLarge { limit: usize },
    /// The guard refused the address (see [`HttpTransportOptions::public_only`]). Nothing was sent.
    #[error("refused to connect: {0}")]
    Forbidden(String),
}
