//! The calls.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::Arc,
    time::Duration,
};

use ::bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde_json::json;
use transport::{Limits, Operation, Random, Response, SharedClock, SharedTransport, TransportError};

use crate::{
    Auth, Document, DocumentPath, Error, FieldPath, Fields, Precondition, Query, QueryResult, UpdateTime,
    Value, Write,
    auth::Granted,
    retry::{BACKOFF, MAX_TRIES, Safety, repeat, repeat_write},
    wire::{
        self, AggregationElement, BatchGetElement, BatchWriteAnswer, CommitAnswer, QueryElement, WriteResult,
    },
    write::WireWrite,
};

/// The most writes that go into one request.
pub const MAX_WRITES: usize = 500;

/// The most documents that one `:batchGet` asks for.
const MAX_READS: usize = 500;

const UNARY: Limits = Limits { timeout: Duration::from_secs(10), max_response_bytes: 32 * 1024 * 1024 };
const STREAM: Limits = Limits { timeout: Duration::from_secs(30), max_response_bytes: 32 * 1024 * 1024 };

/// Where the database is, and who asks.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// `https://firestore.googleapis.com/v1`, or `http://127.0.0.1:8080/v1` for an emulator.
    pub base_url: String,
    pub project: String,
    /// `(default)`
    pub database: String,
    pub auth: Auth,
}

/// One database. Clones share everything.
///
/// Calls repeat a failure that may pass up to five times, as long as a repeat cannot do something twice:
/// reads, writes under [`Precondition::UpdateTime`] or `Exists(false)`, and writes that set the same again.
/// An unconditional increment is sent once and surfaces as [`Error::NoAnswer`] when its answer is lost.
///
/// When the answer to a conditional write is lost and it had been made, the repeat fails with
/// [`Error::FailedPrecondition`] (or [`Error::AlreadyExists`]): a claimer that sees one re-reads the
/// document and looks for its own mark before it concludes that somebody else was first.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    transport: SharedTransport,
    clock: SharedClock,
    random: Random,
    /// `{base_url}/projects/P/databases/D/documents`
    url: String,
    /// `projects/P/databases/D/documents`
    documents: String,
    auth: Auth,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("url", &self.0.url).field("auth", &self.0.auth).finish_non_exhaustive()
    }
}

/// A call's name in logs, its method in the URL, and its bounds.
#[derive(Clone, Copy)]
struct Rpc {
    operation: &'static str,
    method: &'static str,
    limits: Limits,
}

const BATCH_GET: Rpc = Rpc { operation: "firestore.batchGet", method: "batchGet", limits: STREAM };
const COMMIT: Rpc = Rpc { operation: "firestore.commit", method: "commit", limits: UNARY };
const BATCH_WRITE: Rpc = Rpc { operation: "firestore.batchWrite", method: "batchWrite", limits: UNARY };
const RUN_QUERY: Rpc = Rpc { operation: "firestore.runQuery", method: "runQuery", limits: STREAM };
const AGGREGATE: Rpc =
    Rpc { operation: "firestore.runAggregationQuery", method: "runAggregationQuery", limits: STREAM };

impl Client {
    pub fn new(
        transport: SharedTransport,
        clock: SharedClock,
        random: Random,
        options: ClientOptions,
    ) -> Self {
        let ClientOptions { base_url, project, database, auth } = options;
        let documents = format!("projects/{project}/databases/{database}/documents");
        let url = format!("{}/{documents}", base_url.trim_end_matches('/'));
        Self(Arc::new(Inner { transport, clock, random, url, documents, auth }))
    }

    /// The full name of a document as a value, for a field, a filter on `__name__` or a cursor's last value.
    pub fn reference(&self, path: &DocumentPath) -> Value {
        Value::Reference(self.name(path))
    }

    /// The document, or `None`.
    pub async fn get(&self, path: &DocumentPath) -> Result<Option<Document>, Error> {
        let mut found = self.batch_get(std::slice::from_ref(path), None).await?;
        Ok(found.remove(path).flatten())
    }

