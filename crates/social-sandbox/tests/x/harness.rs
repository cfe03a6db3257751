//! A sandbox at a fixed time, and requests to it as one-liners.
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Duration};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use social_sandbox::{DroppedAnswer, Sandbox, SandboxOptions, x};
use tower::ServiceExt;

pub(crate) const ALL: &[&str] = &["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"];
pub(crate) const REDIRECT: &str = "http://127.0.0.1:3000/api/auth/x/callback";
const BOUNDARY: &str = "sandbox-boundary";

pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    router: Router,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) dropped: bool,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Asserts on status and a fragment of the body.
    #[track_caller]
    pub(crate) fn is(&self, status: u16, fragment: &str) -> &Self {
        let text = String::from_utf8_lossy(&self.body);
        assert!(
            self.status == status && text.contains(fragment),
            "{status} {fragment:?}: {} {text}",
            self.status
        );
        self
    }
}

pub(crate) fn world() -> World {
    world_with(|_| ())
}

pub(crate) fn world_with(change: impl FnOnce(&mut x::Options)) -> World {
    let start = DateTime::parse_from_rfc3339("2026-11-23T10:00:00Z").unwrap().to_utc();
    let mut options = SandboxOptions { now: Some(Arc::new(move || start)), ..SandboxOptions::default() };
    options.x.apps.push(x::App::public("public-client", &[REDIRECT]));
    change(&mut options.x);
    let sandbox = Sandbox::new(options);
    World { router: sandbox.router(), sandbox }
}

impl World {
    pub(crate) fn token(&self, username: &str) -> String {
        self.sandbox.x_admin().issue_tokens(username, ALL).0
    }

    pub(crate) fn wait(&self, secs: i64) {
        self.sandbox.advance(Duration::seconds(secs));
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let dropped = response.extensions().get::<DroppedAnswer>().is_some();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = match response.into_body().collect().await {
            Ok(body) => body.to_bytes(),
            Err(_) => Bytes::new(),
        };
        Reply { status, headers, body, dropped }
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Reply {
        self.bare("GET", token, path).await
    }

    pub(crate) async fn bare(&self, method: &str, token: &str, path: &str) -> Reply {
        let request =
            Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn json(&self, token: &str, path: &str, body: &Value) -> Reply {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json; charset=utf-8");
        self.send(request.body(body.to_string().into()).unwrap()).await
    }

    pub(crate) async fn form(&self, basic: Option<(&str, &str)>, path: &str, form: &[(&str, &str)]) -> Reply {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let mut request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
        if let Some((id, secret)) = basic {
            request = request
                .header("authorization", format!("Basic {}", STANDARD.encode(format!("{id}:{secret}"))));
        }
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn multipart(
        &self,
        token: &str,
        path: &str,
        fields: &[(&str, &str)],
        media: &[u8],
    ) -> Reply {
        let mut body = Vec::new();
        for (name, value) in fields {
            let part =
                format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.as_bytes());
        }
        let head = format!(
            "--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"media\"; filename=\"m\"\r\n\
             content-type: application/octet-stream\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(media);
        body.extend(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        let request = Request::post(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    pub(crate) async fn post(&self, token: &str, body: Value) -> Reply {
        self.json(token, "/x/2/tweets", &body).await
    }

    pub(crate) async fn say(&self, token: &str, text: &str) -> String {
        let reply = self.post(token, json!({ "text": text })).await;
        reply.is(201, "\"id\"").json()["data"]["id"].as_str().unwrap().to_owned()
    }

    /// A ready picture.
    pub(crate) async fn image(&self, token: &str) -> String {
        let reply = self
            .multipart(token, "/x/2/media/upload", &[("media_category", "tweet_image")], b"\x89PNG")
            .await;
        reply.is(200, "media_key").json()["data"]["id"].as_str().unwrap().to_owned()
    }

    /// A video through FINALIZE, in segments of the given contents.
    pub(crate) async fn video(&self, token: &str, segments: &[&[u8]]) -> String {
        let total: usize = segments.iter().map(|segment| segment.len()).sum();
        let body = json!({"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": total});
        let reply = self.json(token, "/x/2/media/upload/initialize", &body).await;
        let id = reply.is(200, "7_").json()["data"]["id"].as_str().unwrap().to_owned();
        for (index, segment) in segments.iter().enumerate() {
            self.segment(token, &id, &index.to_string(), segment).await.is(200, "expires_at");
        }
        self.finalize(token, &id).await.is(200, "pending");
        id
    }

    pub(crate) async fn segment(&self, token: &str, id: &str, index: &str, segment: &[u8]) -> Reply {
        let path = format!("/x/2/media/upload/{id}/append");
        self.multipart(token, &path, &[("segment_index", index)], segment).await
    }

    pub(crate) async fn finalize(&self, token: &str, id: &str) -> Reply {
        self.json(token, &format!("/x/2/media/upload/{id}/finalize"), &json!({})).await
    }

    pub(crate) async fn processing(&self, token: &str, id: &str) -> Value {
        let reply = self.get(token, &format!("/x/2/media/upload?command=STATUS&media_id={id}")).await;
        reply.is(200, id).json()["data"]["processing_info"].clone()
    }
}
