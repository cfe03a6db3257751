//! The token endpoints: exchange, refresh with rotation, revoke, and the app-only bearer.
//! Sources: docs.x.com OAuth 2.0 pages (2026-06-11); the error literals are those seen in the field.
use axum::extract::{Request, State as AxumState};
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::X;
use super::call::{Incoming, pairs};
use super::state::{Code, State};
use super::tokens::{self, ACCESS_TOKEN_SECS, Issued};
use crate::answer::Answer;

const BAD_TOKEN: &str = "Value passed for the token was invalid.";
const BAD_CODE: &str = "Value passed for the authorization code was invalid.";

pub(super) fn error(status: u16, code: &str, description: &str) -> Answer {
    Answer::json(status, &json!({"error": code, "error_description": description}))
}

fn invalid(description: &str) -> Answer {
    error(400, "invalid_request", description)
}

fn missing(parameter: &str) -> Answer {
    invalid(&format!("Missing required parameter [{parameter}]."))
}

/// The form of one token call; a body in any other content type holds nothing for X.
struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    fn need(&self, name: &str) -> Result<&str, Answer> {
        self.get(name).ok_or_else(|| missing(name))
    }
}

async fn form(request: Request) -> Result<(HeaderMap, Form), Answer> {
    let incoming = Incoming::read(request).await.map_err(|_| Answer::empty(413))?;
    let fields =
        if incoming.is("application/x-www-form-urlencoded") { pairs(&incoming.body) } else { Vec::new() };
    Ok((incoming.headers, Form(fields)))
}

pub(super) async fn token(AxumState(x): AxumState<X>, request: Request) -> Answer {
    let work = async {
        let (headers, form) = match form(request).await {
            Ok(read) => read,
            Err(answer) => return answer,
        };
        x.with(|state, now| grant(state, now, &headers, &form).unwrap_or_else(|refusal| refusal))
    };
    x.run("x.oauth2.token", work).await
}

fn grant(state: &mut State, now: DateTime<Utc>, headers: &HeaderMap, form: &Form) -> Result<Answer, Answer> {
    let grant_type = form.need("grant_type")?;
    let client_id = client(state, headers, form)?;
    let issued = match grant_type {
        "authorization_code" => exchange(state, now, &client_id, form)?,
        "refresh_token" => refresh(state, now, &client_id, form)?,
        _ => {
            return Err(error(400, "unsupported_grant_type", "Value passed for the grant_type was invalid."));
        }
    };
    let mut body = json!({
        "token_type": "bearer",
        "expires_in": ACCESS_TOKEN_SECS,
        "access_token": issued.access,
        "scope": issued.scope,
    });
    if let Some(refresh) = issued.refresh {
        body["refresh_token"] = json!(refresh);
    }
    Ok(Answer::json(200, &body))
}

/// Who is calling: by Basic for confidential apps (whatever the body says besides the same `client_id`),
/// by `client_id` alone for public ones.
fn client(state: &State, headers: &HeaderMap, form: &Form) -> Result<String, Answer> {
    let refuse = || error(401, "unauthorized_client", "Missing valid authorization header");
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (id, secret) = value.to_str().ok().and_then(basic).ok_or_else(refuse)?;
        // RFC 6749, 2.3.1 has both form-encoded; most clients send them as they are.
        let readings = [(id.clone(), secret.clone()), (decoded(&id), decoded(&secret))];
        let known = |(id, secret): &(String, String)| {
            state.apps.get(id).is_some_and(|app| app.app.client_secret.as_ref() == Some(secret))
        };
        let Some((id, _)) = readings.into_iter().find(known) else { return Err(refuse()) };
        if form.get("client_id").is_some_and(|given| given != id) {
            return Err(invalid("Value passed for the client_id was invalid."));
        }
        return Ok(id);
    }
    let id = form.need("client_id")?;
    let app = state
        .apps
        .get(id)
        .ok_or_else(|| error(401, "invalid_client", "Value passed for the client_id was invalid."))?;
    if app.app.client_secret.is_some() {
        return Err(refuse());
    }
    Ok(id.to_owned())
}

