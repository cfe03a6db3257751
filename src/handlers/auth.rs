//! `GET /api/auth/{platform}` and its `/callback`: connecting an account.

use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use social_core::{
    oauth::flow::{Callback, Start},
    platform::PlatformId,
    problem::Problem,
};
use url::Url;

use super::{
    Request, Response,
    caller::{authenticate, own_profile},
};
use crate::{
    app::App,
    respond::{Error, json_response, redirect},
};

/// With a bearer token answers `{"authorizationUrl": ".."}`; as a navigation with the session cookie goes there.
pub(super) async fn start(app: &App, request: &Request) -> Result<Response, Error> {
    let platform = platform(request)?;
    let caller = authenticate(app, request).await?;
    let profile = own_profile(app, &caller, request.query("profileId")).await?;
    let start = Start {
        platform,
        profile_id: profile.id,
        uid: caller.uid,
        return_to: return_to(app, request.query("returnTo").as_deref())?,
        redirect_uri: redirect_uri(app, platform),
        replace: request.query("replace").as_deref() == Some("true"),
    };
    let started = app
        .tokens
        .start_flow(&start)
        .map_err(|problem| Error::of(StatusCode::SERVICE_UNAVAILABLE, problem))?;
    let mut response = if request.headers.contains_key(header::AUTHORIZATION) {
        json_response(StatusCode::OK, &json!({ "authorizationUrl": started.authorization_url }))
    } else {
        redirect(&started.authorization_url)
    };
    set_cookie(app, &mut response, started.cookie.as_str(), 600);
    Ok(response)
}

/// Back to the app with `?connected=twitter`, or `?error=..&message=..`.
pub(super) async fn callback(app: &App, request: &Request) -> Response {
    let Ok(platform) = platform(request) else { return Error::not_found("platform").into_response() };
    let flow = app.tokens.open_flow(platform, request.cookie(cookie_name(app)));
    let callback = Callback {
        state: request.query("state"),
        code: request.query("code"),
        error: request.query("error"),
    };
    let (target, outcome) = match flow {
        Some(flow) => {
            let outcome = app.tokens.finish_flow(&flow, &callback, &redirect_uri(app, platform)).await;
            (flow.return_to.clone(), outcome.map(|_| ()))
        }
        None => {
            let message =
                format!("this browser did not begin to connect {}, or too long ago", platform.label());
            let action = "Start connecting again from the settings";
            let actor = social_core::problem::Actor::Owner;
            (app.config.app_origins[0].clone(), Err(Problem::new("oauth.no_flow", actor, message, action)))
        }
    };
    let mut location = Url::parse(&target).ok();
    if let Some(location) = &mut location {
        let mut query = location.query_pairs_mut();
        match &outcome {
            Ok(()) => {
                query.append_pair("connected", platform.as_str());
            }
            Err(problem) => {
                tracing::info!(code = problem.code, %platform, "connecting failed");
                query.append_pair("error", &problem.code);
                query.append_pair("message", &format!("{}. {}", problem.message, problem.action));
            }
        }
    }
    let mut response = redirect(location.as_ref().map_or(target.as_str(), Url::as_str));
    set_cookie(app, &mut response, "", 0);
    response
}

pub(super) fn platform(request: &Request) -> Result<PlatformId, Error> {
    PlatformId::parse(&request.parameter()).ok_or_else(|| {
        Error::new(
            StatusCode::NOT_FOUND,
            "platform.unknown",
            "there is no such platform",
            "Use twitter (or x), instagram or tiktok",
        )
    })
}

fn redirect_uri(app: &App, platform: PlatformId) -> String {
    format!("{}/api/auth/{platform}/callback", app.config.public_url)
}

/// Only to the app: an address of one of its origins, or a path there.
fn return_to(app: &App, wanted: Option<&str>) -> Result<String, Error> {
    let home = &app.config.app_origins[0];
    let Some(wanted) = wanted else { return Ok(home.clone()) };
    let elsewhere = || {
        Error::bad_request(
            "return_to.foreign",
            "`returnTo` leads out of the app",
            "Use an address of the app",
        )
    };
    let base = Url::parse(home).map_err(|_| elsewhere())?;
    let url = base.join(wanted).map_err(|_| elsewhere())?;
    let origin = url.origin().ascii_serialization();
    let plain = url.username().is_empty() && url.password().is_none();
    if plain && app.config.app_origins.contains(&origin) { Ok(url.into()) } else { Err(elsewhere()) }
}

/// `__Host-`: https only, this host only, whole site, not to be set by a sibling.
fn cookie_name(app: &App) -> &'static str {
    if app.config.is_https() { "__Host-social_flow" } else { "social_flow" }
}

fn set_cookie(app: &App, response: &mut Response, value: &str, max_age_secs: u32) {
    let secure = if app.config.is_https() { "; Secure" } else { "" };
    let cookie = format!(
        "{}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_secs}{secure}",
        cookie_name(app)
    );
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}
