//! The same for every function: the environment once, Vercel's request into ours, and always an answer.

use std::sync::OnceLock;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use vercel_runtime::{AppState, Error, ResponseBody, service_fn};

use crate::{
    App,
    handlers::{self, BODY_BYTES, Background, Request, Response, Route},
};

static APP: OnceLock<Option<App>> = OnceLock::new();

/// Serves `route` as a Vercel function.
pub async fn run(route: Route) -> Result<(), Error> {
    tracing_subscriber::fmt().json().with_target(false).init();
    vercel_runtime::run(service_fn(move |request: vercel_runtime::Request, state: AppState| async move {
        let response = answer(route, request, state).await;
        let (parts, body) = response.into_parts();
        Ok::<_, Error>(http::Response::from_parts(parts, ResponseBody::from(body)))
    }))
    .await
}

async fn answer(route: Route, request: vercel_runtime::Request, state: AppState) -> Response {
    let app = APP.get_or_init(|| match App::from_env() {
        Ok(app) => Some(app),
        Err(error) => {
            tracing::error!(%error, "not configured");
            None
        }
    });
    // What is missing stands in the log; a stranger learns nothing of it.
    let Some(app) = app else { return handlers::internal() };
    let (parts, body) = request.into_parts();
    let body: Bytes = match Limited::new(body, BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => return handlers::too_large(),
    };
    let background = Background::new(move |work| state.wait_until(work));
    let request = Request { method: parts.method, uri: parts.uri, headers: parts.headers, body, background };
    handlers::handle(app.clone(), route, request).await
}