fn basic(value: &str) -> Option<(String, String)> {
    let (scheme, encoded) = value.split_once(' ')?;
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    scheme.eq_ignore_ascii_case("basic").then(|| (id.to_owned(), secret.to_owned()))
}

fn decoded(text: &str) -> String {
    pairs(format!("v={text}").as_bytes()).swap_remove(0).1
}

fn exchange(state: &mut State, now: DateTime<Utc>, client_id: &str, form: &Form) -> Result<Issued, Answer> {
    let code = form.need("code")?;
    let redirect_uri = form.need("redirect_uri")?;
    let verifier = form.need("code_verifier")?;
    // Spent by the first attempt, also by a failing one.
    let Some(code) = state.codes.remove(code) else { return Err(invalid(BAD_CODE)) };
    let good = code.client_id == client_id
        && code.redirect_uri == redirect_uri
        && code.expires_at > now
        && verifies(&code, verifier);
    if !good {
        return Err(invalid(BAD_CODE));
    }
    let grant = state.ids.next(now);
    Ok(tokens::issue(state, now, client_id, code.user, code.scopes, grant))
}

fn verifies(code: &Code, verifier: &str) -> bool {
    if code.s256 {
        URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == code.challenge
    } else {
        verifier == code.challenge
    }
}

/// Rotation: the old token is dead before the new one is sent. Access tokens live to their own end.
fn refresh(state: &mut State, now: DateTime<Utc>, client_id: &str, form: &Form) -> Result<Issued, Answer> {
    let given = form.need("refresh_token")?;
    // Another app's attempt must not spend it.
    if state.refresh_tokens.get(given).is_none_or(|token| token.client_id != client_id) {
        return Err(invalid(BAD_TOKEN));
    }
    let Some(old) = state.refresh_tokens.remove(given) else { return Err(invalid(BAD_TOKEN)) };
    if let Some(user) = state.users.get_mut(&old.user) {
        user.refreshes += 1;
    }
    Ok(tokens::issue(state, now, client_id, old.user, old.scopes, old.grant))
}

pub(super) async fn revoke(AxumState(x): AxumState<X>, request: Request) -> Answer {
    let work = async {
        let (headers, form) = match form(request).await {
            Ok(read) => read,
            Err(answer) => return answer,
        };
        x.with(|state, _| forget(state, &headers, &form).unwrap_or_else(|refusal| refusal))
    };
    x.run("x.oauth2.revoke", work).await
}

/// A refresh token takes its consent's access tokens along; an unknown token is already what was wanted.
fn forget(state: &mut State, headers: &HeaderMap, form: &Form) -> Result<Answer, Answer> {
    let client_id = client(state, headers, form)?;
    let given = form.need("token")?;
    if state.access_tokens.get(given).is_some_and(|token| token.client_id == client_id) {
        state.access_tokens.remove(given);
    }
    let refresh = state.refresh_tokens.get(given).filter(|token| token.client_id == client_id).cloned();
    if let Some(token) = refresh {
        state.refresh_tokens.remove(given);
        state.access_tokens.retain(|_, access| access.grant != token.grant);
    }
    Ok(Answer::json(200, &json!({"revoked": true})))
}

/// `POST /oauth2/token` (without `/2`): a bearer that speaks for the app and may not post.
pub(super) async fn app_token(AxumState(x): AxumState<X>, request: Request) -> Answer {
    let work = async {
        let (headers, form) = match form(request).await {
            Ok(read) => read,
            Err(answer) => return answer,
        };
        x.with(|state, _| {
            if form.get("grant_type") != Some("client_credentials")
                || !headers.contains_key(header::AUTHORIZATION)
            {
                return error(403, "unsupported_grant_type", "Missing required parameter: grant_type");
            }
            let client_id = match client(state, &headers, &form) {
                Ok(client_id) => client_id,
                Err(refusal) => return refusal,
            };
            let token = format!("AAAAAAAAAAAAAAAAAAAAA{}", state.random_word(80));
            state.app_tokens.insert(token.clone(), client_id);
            Answer::json(200, &json!({"token_type": "bearer", "access_token": token}))
        })
    };
    x.run("x.oauth2.app_token", work).await
}
