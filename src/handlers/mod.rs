//! The routes. [`handle`] does what is the same for all: the method, CORS, panics, security headers.

mod auth;
mod caller;
mod connections;
mod cron;
mod posts;

use std::{panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use futures_util::{FutureExt, future::BoxFuture};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};

use crate::{app::App, respond::Error};

pub type Response = http::Response<Bytes>;

/// Longest body that is read. Media comes by URL.
pub const BODY_BYTES: usize = 256 * 1024;

/// A request as the handlers see it, wherever it came in.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub uri: Uri,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub background: Background,
}

/// Takes work that goes on after the answer.
#[derive(Clone)]
pub struct Background(Arc<dyn Fn(BoxFuture<'static, ()>) + Send + Sync>);

impl Background {
    pub fn new(spawn: impl Fn(BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(spawn))
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        (self.0)(Box::pin(work));
    }
}

impl std::fmt::Debug for Background {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Background")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    AuthStart,
    AuthCallback,
    Connections,
    Connection,
    Posts,
    Post,
    CronPublish,
}

impl Route {
    pub const ALL: [Self; 7] = [
        Self::AuthStart,
        Self::AuthCallback,
        Self::Connections,
        Self::Connection,
        Self::Posts,
        Self::Post,
        Self::CronPublish,
    ];

    /// Segments below `/api`; `None` stands for a parameter.
    pub fn pattern(self) -> &'static [Option<&'static str>] {
        match self {
            Self::AuthStart => &[Some("auth"), None],
            Self::AuthCallback => &[Some("auth"), None, Some("callback")],
            Self::Connections => &[Some("connections")],
            Self::Connection => &[Some("connections"), None],
            Self::Posts => &[Some("posts")],
            Self::Post => &[Some("posts"), None],
            Self::CronPublish => &[Some("cron"), Some("publish")],
        }
    }

    /// The route of a path, as the platform's router would find it.
    pub fn find(path: &str) -> Option<Self> {
        let segments: Vec<&str> = segments(path);
        Self::ALL.into_iter().find(|route| {
            let pattern = route.pattern();
            pattern.len() == segments.len()
                && pattern
                    .iter()
                    .zip(&segments)
                    .all(|(part, segment)| part.is_none_or(|part| part == *segment))
        })
    }

    fn methods(self) -> &'static [Method] {
        match self {
            Self::AuthStart | Self::AuthCallback | Self::Connections | Self::CronPublish => &[Method::GET],
            Self::Connection => &[Method::DELETE],
            Self::Posts => &[Method::GET, Method::POST],
            Self::Post => &[Method::GET, Method::PATCH, Method::DELETE],
        }
    }
}

fn segments(path: &str) -> Vec<&str> {
    path.trim_start_matches("/api").split('/').filter(|segment| !segment.is_empty()).collect()
}

impl Request {
    /// The path's segment in place of the parameter. Never the query: a client can put what it likes there.
    fn parameter(&self) -> String {
        let segment = segments(self.uri.path()).get(1).copied().unwrap_or_default();
        let plus_kept = segment.replace('+', "%2B");
        let pair = format!("v={plus_kept}");
        url::form_urlencoded::parse(pair.as_bytes())
            .next()
            .map(|(_, value)| value.into_owned())
            .unwrap_or_default()
    }

    fn query(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
            .filter(|value| !value.is_empty())
    }

    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    fn cookie(&self, name: &str) -> Option<&str> {
        self.headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

/// Answers a request; never fails, never panics.
pub async fn handle(app: App, route: Route, request: Request) -> Response {
    let origin = allowed_origin(&app, &request);
    let preflight = request.method == Method::OPTIONS;
    let mut response = if preflight {
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else if !route.methods().contains(&request.method) {
        Error::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method.not_allowed",
            format!("this address does not take {}", request.method),
            "Use one of the methods in the Allow header",
        )
        .into_response()
    } else if request.body.len() > BODY_BYTES {
        too_large()
    } else {
        let answered = AssertUnwindSafe(dispatch(&app, route, &request)).catch_unwind().await;
        answered.unwrap_or_else(|_| {
            tracing::error!(?route, "a handler panicked");
            internal()
        })
    };
    let headers = response.headers_mut();
    let methods: Vec<&str> = route.methods().iter().map(Method::as_str).collect();
    let methods = HeaderValue::from_str(&methods.join(", ")).unwrap_or(HeaderValue::from_static(""));
    if preflight || !route.methods().contains(&request.method) {
        headers.insert(header::ALLOW, methods.clone());
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if preflight {
            headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
            let allowed = HeaderValue::from_static("authorization, content-type, idempotency-key");
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
            headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        }
    }
    response
}

async fn dispatch(app: &App, route: Route, request: &Request) -> Response {
    let answered = match route {
        Route::AuthStart => auth::start(app, request).await,
        Route::AuthCallback => Ok(auth::callback(app, request).await),
        Route::Connections => connections::list(app, request).await,
        Route::Connection => connections::disconnect(app, request).await,
        Route::Posts if request.method == Method::POST => posts::create(app, request).await,
        Route::Posts => posts::list(app, request).await,
        Route::Post if request.method == Method::PATCH => posts::change(app, request).await,
        Route::Post if request.method == Method::DELETE => posts::cancel(app, request).await,
        Route::Post => posts::show(app, request).await,
        Route::CronPublish => cron::publish(app, request).await,
    };
    answered.unwrap_or_else(Error::into_response)
}

/// The answer when nothing better can be said.
pub(crate) fn internal() -> Response {
    Error::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "something went wrong on our side",
        "Try again; if it stays, tell support",
    )
    .into_response()
}

pub(crate) fn too_large() -> Response {
    Error::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body.too_large",
        format!("the request is longer than {} KiB", BODY_BYTES / 1024),
        "Send media as URLs, not as content",
    )
    .into_response()
}

fn allowed_origin(app: &App, request: &Request) -> Option<HeaderValue> {
    let origin = request.header(header::ORIGIN)?;
    let known =
        app.config.app_origins.iter().any(|allowed| allowed == origin) || app.config.public_url == origin;
    HeaderValue::from_str(origin).ok().filter(|_| known)
}
