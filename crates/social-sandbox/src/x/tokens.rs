//! Minting tokens, with the texture of the documented samples.
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};

use super::state::{AccessToken, RefreshToken, State};

pub(super) const ACCESS_TOKEN_SECS: i64 = 7200;
pub(super) const CODE_SECS: i64 = 30;

#[derive(Debug)]
pub(super) struct Issued {
    pub(super) access: String,
    pub(super) refresh: Option<String>,
    pub(super) expires_at: DateTime<Utc>,
    /// In another order than was asked for, as it comes from X.
    pub(super) scope: String,
}

/// Base64url of `random:epoch_ms:1:1:kind:1`; `kind` is `at`, `rt` or `ac`.
pub(super) fn mint(state: &mut State, now: DateTime<Utc>, kind: &str) -> String {
    let random = state.random_word(44);
    URL_SAFE_NO_PAD.encode(format!("{random}:{}:1:1:{kind}:1", now.timestamp_millis()))
}

/// A new access token and, with `offline.access`, a new refresh token for one consent.
pub(super) fn issue(
    state: &mut State,
    now: DateTime<Utc>,
    client_id: &str,
    user: u64,
    scopes: Vec<String>,
    grant: u64,
) -> Issued {
    let access = mint(state, now, "at");
    let expires_at = now + Duration::seconds(ACCESS_TOKEN_SECS);
    let scope = scopes.iter().rev().map(String::as_str).collect::<Vec<_>>().join(" ");
    let refresh = scopes.iter().any(|scope| scope == "offline.access").then(|| mint(state, now, "rt"));
    if let Some(refresh) = &refresh {
        let token = RefreshToken { client_id: client_id.to_owned(), user, scopes: scopes.clone(), grant };
        state.refresh_tokens.insert(refresh.clone(), token);
    }
    let token = AccessToken { client_id: client_id.to_owned(), user, scopes, expires_at, grant };
    state.access_tokens.insert(access.clone(), token);
    Issued { access, refresh, expires_at, scope }
}
