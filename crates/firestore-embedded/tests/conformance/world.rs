//! A server with an empty project, and what is compared of its answers.

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use firestore_embedded::Store;
use firestore_rest::{Auth, Client, ClientOptions};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;
use transport::{
    HttpTransport, HttpTransportOptions, Random, Request, Response, SharedTransport, SystemClock, Transport,
    TransportError,
};

pub(crate) struct World {
    pub(crate) transport: SharedTransport,
    pub(crate) base_url: String,
    pub(crate) project: String,
}

struct InProcess(axum::Router);

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let request = request.map(axum::body::Body::from);
        let (head, body) = self.0.clone().oneshot(request).await.unwrap().into_parts();
        Ok(Response::from_parts(head, body.collect().await.unwrap().to_bytes()))
    }
}

impl World {
    pub(crate) fn embedded() -> Self {
        let transport = Arc::new(InProcess(Store::new().router()));
        Self::new(transport, "http://embedded/v1".to_owned())
    }

    pub(crate) fn emulator(host: &str) -> Self {
        let transport = Arc::new(HttpTransport::new(HttpTransportOptions::default()));
        Self::new(transport, format!("http://{host}/v1"))
    }

    fn new(transport: SharedTransport, base_url: String) -> Self {
        let project = format!("demo-{}", Random::from_os().hex::<6>());
        Self { transport, base_url, project }
    }

    pub(crate) fn client(&self) -> Client {
        let options = ClientOptions {
            base_url: self.base_url.clone(),
            project: self.project.clone(),
            database: "(default)".to_owned(),
            auth: Auth::EmulatorOwner,
        };
        Client::new(Arc::clone(&self.transport), Arc::new(SystemClock), Random::from_os(), options)
    }

    /// `projects/P/databases/(default)/documents`
    pub(crate) fn root(&self) -> String {
        format!("projects/{}/databases/(default)/documents", self.project)
    }

    pub(crate) fn name(&self, path: &str) -> String {
        format!("{}/{path}", self.root())
    }

    /// Status and JSON of `method` on `…/documents{path}`.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = http::Request::builder()
            .method(method)
            .uri(format!("{}/{}{path}", self.base_url, self.root()))
            .header("authorization", "Bearer owner")
            .header("content-type", "application/json")
            .body(if body.is_null() { Bytes::new() } else { body.to_string().into() })
            .unwrap();
        let response = self.transport.send(request).await.unwrap();
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap_or(Value::Null))
    }

    pub(crate) async fn post(&self, method: &str, body: Value) -> (u16, Value) {
        self.send("POST", &format!(":{method}"), &body).await
    }

    /// A commit that must succeed.
    pub(crate) async fn commit(&self, writes: Value) -> Value {
        let (status, answer) = self.post("commit", json!({ "writes": writes })).await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// The canonical status of a refusal, with the HTTP code: `400 INVALID_ARGUMENT`.
    pub(crate) async fn refusal(&self, method: &str, body: Value) -> String {
        let (code, answer) = self.post(method, body).await;
        refusal(code, &answer)
    }

    /// Replaces `posts/{id}`.
    pub(crate) async fn put(&self, id: &str, fields: Value) {
        self.commit(json!([{ "update": { "name": self.name(&format!("posts/{id}")), "fields": fields } }]))
            .await;
    }

    pub(crate) async fn document(&self, id: &str) -> Value {
        let (status, document) = self.send("GET", &format!("/posts/{id}"), &Value::Null).await;
        assert_eq!(status, 200, "{document}");
        document
    }

    /// The ids that a query over `posts` finds, in order.
    pub(crate) async fn ids(&self, query: Value) -> Vec<String> {
        let mut query = query;
        query["from"] = json!([{ "collectionId": "posts" }]);
        let (status, answer) = self.post("runQuery", json!({ "structuredQuery": query })).await;
        assert_eq!(status, 200, "{query} {answer}");
        let elements = answer.as_array().unwrap();
        assert!(elements.iter().all(|element| element["readTime"].is_string()), "{answer}");
        elements
            .iter()
            .filter_map(|element| element["document"]["name"].as_str())
            .map(|name| name.rsplit_once('/').unwrap().1.to_owned())
            .collect()
    }
}

/// Production wraps a stream's error in an array, the emulator does not.
pub(crate) fn refusal(code: u16, answer: &Value) -> String {
    let error = answer.get(0).unwrap_or(answer)["error"].clone();
    assert_eq!(error["code"], code, "{answer}");
    assert!(error["message"].is_string(), "{answer}");
    format!("{code} {}", error["status"].as_str().unwrap_or_default())
}

pub(crate) fn int(value: i64) -> Value {
    json!({ "integerValue": value.to_string() })
}

pub(crate) fn text(value: &str) -> Value {
    json!({ "stringValue": value })
}

pub(crate) fn time(value: &str) -> Value {
    json!({ "timestampValue": value })
}
