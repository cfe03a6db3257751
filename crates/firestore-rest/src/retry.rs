//! Which failures are repeated, how often and after how long.
//!
//! Few and short tries that bridge a blip inside one invocation: the caller has a minute, and a later
//! invocation for anything longer. At most [`MAX_TRIES`], 100 ms doubling up to 5 s with jitter: about 1.5 s
//! in all.

use std::time::Duration;

use transport::Backoff;

use crate::Error;

pub(crate) const MAX_TRIES: u32 = 5;

pub(crate) const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(100), factor: 2.0, cap: Duration::from_secs(5) };

/// What a second sending would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Safety {
    /// The same as one: a read, a conditional write, or one that sets the same again.
    Repeatable,
    /// Something more, if the first was acted upon.
    Once,
}

/// Whether to send again after `error`. `internal` counts earlier INTERNAL answers: they are repeated once.
pub(crate) fn repeat(error: &Error, safety: Safety, internal: u32) -> bool {
    match error {
        // Nothing was done.
        Error::Aborted | Error::Throttled | Error::NotSent(transport::TransportError::NotSent(_)) => true,
        // Something may have been done.
        Error::Unavailable
        | Error::DeadlineExceeded
        | Error::NoAnswer(transport::TransportError::Lost(_)) => safety == Safety::Repeatable,
        Error::Internal => safety == Safety::Repeatable && internal < 1,
        Error::Unreadable { status, .. } => safety == Safety::Repeatable && *status >= 500 && internal < 1,
        _ => false,
    }
}

/// Of one write in a `:batchWrite`: its own answer says that it was not made.
pub(crate) fn repeat_write(error: &Error) -> bool {
    matches!(error, Error::Aborted | Error::Throttled | Error::Unavailable)
}
