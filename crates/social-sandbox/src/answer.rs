//! An answer as plain data, and the answer that never arrives.
use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde_json::Value;

/// Marks a response that stands for a closed connection.
///
/// Over a socket nobody sees it: the body fails before the first byte is written, and the connection is
/// closed without an answer. A transport that calls the router in process finds it in the response's
/// extensions and reports a lost answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DroppedAnswer;

#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    dropped: bool,
}

impl Answer {
    fn new(status: u16, content_type: Option<&'static str>, body: impl Into<Bytes>) -> Self {
        Self { status, content_type, headers: Vec::new(), body: body.into(), dropped: false }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, Some("application/json; charset=utf-8"), body.to_string())
    }

    pub(crate) fn html(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, Some("text/html; charset=utf-8"), body)
    }

    pub(crate) fn text(status: u16, body: impl Into<Bytes>) -> Self {
        Self::new(status, Some("text/plain; charset=utf-8"), body)
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self::new(status, None, Bytes::new())
    }

    pub(crate) fn redirect(location: String) -> Self {
        Self::empty(302).header("location", location)
    }

    pub(crate) fn dropped() -> Self {
        Self { dropped: true, ..Self::empty(500) }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        if self.dropped {
            // A body that fails at once: hyper gives up the connection with the head still unsent.
            let cut = stream::iter([Err::<Bytes, _>(io::Error::from(io::ErrorKind::ConnectionAborted))]);
            let mut response = Response::new(Body::from_stream(cut));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response.extensions_mut().insert(DroppedAnswer);
            return response;
        }
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if let Some(content_type) = self.content_type {
            response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().append(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