    /// The documents by path, `None` for one that does not exist. `mask` selects fields.
    pub async fn batch_get(
        &self,
        paths: &[DocumentPath],
        mask: Option<&[FieldPath]>,
    ) -> Result<BTreeMap<DocumentPath, Option<Document>>, Error> {
        let mut documents = BTreeMap::new();
        for chunk in paths.chunks(MAX_READS) {
            let names: Vec<String> = chunk.iter().map(|path| self.name(path)).collect();
            let mut body = json!({ "documents": names });
            if let Some(mask) = mask {
                body["mask"] = json!({ "fieldPaths": mask });
            }
            let elements: Vec<BatchGetElement> =
                self.call(BATCH_GET, "", &body, Safety::Repeatable, wire::elements).await?;
            for element in elements {
                if let Some(found) = element.found {
                    let document = Document::try_from(found)?;
                    documents.insert(document.path.clone(), Some(document));
                } else if let Some(name) = element.missing {
                    documents.insert(wire::document_path(&name)?, None);
                }
            }
        }
        Ok(documents)
    }

    /// Writes a new document.
    ///
    /// # Errors
    ///
    /// [`Error::AlreadyExists`], also for our own document when the answer to it was lost and it was sent
    /// again.
    pub async fn create(&self, path: &DocumentPath, fields: Fields) -> Result<UpdateTime, Error> {
        self.commit_one(Write::replace(path, fields, Precondition::Exists(false))).await
    }

    /// Merges the masked fields into a document; see [`Write::merge`].
    ///
    /// # Errors
    ///
    /// The precondition's: [`Error::NotFound`], [`Error::AlreadyExists`] or [`Error::FailedPrecondition`].
    pub async fn patch(
        &self,
        path: &DocumentPath,
        mask: &[FieldPath],
        fields: Fields,
        precondition: Precondition,
    ) -> Result<UpdateTime, Error> {
        self.commit_one(Write::merge(path, mask.to_vec(), fields, precondition)).await
    }

    async fn commit_one(&self, write: Write) -> Result<UpdateTime, Error> {
        self.commit(vec![write]).await?.pop().ok_or_else(incomplete)
    }

    /// All writes or none, in order; the versions that they made. (A delete's is the commit's time.)
    ///
    /// # Errors
    ///
    /// The first failed precondition's, without saying whose. [`Error::InvalidArgument`] for more than
    /// [`MAX_WRITES`]: they could not be split and stay one.
    pub async fn commit(&self, writes: Vec<Write>) -> Result<Vec<UpdateTime>, Error> {
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        if writes.len() > MAX_WRITES {
            let message = format!("{} writes in one commit, at most {MAX_WRITES} are possible", writes.len());
            return Err(Error::InvalidArgument { message });
        }
        let safety = safety(&writes);
        let body = self.writes_body(writes.iter());
        let answer: CommitAnswer = self.call(COMMIT, "", &body, safety, wire::object).await?;
        if answer.write_results.len() != writes.len() {
            return Err(incomplete());
        }
        let commit_time = answer.commit_time.map(UpdateTime);
        let times = answer.write_results.into_iter();
        times
            .map(|result| result.update_time.or_else(|| commit_time.clone()).ok_or_else(incomplete))
            .collect()
    }

    /// Every write on its own, possibly out of order: one result per write, in the order given. A write
    /// that met contention, throttling or an outage is sent again by itself. More than [`MAX_WRITES`] go
    /// out in several requests, one after the other.
    ///
    /// # Errors
    ///
    /// The call fails as a whole only if no write was answered: a malformed write (or one document twice)
    /// in the first request, no connection, no permission. Otherwise each write has its own error; after
    /// [`Error::NoAnswer`] it may have been made, and a [`Error::FailedPrecondition`] can be our own earlier
    /// sending (see [`Client`]).
    pub async fn batch_write(&self, writes: Vec<Write>) -> Result<Vec<Result<UpdateTime, Error>>, Error> {
        let mut results = Vec::with_capacity(writes.len());
        for chunk in writes.chunks(MAX_WRITES) {
            match self.batch_write_chunk(chunk).await {
                Ok(answered) => results.extend(answered),
                Err(error) if results.is_empty() => return Err(error),
                Err(error) => results.extend(chunk.iter().map(|_| Err(error.clone()))),
            }
        }
        Ok(results)
    }

