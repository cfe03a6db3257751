//! One listener that serves it all: `/` the console, `/api` the functions' handlers, `/v1` the store, `/x` the
//! sandbox, `/media` the samples.

use std::sync::Arc;

use anyhow::{Context, bail};
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use chrono::{DateTime, Utc};
use firestore_embedded::Store;
use serde_json::json;
use social_functions::{App, Background, Config, Parts, Request, Route, handlers};
use social_sandbox::{Sandbox, SandboxOptions};
use tokio::net::TcpListener;
use transport::{Clock, SystemClock};

use crate::signer::Signer;

pub const PROJECT: &str = "demo-organically";
pub const PROFILE: &str = "demo";
pub const USER: &str = "demo-user";
pub const CRON_SECRET: &str = "local-cron-secret-0123456789";
const TOKEN_KEYS: &str = "local:TG9jYWwgc2VhbGluZyBrZXksIG5vdCBhIHNlY3JldCE=";

/// Samples of the media host: name, type, bytes.
pub const SAMPLES: [(&str, &str, &[u8]); 4] = [
    ("sample.jpg", "image/jpeg", include_bytes!("../assets/sample.jpg")),
    ("sample.png", "image/png", include_bytes!("../assets/sample.png")),
    ("sample.gif", "image/gif", include_bytes!("../assets/sample.gif")),
    ("sample.mp4", "video/mp4", include_bytes!("../assets/sample.mp4")),
];

/// A running local system.
#[derive(Clone, Debug)]
pub struct Stack {
    pub base_url: String,
    pub app: App,
    pub sandbox: Sandbox,
    pub store: Store,
    pub signer: Signer,
}

/// What can be chosen.
#[derive(Clone, Debug, Default)]
pub struct StackOptions {
    /// `host:port` of Google's emulator to use in place of the embedded store.
    pub firestore_emulator: Option<String>,
}

impl Stack {
    /// Binds `port` (0 for any) and makes everything; [`Stack::serve`] then answers.
    pub async fn bind(port: u16, options: StackOptions) -> anyhow::Result<(Self, TcpListener)> {
        let listener = match TcpListener::bind(("127.0.0.1", port)).await {
            Ok(listener) => listener,
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                bail!("port {port} is in use; choose another one with --port")
            }
            Err(error) => return Err(error).with_context(|| format!("cannot listen on port {port}")),
        };
        let address = listener.local_addr()?;
        let base_url = format!("http://{address}");
        let sandbox =
            Sandbox::new(SandboxOptions { public_url: base_url.clone(), ..SandboxOptions::default() });
        let callback = format!("{base_url}/api/auth/twitter/callback");
        sandbox.x_admin().add_redirect_uri("sandbox-x-client", &callback);
        let store_host = options.firestore_emulator.unwrap_or_else(|| address.to_string());
        let config = config(&base_url, &address.to_string(), &store_host)?;
        let parts = Parts::real(&config);
        let app = App::build(config, parts)?;
        let stack = Self { base_url, app, sandbox, store: Store::new(), signer: Signer::new(PROJECT)? };
        Ok((stack, listener))
    }

    /// Answers until `stop` is ready.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        axum::serve(listener, self.router()).with_graceful_shutdown(stop).await?;
        Ok(())
    }

    /// Writes the demo profile, as the web app would have.
    pub async fn seed(&self) -> anyhow::Result<()> {
        let host = self.app.config.firestore_emulator.clone().unwrap_or_default();
        let name = format!("projects/{PROJECT}/databases/(default)/documents/profiles/{PROFILE}");
        let body = json!({"writes": [{
            "update": {"name": name, "fields": {
                "userId": {"stringValue": USER}, "name": {"stringValue": "Acme Coffee"}}},
            "updateMask": {"fieldPaths": ["userId", "name"]},
        }]});
        let url = format!("http://{host}/v1/projects/{PROJECT}/databases/(default)/documents:commit");
        let request = http::Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, "Bearer owner")
            .body(body.to_string().into())?;
        let http = transport::HttpTransport::new(transport::HttpTransportOptions::default());
        let answer = transport::Transport::send(&http, request).await?;
        anyhow::ensure!(
            answer.status().is_success(),
            "the store refused the demo profile: {}",
            answer.status()
        );
        Ok(())
    }

    fn router(&self) -> Router {
        let ours = Router::new()
            .route(
                "/",
                get(|| async { page("text/html; charset=utf-8", include_str!("../static/console.html")) }),
            )
            .route(
                "/console.js",
                get(|| async { page("text/javascript", include_str!("../static/console.js")) }),
            )
            .route("/console.css", get(|| async { page("text/css", include_str!("../static/console.css")) }))
            .route("/favicon.ico", get(|| async { StatusCode::NO_CONTENT }))
            .route("/local/keys", get(keys))
            .route("/local/session", get(session))
            .route("/media/{name}", get(media))
            .route("/api/{*path}", axum::routing::any(api))
            .with_state(Arc::new(self.clone()));
        ours.merge(self.store.router()).merge(self.sandbox.router())
    }
}

