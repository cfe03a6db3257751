//! `/i/oauth2/authorize`: the page on which a person lets an app in, and the decision it sends.
//! Source: docs.x.com OAuth 2.0 authorization code (2026-06-11).
use axum::extract::{Request, State as AxumState};
use chrono::Duration;
use url::Url;

use super::X;
use super::call::{Incoming, pairs};
use super::state::{Code, State};
use super::tokens::{CODE_SECS, mint};
use crate::answer::Answer;

const OPERATION: &str = "x.oauth2.authorize";
const MAX_STATE_CHARS: usize = 500;
const SCOPES: &str = "tweet.read tweet.write tweet.moderate.write users.email users.read follows.read \
    follows.write offline.access space.read mute.read mute.write like.read like.write list.read list.write \
    block.read block.write bookmark.read bookmark.write dm.read dm.write media.write timeline.read";

/// An authorize request that X would show a consent page for.
#[derive(Debug)]
struct Ask {
    client_id: String,
    redirect_uri: String,
    scopes: Vec<String>,
    state: String,
    challenge: String,
    s256: bool,
}

pub(super) async fn page(AxumState(x): AxumState<X>, request: Request) -> Answer {
    let query = pairs(request.uri().query().unwrap_or_default().as_bytes());
    let action = format!("{}/x/i/oauth2/authorize", x.shared.public_url);
    let work = async {
        x.with(|state, _| match read(state, &query) {
            Ok(ask) if ask.scopes.is_empty() => error_page("scope is missing"),
            Ok(ask) => Answer::html(200, consent_page(state, &ask, &action)),
            Err(reason) => error_page(reason),
        })
    };
    x.run(OPERATION, work).await
}

/// The decision: the request's own parameters again (in the form or in the query), plus `decision`,
/// `account` and every ticked `scope`.
pub(super) async fn decide(AxumState(x): AxumState<X>, request: Request) -> Answer {
    let work = async {
        let Ok(incoming) = Incoming::read(request).await else { return error_page("the form is too large") };
        let mut fields = pairs(&incoming.body);
        let ticked = fields.iter().any(|(name, _)| name == "scope");
        for (name, value) in incoming.query {
            let asked_again = name == "scope" && ticked;
            if !asked_again && !fields.iter().any(|(known, _)| *known == name) {
                fields.push((name, value));
            }
        }
        x.with(|state, now| {
            let mut ask = match read(state, &fields) {
                Ok(ask) => ask,
                Err(reason) => return error_page(reason),
            };
            let Ok(mut target) = Url::parse(&ask.redirect_uri) else { return error_page("bad redirect_uri") };
            if field(&fields, "decision") != Some("approve") {
                target
                    .query_pairs_mut()
                    .append_pair("error", "access_denied")
                    .append_pair("state", &ask.state);
                return Answer::redirect(target.into());
            }
            let account = field(&fields, "account").unwrap_or_default();
            let Some(user) = state.user_ids.get(&account.to_lowercase()).copied() else {
                return error_page("nobody of that name is logged in");
            };
            ask.scopes.dedup();
            let code = mint(state, now, "ac");
            target.query_pairs_mut().append_pair("state", &ask.state).append_pair("code", &code);
            let granted = Code {
                client_id: ask.client_id,
                redirect_uri: ask.redirect_uri,
                challenge: ask.challenge,
                s256: ask.s256,
                user,
                scopes: ask.scopes,
                expires_at: now + Duration::seconds(CODE_SECS),
            };
            state.codes.insert(code, granted);
            Answer::redirect(target.into())
        })
    };
    x.run(OPERATION, work).await
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
        .filter(|value| !value.is_empty())
}

/// Everything that X checks before it shows a page; a failure never redirects.
fn read(state: &State, fields: &[(String, String)]) -> Result<Ask, &'static str> {
    if field(fields, "response_type") != Some("code") {
        return Err("response_type is not code");
    }
    let app = field(fields, "client_id").and_then(|id| state.apps.get(id)).ok_or("unknown client_id")?;
    let redirect_uri = field(fields, "redirect_uri").ok_or("redirect_uri is missing")?;
    if !app.app.redirect_uris.iter().any(|registered| registered == redirect_uri) {
        return Err("redirect_uri is not registered");
    }
    let given_state = field(fields, "state").ok_or("state is missing")?;
    if given_state.chars().count() > MAX_STATE_CHARS {
        return Err("state is longer than 500 characters");
    }
    let challenge = field(fields, "code_challenge").ok_or("code_challenge is missing")?;
    let s256 = match field(fields, "code_challenge_method") {
        Some("S256") => true,
        Some("plain") => false,
        _ => return Err("code_challenge_method is neither S256 nor plain"),
    };
    let words =
        fields.iter().filter(|(name, _)| name == "scope").flat_map(|(_, value)| value.split_whitespace());
    let scopes: Vec<String> = words.map(str::to_owned).collect();
    if !fields.iter().any(|(name, _)| name == "scope") {
        return Err("scope is missing");
    }
    if scopes.iter().any(|scope| !SCOPES.split_whitespace().any(|known| known == scope)) {
        return Err("unknown scope");
    }
    Ok(Ask {
        client_id: app.app.client_id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        scopes,
        state: given_state.to_owned(),
        challenge: challenge.to_owned(),
        s256,
    })
}

fn error_page(reason: &str) -> Answer {
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>X / Error</title></head><body>\
         <h1>Something went wrong</h1><p>You weren\u{2019}t able to give access to the App. Go back and try \
         logging in again.</p><p><small>Sandbox: {}.</small></p></body></html>",
        escape(reason)
    );
    Answer::html(400, body)
}

fn consent_page(state: &State, ask: &Ask, action: &str) -> String {
    let hidden = [
        ("response_type", "code"),
        ("client_id", &ask.client_id),
        ("redirect_uri", &ask.redirect_uri),
        ("state", &ask.state),
        ("code_challenge", &ask.challenge),
        ("code_challenge_method", if ask.s256 { "S256" } else { "plain" }),
        // Present even when every box is unticked.
        ("scope", ""),
    ]
    .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value)));
    let mut names: Vec<_> = state.users.values().map(|user| &user.account).collect();
    names.sort_by(|a, b| a.id.cmp(&b.id));
    let accounts = names.iter().take(50).enumerate().map(|(index, account)| {
        let (username, name) = (escape(&account.username), escape(&account.name));
        let checked = if index == 0 { " checked" } else { "" };
        format!(
            "<p><label><input type=\"radio\" name=\"account\" value=\"{username}\"{checked}> {name} \
             (@{username})</label></p>"
        )
    });
    let scopes = ask.scopes.iter().map(|scope| {
        let scope = escape(scope);
        format!(
            "<p><label><input type=\"checkbox\" name=\"scope\" value=\"{scope}\" checked> {scope}</label></p>"
        )
    });
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>X / Authorize app</title>\
         <meta name=\"viewport\" content=\"width=device-width\"></head><body><main>\
         <h1>{client} wants to access your X account</h1><form method=\"post\" action=\"{action}\">{hidden}\
         <fieldset><legend>Account</legend>{accounts}</fieldset>\
         <fieldset><legend>Things this App can do</legend>{scopes}</fieldset>\
         <p><button name=\"decision\" value=\"approve\">Authorize app</button> \
         <button name=\"decision\" value=\"deny\">Cancel</button></p></form></main></body></html>",
        client = escape(&ask.client_id),
        action = escape(action),
        hidden = hidden.concat(),
        accounts = accounts.collect::<String>(),
        scopes = scopes.collect::<String>(),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
