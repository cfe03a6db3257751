//! The test world: a sandbox, a store, a media host, and "processes" of ours that can die.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::Router;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use firestore_embedded::Store as Embedded;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use social_core::{
    connection::{Connection, ConnectionStatus},
    platform::{PlatformId, twitter},
    publish::{Policy, TickSummary},
    seal::Sealer,
    secret::Secret,
    store::Found,
};
use social_functions::{App, Background, Config, Parts, Request, Route, handlers};
use social_local::{signer::Signer, stack::SAMPLES};
use social_sandbox::{DroppedAnswer, Sandbox, SandboxOptions};
use tokio::sync::Notify;
use tower::ServiceExt;
use transport::{Limits, Operation, Random, Response, SharedClock, TokioClock, Transport, TransportError};

pub(crate) const PROJECT: &str = "demo-test";
pub(crate) const USER: &str = "ada";
pub(crate) const PROFILE: &str = "p1";
const KEYS: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const CRON_SECRET: &str = "test-cron-secret-0123456789";

/// What is to happen to one external call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The other side never sees it.
    RequestLost,
    /// The other side acts, and nobody hears of it.
    AnswerLost,
    /// The process dies as the answer arrives.
    Death,
}

/// The network of one process.
#[derive(Debug)]
pub(crate) struct Wire {
    hosts: BTreeMap<&'static str, Router>,
    calls: AtomicUsize,
    log: Mutex<Vec<&'static str>>,
    mishap: Option<(usize, Mishap)>,
    dead: AtomicBool,
    died: Notify,
    pub(crate) bodies: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: transport::Request) -> Result<Response, TransportError> {
        if self.dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        let index = self.calls.fetch_add(1, Ordering::SeqCst);
        let operation = request.extensions().get::<Operation>().map_or("?", |operation| operation.0);
        self.log.lock().unwrap().push(operation);
        let mishap = self.mishap.filter(|(at, _)| *at == index).map(|(_, mishap)| mishap);
        if mishap == Some(Mishap::RequestLost) {
            return Err(TransportError::Lost("lost on the way there".to_owned()));
        }
        let answer = self.deliver(request).await;
        match mishap {
            Some(Mishap::AnswerLost) => Err(TransportError::Lost("lost on the way back".to_owned())),
            Some(Mishap::Death) => {
                self.dead.store(true, Ordering::SeqCst);
                self.died.notify_waiters();
                std::future::pending().await
            }
            Some(Mishap::RequestLost) | None => answer,
        }
    }
}

impl Wire {
    async fn deliver(&self, request: transport::Request) -> Result<Response, TransportError> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let Some(router) = self.hosts.get(host.as_str()) else {
            return Err(TransportError::NotSent(format!("no host {host}")));
        };
        let limit = request.extensions().get::<Limits>().copied().unwrap_or_default().max_response_bytes;
        let request = request.map(axum::body::Body::from);
        let response = router.clone().oneshot(request).await.unwrap();
        if response.extensions().get::<DroppedAnswer>().is_some() {
            return Err(TransportError::Lost("connection closed".to_owned()));
        }
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX)
            .await
            .map_err(|_| TransportError::Lost("connection closed".to_owned()))?;
        if bytes.len() > limit {
            return Err(TransportError::TooLarge { limit });
        }
        Ok(http::Response::from_parts(parts, bytes))
    }

    pub(crate) fn log(&self) -> Vec<&'static str> {
        self.log.lock().unwrap().clone()
    }
}

/// What stays when a process of ours dies.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
    pub(crate) signer: Signer,
    pub(crate) clock: SharedClock,
    hosts: BTreeMap<&'static str, Router>,
    seed: u64,
}

/// One process.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) app: App,
    pub(crate) wire: Arc<Wire>,
}

impl World {
    /// A profile `p1` of `ada`, with @acme connected.
    pub(crate) async fn connected() -> Self {
        let world = Self::new(1);
        world.seed_profile(PROFILE, USER).await;
        world.connect(PROFILE, "acme", TimeDelta::hours(2)).await;
        world
    }