fn config(base_url: &str, address: &str, store_host: &str) -> anyhow::Result<Config> {
    let values = [
        ("PUBLIC_URL", base_url.to_owned()),
        ("APP_ORIGINS", base_url.to_owned()),
        ("CRON_SECRET", CRON_SECRET.to_owned()),
        ("TOKEN_KEYS", TOKEN_KEYS.to_owned()),
        ("FIREBASE_PROJECT_ID", PROJECT.to_owned()),
        ("FIREBASE_KEYS_URL", format!("{base_url}/local/keys")),
        ("FIREBASE_SESSION_KEYS_URL", format!("{base_url}/local/keys")),
        ("FIRESTORE_EMULATOR_HOST", store_host.to_owned()),
        ("X_CLIENT_ID", "sandbox-x-client".to_owned()),
        ("X_CLIENT_SECRET", "sandbox-x-secret".to_owned()),
        ("X_API_URL", format!("{base_url}/x")),
        ("X_AUTHORIZE_URL", format!("{base_url}/x/i/oauth2/authorize")),
        ("MEDIA_ALLOWED_HOSTS", address.to_owned()),
    ];
    let lookup = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    Ok(Config::from_lookup(lookup)?)
}

fn page(kind: &'static str, text: &'static str) -> Response {
    let policy = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}

async fn keys(State(stack): State<Arc<Stack>>) -> Response {
    ([(header::CACHE_CONTROL, "max-age=3600")], Json(stack.signer.keys().clone())).into_response()
}

/// Who is signed in on the console page.
async fn session(State(stack): State<Arc<Stack>>) -> Response {
    let samples: Vec<_> = SAMPLES
        .iter()
        .map(|(name, kind, _)| json!({"name": name, "type": kind, "url": format!("{}/media/{name}", stack.base_url)}))
        .collect();
    match stack.signer.id_token(USER, SystemClock.now()) {
        Ok(token) => {
            Json(json!({"idToken": token, "profileId": PROFILE, "samples": samples})).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn media(Path(name): Path<String>) -> Response {
    match SAMPLES.iter().find(|(known, ..)| *known == name) {
        Some((_, kind, bytes)) => ([(header::CONTENT_TYPE, *kind)], *bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn api(State(stack): State<Arc<Stack>>, request: axum::extract::Request) -> Response {
    let Some(route) = Route::find(request.uri().path()) else { return StatusCode::NOT_FOUND.into_response() };
    let (parts, body) = request.into_parts();
    // More than is allowed, so that the handler itself says what is too long.
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let background = Background::new(|work| {
        tokio::spawn(work);
    });
    let request = Request { method: parts.method, uri: parts.uri, headers: parts.headers, body, background };
    handlers::handle(stack.app.clone(), route, request).await.map(Body::from)
}

/// The next full minute.
pub fn next_minute(now: DateTime<Utc>) -> DateTime<Utc> {
    let seconds = now.timestamp();
    DateTime::from_timestamp(seconds - seconds.rem_euclid(60) + 60, 0).unwrap_or(now)
}
