//! Who calls, and whether the profile is theirs.

use http::{Method, StatusCode, header};
use social_core::{connection::Profile, identity::Caller};

use super::Request;
use crate::{app::App, respond::Error};

/// A Firebase ID token as bearer, or a Firebase session cookie.
pub(super) async fn authenticate(app: &App, request: &Request) -> Result<Caller, Error> {
    if let Some(value) = request.header(header::AUTHORIZATION) {
        let token = value.strip_prefix("Bearer ").unwrap_or_default().trim();
        return Ok(app.identity.verify_id_token(token).await?);
    }
    let Some(cookie) = request.cookie("__session") else {
        return Err(Error::unauthorized("nobody is signed in"));
    };
    // A cookie comes along by itself: a change must come from a page of ours.
    if request.method != Method::GET {
        let origin = request.header(header::ORIGIN).unwrap_or_default();
        let ours =
            app.config.app_origins.iter().any(|allowed| allowed == origin) || app.config.public_url == origin;
        if !ours {
            return Err(Error::new(
                StatusCode::FORBIDDEN,
                "auth.foreign_origin",
                "the request does not come from the app",
                "Use the app, or send the ID token as bearer",
            ));
        }
    }
    Ok(app.identity.verify_session_cookie(cookie).await?)
}

/// The profile, if it is the caller's. A foreign one looks like a missing one.
pub(super) async fn own_profile(app: &App, caller: &Caller, id: Option<String>) -> Result<Profile, Error> {
    let id = id.ok_or_else(|| {
        Error::bad_request("profile.required", "`profileId` is missing", "Say which profile is meant")
    })?;
    let missing = || {
        Error::new(
            StatusCode::NOT_FOUND,
            "profile.not_found",
            "there is no such profile, or it is not yours",
            "Choose one of your profiles",
        )
    };
    if id.contains('/') || id.len() > 200 {
        return Err(missing());
    }
    let profile = app.store.profile(&id).await?;
    profile.filter(|profile| profile.is_open_to(&caller.uid)).ok_or_else(missing)
}