    pub(crate) fn new(seed: u64) -> Self {
        let start = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        let clock: SharedClock = Arc::new(TokioClock::starting_at(start));
        let now = {
            let clock = clock.clone();
            Arc::new(move || clock.now())
        };
        let sandbox = Sandbox::new(SandboxOptions {
            now: Some(now.clone()),
            seed,
            public_url: "http://x.test".to_owned(),
            ..SandboxOptions::default()
        });
        sandbox.x_admin().add_redirect_uri("sandbox-x-client", "https://api.test/api/auth/twitter/callback");
        let store = Embedded::with_clock(now);
        let signer = Signer::new(PROJECT).unwrap();
        let hosts = BTreeMap::from([
            ("x.test", sandbox.router()),
            ("store.test", store.router()),
            ("media.test", media()),
            ("keys.test", keys(signer.keys().clone())),
        ]);
        Self { sandbox, signer, clock, hosts, seed }
    }

    pub(crate) fn process(&self) -> Process {
        self.process_with(None, Policy::default())
    }

    pub(crate) fn process_with(&self, mishap: Option<(usize, Mishap)>, policy: Policy) -> Process {
        let wire = Arc::new(Wire {
            hosts: self.hosts.clone(),
            calls: AtomicUsize::new(0),
            log: Mutex::default(),
            mishap,
            dead: AtomicBool::new(false),
            died: Notify::new(),
            bodies: Mutex::default(),
        });
        let parts = Parts {
            http: wire.clone(),
            media: wire.clone(),
            store: wire.clone(),
            clock: self.clock.clone(),
            random: Random::from_os(),
            policy,
        };
        Process { app: App::build(config(), parts).unwrap(), wire }
    }

    pub(crate) async fn seed_profile(&self, id: &str, user: &str) {
        self.write(
            &format!("profiles/{id}"),
            json!({"userId": {"stringValue": user}, "name": {"stringValue": "N"}}),
        )
        .await;
    }

    /// Links an account without the dance.
    pub(crate) async fn connect(&self, profile: &str, username: &str, lifetime: TimeDelta) {
        let app = self.process().app;
        let (access, refresh, expires_at) = self.sandbox.x_admin().issue_tokens(username, twitter::SCOPES);
        let account = app
            .platforms
            .get(PlatformId::Twitter)
            .unwrap()
            .account(&app.tokens.http, &Secret::new(access.as_str()))
            .await
            .unwrap();
        let sealer = Sealer::parse(KEYS, Random::seeded(self.seed)).unwrap();
        let seal = |secret: &str, field: &str| {
            sealer.seal(&Secret::new(secret), &Connection::place(profile, PlatformId::Twitter, field))
        };
        let expires_at = expires_at.min(self.clock.now() + lifetime);
        let connection = Connection {
            access_token: seal(&access, "access"),
            refresh_token: Some(seal(&refresh, "refresh")),
            expires_at: expires_at.timestamp_millis(),
            account_id: account.id,
            username: account.username,
            display_name: account.display_name,
            avatar_url: None,
            scopes: twitter::SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
            tier: account.tier,
            connected_at: self.clock.now(),
            status: ConnectionStatus::Active,
            reason: None,
            refresh_lease: None,
            refresh_refusals: 0,
        };
        let stored = app.store.profile(profile).await.unwrap().unwrap();
        app.store
            .save_connection(profile, PlatformId::Twitter, Some(&connection), &stored.version)
            .await
            .unwrap();
    }

    /// Writes a document as the web app would, fields in wire form; other fields stay.
    pub(crate) async fn write(&self, path: &str, fields: Value) {
        let mask: Vec<String> = fields.as_object().unwrap().keys().cloned().collect();
        let name = format!("projects/{PROJECT}/databases/(default)/documents/{path}");
        let body = json!({"writes": [{"update": {"name": name, "fields": fields}, "updateMask": {"fieldPaths": mask}}]});
        let url = format!("http://store.test/v1/projects/{PROJECT}/databases/(default)/documents:commit");
        let request = http::Request::post(url)
            .header("authorization", "Bearer owner")
            .header("content-type", "application/json")
            .body(axum::body::Body::from(body.to_string()))
            .unwrap();
        let answer = self.hosts["store.test"].clone().oneshot(request).await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    }

