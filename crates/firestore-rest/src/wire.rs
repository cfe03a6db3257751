//! Reading answers: an object, an array of stream elements, an error in either, or something else.
//!
//! Production wraps a stream's error in the array (`[{"error":{…}}]`), the emulator sends it bare
//! (`{"error":{…}}`), and an error can come in any element after the headers said 200.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, de::DeserializeOwned};
use transport::Response;

use crate::{Document, DocumentPath, Error, Fields, UpdateTime, Value, error::WireError};

/// A unary answer.
pub(crate) fn object<T: DeserializeOwned>(response: &Response) -> Result<T, Error> {
    check(response)?;
    serde_json::from_slice(response.body()).map_err(|error| unreadable(response, Some(&error)))
}

/// A stream's answer.
pub(crate) fn elements<T: DeserializeOwned>(response: &Response) -> Result<Vec<T>, Error> {
    check(response)?;
    serde_json::from_slice(response.body()).map_err(|error| unreadable(response, Some(&error)))
}

#[derive(Deserialize)]
struct MaybeError {
    error: Option<WireError>,
}

fn check(response: &Response) -> Result<(), Error> {
    let body = response.body();
    // A good answer is not read twice: an error is an object's or element's first key wherever it was seen,
    // and where it is not, the answer does not parse as what was asked for and is looked at again below.
    if response.status() == StatusCode::OK && !contains_error_key(body) {
        return Ok(());
    }
    let error = match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'[') => serde_json::from_slice::<Vec<MaybeError>>(body)
            .ok()
            .and_then(|elements| elements.into_iter().find_map(|element| element.error)),
        Some(b'{') => serde_json::from_slice::<MaybeError>(body).ok().and_then(|answer| answer.error),
        _ => None,
    };
    match error {
        Some(error) => {
            tracing::debug!(status = response.status().as_u16(), ?error, "firestore refused");
            Err(error.into())
        }
        None if response.status().is_success() => Ok(()),
        None => Err(unreadable(response, None)),
    }
}

/// Also true for a document with a field called `error`; then the answer is parsed twice, no more.
fn contains_error_key(body: &[u8]) -> bool {
    body.windows(7).any(|window| window == b"\"error\"")
}

fn unreadable(response: &Response, error: Option<&serde_json::Error>) -> Error {
    const SNIPPET_BYTES: usize = 200;
    let status = response.status();
    if let Some(error) = error {
        tracing::debug!(status = status.as_u16(), line = error.line(), column = error.column(), "unreadable");
    }
    // An answer to a successful read holds documents, which do not belong into an error.
    let snippet = if status.is_success() {
        String::new()
    } else {
        let body = response.body();
        String::from_utf8_lossy(&body[..body.len().min(SNIPPET_BYTES)]).into_owned()
    };
    match status {
        StatusCode::UNAUTHORIZED => Error::Unauthenticated,
        StatusCode::FORBIDDEN => Error::PermissionDenied,
        StatusCode::TOO_MANY_REQUESTS => Error::Throttled,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::BAD_GATEWAY => Error::Unavailable,
        StatusCode::GATEWAY_TIMEOUT => Error::DeadlineExceeded,
        _ => Error::Unreadable { status: status.as_u16(), snippet },
    }
}

/// `{"name":…,"fields":{…},"createTime":…,"updateTime":…}`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WireDocument {
    name: String,
    #[serde(default)]
    fields: Fields,
    #[serde(default)]
    create_time: String,
    update_time: UpdateTime,
}

impl TryFrom<WireDocument> for Document {
    type Error = Error;

    fn try_from(document: WireDocument) -> Result<Self, Error> {
        let path = document_path(&document.name)?;
        let WireDocument { fields, create_time, update_time, .. } = document;
        Ok(Self { path, fields, create_time, update_time })
    }
}

pub(crate) fn document_path(name: &str) -> Result<DocumentPath, Error> {
    DocumentPath::from_name(name).ok_or(Error::Unreadable { status: 200, snippet: String::new() })
}

/// An element of `:batchGet`.
#[derive(Deserialize)]
pub(crate) struct BatchGetElement {
    pub(crate) found: Option<WireDocument>,
    pub(crate) missing: Option<String>,
}

/// An element of `:runQuery`; a progress element carries no document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QueryElement {
    pub(crate) document: Option<WireDocument>,
    pub(crate) read_time: Option<DateTime<Utc>>,
}

/// An element of `:runAggregationQuery`.
#[derive(Deserialize)]
pub(crate) struct AggregationElement {
    pub(crate) result: Option<AggregationResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AggregationResult {
    #[serde(default)]
    pub(crate) aggregate_fields: BTreeMap<String, Value>,
}

/// The answer to `:commit`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommitAnswer {
    #[serde(default)]
    pub(crate) write_results: Vec<WriteResult>,
    /// Of a delete there is no other time.
    pub(crate) commit_time: Option<String>,
}

/// The answer to `:batchWrite`: result and status `i` belong to write `i`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BatchWriteAnswer {
    #[serde(default)]
    pub(crate) write_results: Vec<WriteResult>,
    #[serde(default)]
    pub(crate) status: Vec<WriteStatus>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct WriteResult {
    pub(crate) update_time: Option<UpdateTime>,
}

/// `{}` is success.
#[derive(Default, Deserialize)]
pub(crate) struct WriteStatus {
    #[serde(default)]
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) message: String,
}
