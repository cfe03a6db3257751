//! What went wrong, by what the caller can do about it.

use std::sync::Arc;

use serde::Deserialize;
use transport::TransportError;

use crate::CredentialError;

/// A failed call, after the client's own repeats. The server's message is kept only where it helps whoever
/// reads it (a missing index, a malformed request); decide by the variant, never by the message.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// A document that a precondition wants is not there. Final.
    #[error("the document does not exist")]
    NotFound,
    /// A document that must not exist does, for `exists: false`. Final. After a lost answer it can be our
    /// own: read it to tell.
    #[error("the document exists already")]
    AlreadyExists,
    /// For a write: the document is at another version, somebody else was first. A lost answer followed by
    /// the client's own repeat looks the same, so a claimer re-reads the holder before giving up.
    /// For a query: an index is missing or still being built; the message links to it.
    #[error("precondition failed: {message}")]
    FailedPrecondition { message: String },
    /// Locks were contended through all tries. Nothing was written; try again later.
    #[error("aborted by contention")]
    Aborted,
    /// A quota or rate is used up. Nothing was written; come back in a minute rather than at once.
    #[error("throttled")]
    Throttled,
    /// The token was refused, also a fresh one.
    #[error("the credentials were refused")]
    Unauthenticated,
    /// The account may not do this. Somebody has to grant it.
    #[error("permission denied")]
    PermissionDenied,
    /// The request is malformed: a defect in the caller.
    #[error("invalid argument: {message}")]
    InvalidArgument { message: String },
    /// The server ran out of time. A write may have happened.
    #[error("the server's deadline passed")]
    DeadlineExceeded,
    /// The service is down. A write may have happened.
    #[error("the service is unavailable")]
    Unavailable,
    /// A write may have happened.
    #[error("internal server error")]
    Internal,
    /// The server does not know the call (an emulator's gap).
    #[error("not implemented by the server")]
    Unimplemented,
    /// Another canonical status, e.g. `CANCELLED`. A write may have happened.
    #[error("the server answered {status}: {message}")]
    Other { status: String, message: String },
    /// No complete answer came; a write may have happened.
    #[error("no answer")]
    NoAnswer(#[source] TransportError),
    /// No connection came about; nothing happened.
    #[error("the request could not be sent")]
    NotSent(#[source] TransportError),
    /// An answer that is not Firestore's, e.g. a proxy's page, or JSON of another form. A write may have
    /// happened. `snippet` is at most 200 bytes of it, and empty for a 2xx (it could hold a document).
    #[error("unreadable answer with status {status}: {snippet}")]
    Unreadable { status: u16, snippet: String },
    /// No access token could be had; nothing was sent.
    #[error("no access token")]
    Credential(#[source] CredentialError),
    /// A value could not be written as JSON; nothing was sent.
    #[error("the request could not be encoded")]
    Encode(#[source] Arc<serde_json::Error>),
}

impl Error {
    /// The canonical name, e.g. `FAILED_PRECONDITION`; for failures on this side a word of our own in the
    /// same style.
    pub fn code(&self) -> &str {
        match self {
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::FailedPrecondition { .. } => "FAILED_PRECONDITION",
            Self::Aborted => "ABORTED",
            Self::Throttled => "RESOURCE_EXHAUSTED",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::InvalidArgument { .. } => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Other { status, .. } => status,
            Self::NoAnswer(_) => "NO_ANSWER",
            Self::NotSent(_) => "NOT_SENT",
            Self::Unreadable { .. } => "UNREADABLE",
            Self::Credential(_) => "NO_CREDENTIAL",
            Self::Encode(_) => "NOT_ENCODED",
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Aborted
            | Self::Throttled
            | Self::DeadlineExceeded
            | Self::Unavailable
            | Self::Internal
            | Self::NoAnswer(_)
            | Self::NotSent(_) => true,
            Self::Unreadable { status, .. } => *status >= 500 || *status == 429,
            Self::Credential(error) => error.is_transient(),
            Self::NotFound
            | Self::AlreadyExists
            | Self::FailedPrecondition { .. }
            | Self::Unauthenticated
            | Self::PermissionDenied
            | Self::InvalidArgument { .. }
            | Self::Unimplemented
            | Self::Other { .. }
            | Self::Encode(_) => false,
        }
    }

    /// Whether a write that failed like this may have been made all the same.
    pub fn may_have_happened(&self) -> bool {
        matches!(
            self,
            Self::DeadlineExceeded
                | Self::Unavailable
                | Self::Internal
                | Self::Other { .. }
                | Self::NoAnswer(_)
                | Self::Unreadable { .. }
        )
    }

    fn from_status(status: &str, message: String) -> Self {
        match status {
            "NOT_FOUND" => Self::NotFound,
            "ALREADY_EXISTS" => Self::AlreadyExists,
            "FAILED_PRECONDITION" => Self::FailedPrecondition { message },
            "ABORTED" => Self::Aborted,
            "RESOURCE_EXHAUSTED" => Self::Throttled,
            "UNAUTHENTICATED" => Self::Unauthenticated,
            "PERMISSION_DENIED" => Self::PermissionDenied,
            "INVALID_ARGUMENT" | "OUT_OF_RANGE" => Self::InvalidArgument { message },
            "DEADLINE_EXCEEDED" => Self::DeadlineExceeded,
            "UNAVAILABLE" => Self::Unavailable,
            "INTERNAL" => Self::Internal,
            "UNIMPLEMENTED" => Self::Unimplemented,
            other => Self::Other { status: other.to_owned(), message },
        }
    }

    /// `code` is the `google.rpc` number, as in `batchWrite`'s `status[]`.
    pub(crate) fn from_rpc_code(code: i64, message: String) -> Self {
        let status = match code {
            1 => "CANCELLED",
            3 => "INVALID_ARGUMENT",
            4 => "DEADLINE_EXCEEDED",
            5 => "NOT_FOUND",
            6 => "ALREADY_EXISTS",
            7 => "PERMISSION_DENIED",
            8 => "RESOURCE_EXHAUSTED",
            9 => "FAILED_PRECONDITION",
            10 => "ABORTED",
            11 => "OUT_OF_RANGE",
            12 => "UNIMPLEMENTED",
            13 => "INTERNAL",
            14 => "UNAVAILABLE",
            15 => "DATA_LOSS",
            16 => "UNAUTHENTICATED",
            _ => "UNKNOWN",
        };
        Self::from_status(status, message)
    }
}

/// `{"code":400,"message":"…","status":"FAILED_PRECONDITION"}`
#[derive(Debug, Deserialize)]
pub(crate) struct WireError {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
    /// Absent in `batchWrite`'s `status[]`, whose `code` is the rpc number.
    status: Option<String>,
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        match error.status {
            Some(status) => Self::from_status(&status, error.message),
            None => Self::from_rpc_code(error.code, error.message),
        }
    }
}