    /// A post as the web app writes it.
    pub(crate) async fn write_post(&self, id: &str, text: &str, image: bool, at: DateTime<Utc>) {
        let media = if image {
            json!([{"mapValue": {"fields": {
                "url": {"stringValue": "https://media.test/sample.jpg"}, "type": {"stringValue": "image"},
                "order": {"integerValue": "0"}, "altText": {"stringValue": "A cup"}}}}])
        } else {
            json!([])
        };
        let fields = json!({
            "profileId": {"stringValue": PROFILE}, "userId": {"stringValue": USER},
            "content": {"stringValue": text}, "status": {"stringValue": "scheduled"},
            "platforms": {"arrayValue": {"values": [{"stringValue": "twitter"}]}},
            "media": {"arrayValue": {"values": media}},
            "scheduledTime": {"timestampValue": at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)},
        });
        self.write(&format!("posts/{id}"), fields).await;
    }

    pub(crate) async fn post(&self, id: &str) -> social_core::post::Post {
        match self.process().app.store.post(id).await.unwrap() {
            Some(Found::Post(post)) => *post,
            other => panic!("{id}: {other:?}"),
        }
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.sandbox.x().timeline("acme").into_iter().map(|post| post.text).collect()
    }

    pub(crate) async fn wait(&self, seconds: i64) {
        self.clock.sleep(Duration::from_secs(seconds.unsigned_abs())).await;
    }

    pub(crate) fn token(&self, uid: &str) -> String {
        self.signer.id_token(uid, self.clock.now()).unwrap()
    }
}

impl Process {
    /// One tick. `None`: the process died in it.
    pub(crate) async fn tick(&self) -> Option<TickSummary> {
        let died = self.wire.died.notified();
        tokio::select! {
            summary = self.app.publisher.tick() => Some(summary.unwrap_or_default()),
            () = died => None,
        }
    }

    /// Asks as a browser or a scheduler would.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Value,
    ) -> (StatusCode, Value, http::HeaderMap) {
        let body = if body.is_null() { Bytes::new() } else { Bytes::from(body.to_string()) };
        self.ask_raw(method, path, headers, body).await
    }

    pub(crate) async fn ask_raw(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> (StatusCode, Value, http::HeaderMap) {
        let uri: http::Uri = format!("https://api.test{path}").parse().unwrap();
        let route = Route::find(uri.path()).unwrap();
        let mut map = http::HeaderMap::new();
        for (name, value) in headers {
            map.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        let background = Background::new(|work| {
            tokio::spawn(work);
        });
        let request = Request { method, uri, headers: map, body, background };
        let (parts, body) = handlers::handle(self.app.clone(), route, request).await.into_parts();
        self.wire.bodies.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
        (parts.status, serde_json::from_slice(&body).unwrap_or(Value::Null), parts.headers)
    }

    pub(crate) async fn cron(&self) -> (StatusCode, Value, http::HeaderMap) {
        let bearer = format!("Bearer {CRON_SECRET}");
        self.ask(Method::GET, "/api/cron/publish", &[("authorization", &bearer)], Value::Null).await
    }
}

pub(crate) fn config() -> Config {
    let values = [
        ("PUBLIC_URL", "https://api.test"),
        ("APP_ORIGINS", "https://app.test"),
        ("CRON_SECRET", CRON_SECRET),
        ("TOKEN_KEYS", KEYS),
        ("FIREBASE_PROJECT_ID", PROJECT),
        ("FIREBASE_KEYS_URL", "http://keys.test/keys"),
        ("FIREBASE_SESSION_KEYS_URL", "http://keys.test/keys"),
        ("FIRESTORE_EMULATOR_HOST", "store.test"),
        ("X_CLIENT_ID", "sandbox-x-client"),
        ("X_CLIENT_SECRET", "sandbox-x-secret"),
        ("X_API_URL", "http://x.test/x"),
        ("X_AUTHORIZE_URL", "http://x.test/x/i/oauth2/authorize"),
    ];
    Config::from_lookup(|name| {
        values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    })
    .unwrap()
}

fn media() -> Router {
    use axum::{extract::Path, response::IntoResponse, routing::get};
    Router::new().route(
        "/{name}",
        get(|Path(name): Path<String>| async move {
            match (name.as_str(), SAMPLES.iter().find(|(known, ..)| *known == name)) {
                (_, Some((_, _, bytes))) => bytes.into_response(),
                ("page.jpg", None) => "<html>not a picture</html>".into_response(),
                ("large.jpg", None) => vec![0xff; 6_000_000].into_response(),
                ("down.jpg", None) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
                _ => StatusCode::NOT_FOUND.into_response(),
            }
        }),
    )
}

fn keys(keys: Value) -> Router {
    Router::new().route("/keys", axum::routing::get(|| async move { axum::Json(keys) }))
}