    async fn batch_write_chunk(&self, writes: &[Write]) -> Result<Vec<Result<UpdateTime, Error>>, Error> {
        let mut results: Vec<Option<Result<UpdateTime, Error>>> = vec![None; writes.len()];
        let mut pending: Vec<usize> = (0..writes.len()).collect();
        for tried in 0..MAX_TRIES {
            let (rest, safety) = (
                pending.iter().map(|&index| &writes[index]),
                safety(pending.iter().map(|&index| &writes[index])),
            );
            let body = self.writes_body(rest);
            let answer: BatchWriteAnswer = match self.call(BATCH_WRITE, "", &body, safety, wire::object).await
            {
                Ok(answer) => answer,
                Err(error) if tried == 0 => return Err(error),
                Err(error) => {
                    pending.iter().for_each(|&index| results[index] = Some(Err(error.clone())));
                    break;
                }
            };
            if answer.status.len() != pending.len() || answer.write_results.len() != pending.len() {
                // It cannot be told which write was made; those answered earlier keep their answers.
                pending.iter().for_each(|&index| results[index] = Some(Err(incomplete())));
                break;
            }
            let mut again = Vec::new();
            for ((index, status), WriteResult { update_time }) in
                pending.iter().copied().zip(answer.status).zip(answer.write_results)
            {
                let result = match status.code {
                    // A delete has no version of its own.
                    0 => Ok(update_time.unwrap_or_else(|| UpdateTime(String::new()))),
                    code => Err(Error::from_rpc_code(code, status.message)),
                };
                if result.as_ref().is_err_and(repeat_write) {
                    again.push(index);
                }
                results[index] = Some(result);
            }
            pending = again;
            if pending.is_empty() || tried + 1 == MAX_TRIES {
                break;
            }
            tracing::debug!(
                operation = BATCH_WRITE.operation,
                writes = pending.len(),
                tried,
                "sending writes again"
            );
            self.0.clock.sleep(BACKOFF.delay(tried, &self.0.random)).await;
        }
        results.into_iter().map(|result| result.ok_or_else(incomplete)).collect()
    }

    /// The matching documents, in order.
    ///
    /// # Errors
    ///
    /// [`Error::FailedPrecondition`] when production lacks the index; the message links to it.
    pub async fn run_query(&self, query: &Query) -> Result<QueryResult, Error> {
        let body = json!({ "structuredQuery": query.to_json(&self.0.documents) });
        let elements: Vec<QueryElement> =
            self.call(RUN_QUERY, &query.parent(), &body, Safety::Repeatable, wire::elements).await?;
        let mut result = QueryResult { documents: Vec::with_capacity(elements.len()), read_time: None };
        for element in elements {
            result.read_time = element.read_time.or(result.read_time);
            if let Some(document) = element.document {
                result.documents.push(document.try_into()?);
            }
        }
        Ok(result)
    }

    /// How many documents match.
    pub async fn count(&self, query: &Query) -> Result<u64, Error> {
        let body = json!({ "structuredAggregationQuery": {
            "structuredQuery": query.to_json(&self.0.documents),
            "aggregations": [{ "alias": "count", "count": {} }],
        }});
        let elements: Vec<AggregationElement> =
            self.call(AGGREGATE, &query.parent(), &body, Safety::Repeatable, wire::elements).await?;
        elements
            .into_iter()
            .find_map(|element| element.result)
            .and_then(|result| result.aggregate_fields.get("count").and_then(Value::as_i64))
            .and_then(|count| u64::try_from(count).ok())
            .ok_or_else(incomplete)
    }

