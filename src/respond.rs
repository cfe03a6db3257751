//! Answers: JSON, redirects, and RFC 9457 problem details.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use social_core::{
    identity::IdentityError,
    problem::{Actor, Problem},
    store::StoreError,
};

use crate::handlers::Response;

/// Why a handler did not do what was asked. Everything a client sees of an error goes through here.
#[derive(Debug)]
pub(crate) struct Error {
    status: StatusCode,
    problem: Problem,
    violations: Vec<Problem>,
}

impl Error {
    pub(crate) fn new(status: StatusCode, code: &str, message: impl Into<String>, action: &str) -> Self {
        let actor = if status.is_server_error() { Actor::Operator } else { Actor::Author };
        Self { status, problem: Problem::new(code, actor, message, action), violations: Vec::new() }
    }

    pub(crate) fn of(status: StatusCode, problem: Problem) -> Self {
        Self { status, problem, violations: Vec::new() }
    }

    pub(crate) fn violations(violations: Vec<Problem>) -> Self {
        let problem = Problem::new(
            "post.not_publishable",
            Actor::Author,
            violations.first().map_or("the post cannot be published", |first| first.message.as_str()),
            violations.first().map_or("Change the post", |first| first.action.as_str()),
        );
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, problem, violations }
    }

    pub(crate) fn bad_request(code: &str, message: impl Into<String>, action: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message, action)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "auth.required", message, "Sign in again")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        let action = "Check the address";
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no such {what}"), action)
    }

    pub(crate) fn into_response(self) -> Response {
        let mut body = json!({
            "type": format!("urn:organically:problem:{}", self.problem.code),
            "title": self.problem.message,
            "status": self.status.as_u16(),
            "code": self.problem.code,
            "detail": self.problem.message,
            "action": self.problem.action,
            "actor": self.problem.actor,
            "retryable": self.problem.retryable || self.status == StatusCode::SERVICE_UNAVAILABLE,
        });
        if !self.violations.is_empty() {
            body["violations"] = json!(self.violations);
        }
        let mut response = json_response(self.status, &body);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        let message = "the data cannot be reached right now";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store.unavailable", message, "Try again in a moment")
    }
}

impl From<IdentityError> for Error {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Unavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "auth.unavailable",
                error.to_string(),
                "Try again in a moment",
            ),
            IdentityError::Invalid(_) | IdentityError::Expired => Self::unauthorized(error.to_string()),
        }
    }
}

pub(crate) fn json_response<T: Serialize>(status: StatusCode, body: &T) -> Response {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = http::Response::new(Bytes::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn redirect(location: &str) -> Response {
    let mut response = http::Response::new(Bytes::new());
    *response.status_mut() = StatusCode::FOUND;
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
