//! Errors in Google's shape.

use serde_json::{Value as Json, json};

/// A refused request or write.
#[derive(Clone, Debug)]
pub(crate) struct Error {
    pub(crate) status: Status,
    pub(crate) message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    InvalidArgument,
    FailedPrecondition,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    Unimplemented,
}

impl Status {
    /// HTTP code, `google.rpc` number and name.
    fn parts(self) -> (u16, u8, &'static str) {
        match self {
            Self::InvalidArgument => (400, 3, "INVALID_ARGUMENT"),
            Self::FailedPrecondition => (400, 9, "FAILED_PRECONDITION"),
            Self::NotFound => (404, 5, "NOT_FOUND"),
            Self::AlreadyExists => (409, 6, "ALREADY_EXISTS"),
            Self::PermissionDenied => (403, 7, "PERMISSION_DENIED"),
            Self::Unimplemented => (501, 12, "UNIMPLEMENTED"),
        }
    }
}

impl Error {
    pub(crate) fn new(status: Status, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Status::InvalidArgument, message)
    }

    pub(crate) fn unimplemented(what: impl std::fmt::Display) -> Self {
        Self::new(Status::Unimplemented, format!("{what} is not implemented by the embedded Firestore"))
    }

    pub(crate) fn http_code(&self) -> u16 {
        self.status.parts().0
    }

    /// `{"error":{"code":400,"message":"…","status":"INVALID_ARGUMENT"}}`
    pub(crate) fn to_json(&self) -> Json {
        let (code, _, status) = self.status.parts();
        json!({ "error": { "code": code, "message": self.message, "status": status } })
    }

    /// `{"code":9,"message":"…"}`, as in `batchWrite`'s `status[]`.
    pub(crate) fn to_rpc_json(&self) -> Json {
        json!({ "code": self.status.parts().1, "message": self.message })
    }
}

pub(crate) type Result<T> = std::result::Result<T, Error>;