    fn name(&self, path: &DocumentPath) -> String {
        format!("{}/{path}", self.0.documents)
    }

    fn writes_body<'a>(&'a self, writes: impl Iterator<Item = &'a Write>) -> impl Serialize + 'a {
        let writes: Vec<_> = writes.map(|write| WireWrite { documents: &self.0.documents, write }).collect();
        HashMap::from([("writes", writes)])
    }

    /// Sends until it succeeds, cannot be repeated, or was tried often enough.
    async fn call<T>(
        &self,
        rpc: Rpc,
        parent: &str,
        body: &impl Serialize,
        safety: Safety,
        read: fn(&Response) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let body = Bytes::from(serde_json::to_vec(body).map_err(|error| Error::Encode(Arc::new(error)))?);
        let url = format!("{}{parent}:{}", self.0.url, rpc.method);
        let (mut tried, mut internal) = (0, 0);
        loop {
            let error = match self.authorized(rpc, &url, &body).await.and_then(|response| read(&response)) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if tried + 1 >= MAX_TRIES || !repeat(&error, safety, internal) {
                return Err(error);
            }
            internal += u32::from(matches!(error, Error::Internal | Error::Unreadable { .. }));
            tracing::debug!(operation = rpc.operation, code = error.code(), tried, "sending again");
            self.0.clock.sleep(BACKOFF.delay(tried, &self.0.random)).await;
            tried += 1;
        }
    }

    /// One exchange, with a second one under a fresh token if the first token was refused.
    async fn authorized(&self, rpc: Rpc, url: &str, body: &Bytes) -> Result<Response, Error> {
        let Auth::ServiceAccount(account) = &self.0.auth else {
            let header = match self.0.auth {
                Auth::EmulatorOwner => Some(HeaderValue::from_static("Bearer owner")),
                Auth::None | Auth::ServiceAccount(_) => None,
            };
            return self.exchange(rpc, url, body, header).await;
        };
        let granted = account.token(self.0.clock.as_ref()).await.map_err(Error::Credential)?;
        let response = self.exchange(rpc, url, body, Some(bearer(&granted)?)).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        account.renew(&granted).map_err(Error::Credential)?;
        let granted = account.token(self.0.clock.as_ref()).await.map_err(Error::Credential)?;
        self.exchange(rpc, url, body, Some(bearer(&granted)?)).await
    }

    async fn exchange(
        &self,
        rpc: Rpc,
        url: &str,
        body: &Bytes,
        authorization: Option<HeaderValue>,
    ) -> Result<Response, Error> {
        let mut request = http::Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .extension(Operation(rpc.operation))
            .extension(rpc.limits)
            .body(body.clone())
            .map_err(|_| Error::InvalidArgument {
                message: "the database's address is not a URL".to_owned(),
            })?;
        if let Some(authorization) = authorization {
            request.headers_mut().insert(header::AUTHORIZATION, authorization);
        }
        self.0.transport.send(request).await.map_err(|error| match error {
            TransportError::NotSent(_) | TransportError::Forbidden(_) => Error::NotSent(error),
            TransportError::Lost(_) | TransportError::TooLarge { .. } => Error::NoAnswer(error),
        })
    }
}

fn bearer(granted: &Granted) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::try_from(format!("Bearer {}", granted.token.as_str()))
        .map_err(|_| Error::Credential(crate::CredentialError::Refused))?;
    header.set_sensitive(true);
    Ok(header)
}

fn safety<'a>(writes: impl IntoIterator<Item = &'a Write>) -> Safety {
    if writes.into_iter().all(Write::is_repeatable) { Safety::Repeatable } else { Safety::Once }
}

/// A well-formed answer that lacks what it must have.
fn incomplete() -> Error {
    Error::Unreadable { status: 200, snippet: String::new() }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
