//! Who calls: Firebase ID tokens and session cookies.
//!
//! RS256 only, a key of Google's by its id, `aud` the project, `iss` and `sub` as documented
//! (<https://firebase.google.com/docs/auth/admin/verify-id-tokens>, read 2026-11). The keys are cached for
//! as long as their answer's `max-age` says; an unknown key id fetches them again, at most once a minute.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use tokio::sync::Mutex;
use transport::{Limits, Operation, SharedClock, SharedTransport};

/// Clocks of two machines may differ by this much.
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

#[derive(Clone, Debug)]
pub struct Identity {
    http: SharedTransport,
    clock: SharedClock,
    project: String,
    id_tokens: Arc<Keys>,
    session_cookies: Arc<Keys>,
    /// Accept unsigned tokens of the Firebase Auth emulator. Never in production.
    emulator: bool,
}

#[derive(Debug)]
struct Keys {
    url: String,
    cache: Mutex<Cache>,
}

#[derive(Debug, Default)]
struct Cache {
    keys: BTreeMap<String, (String, String)>,
    good_until: DateTime<Utc>,
    fetched_at: DateTime<Utc>,
}

#[derive(Clone, Debug)]
pub struct IdentityOptions {
    pub project: String,
    /// JSON Web Keys of ID tokens, e.g.
    /// `https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com`.
    pub keys_url: String,
    /// JSON Web Keys of session cookies, e.g.
    /// `https://identitytoolkit.googleapis.com/v1/sessionCookiePublicKeys`.
    pub session_keys_url: String,
    pub emulator: bool,
}

/// A signed-in person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub uid: String,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentityError {
    /// Sign in again.
    #[error("the sign-in is not valid: {0}")]
    Invalid(&'static str),
    #[error("the sign-in has expired")]
    Expired,
    /// Google's keys cannot be read; says nothing about the token.
    #[error("the sign-in cannot be checked right now")]
    Unavailable,
}

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    exp: i64,
    iat: i64,
    #[serde(default)]
    auth_time: Option<i64>,
}

impl Identity {
    pub fn new(http: SharedTransport, clock: SharedClock, options: IdentityOptions) -> Self {
        let keys = |url: String| Arc::new(Keys { url, cache: Mutex::default() });
        Self {
            http,
            clock,
            project: options.project,
            id_tokens: keys(options.keys_url),
            session_cookies: keys(options.session_keys_url),
            emulator: options.emulator,
        }
    }

    /// An ID token (`Authorization: Bearer`).
    pub async fn verify_id_token(&self, token: &str) -> Result<Caller, IdentityError> {
        let issuer = format!("https://securetoken.google.com/{}", self.project);
        self.verify(token, &self.id_tokens, &issuer).await
    }

    /// A session cookie (`__session`).
    pub async fn verify_session_cookie(&self, token: &str) -> Result<Caller, IdentityError> {
        let issuer = format!("https://session.firebase.google.com/{}", self.project);
        self.verify(token, &self.session_cookies, &issuer).await
    }

    async fn verify(&self, token: &str, keys: &Keys, issuer: &str) -> Result<Caller, IdentityError> {
        // What is checked below with our clock, the library would check with the system's.
        let mut validation = Validation::new(Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let claims = if self.emulator && token.ends_with('.') {
            unsigned(token)?
        } else {
            let header = jsonwebtoken::decode_header(token)
                .map_err(|_| IdentityError::Invalid("not a signed token"))?;
            if header.alg != Algorithm::RS256 {
                return Err(IdentityError::Invalid("not signed with RS256"));
            }
            let id = header.kid.ok_or(IdentityError::Invalid("names no key"))?;
            let (n, e) = self.key(keys, &id).await?;
            let key = DecodingKey::from_rsa_components(&n, &e).map_err(|_| IdentityError::Unavailable)?;
            jsonwebtoken::decode::<Claims>(token, &key, &validation)
                .map_err(|_| IdentityError::Invalid("wrong signature"))?
                .claims
        };
        self.check(&claims, issuer)
    }

    fn check(&self, claims: &Claims, issuer: &str) -> Result<Caller, IdentityError> {
        let now = self.clock.now();
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH);
        if claims.aud != self.project {
            return Err(IdentityError::Invalid("made for another project"));
        }
        if claims.iss != issuer {
            return Err(IdentityError::Invalid("made by another issuer"));
        }
        if claims.sub.is_empty() || claims.sub.len() > 128 {
            return Err(IdentityError::Invalid("names nobody"));
        }
        if at(claims.exp) + LEEWAY <= now {
            return Err(IdentityError::Expired);
        }
        let early = |seconds: i64| at(seconds) > now + LEEWAY;
        if early(claims.iat) || claims.auth_time.is_some_and(early) {
            return Err(IdentityError::Invalid("made in the future"));
        }
        Ok(Caller { uid: claims.sub.clone() })
    }

    async fn key(&self, keys: &Keys, id: &str) -> Result<(String, String), IdentityError> {
        // Held while fetching: many callers with one new key make one request.
        let mut cache = keys.cache.lock().await;
        let now = self.clock.now();
        let known = cache.keys.get(id).cloned();
        if let Some(key) = known.clone()
            && cache.good_until > now
        {
            return Ok(key);
        }
        if known.is_none() && cache.good_until > now && now - cache.fetched_at < TimeDelta::minutes(1) {
            return Err(IdentityError::Invalid("signed with an unknown key"));
        }
        match self.fetch(&keys.url).await {
            Some((fetched, max_age)) => {
                *cache = Cache { keys: fetched, good_until: now + max_age, fetched_at: now };
            }
            // Google's keys overlap for days: an old answer is better than turning everybody away.
            None => return known.ok_or(IdentityError::Unavailable),
        }
        cache.keys.get(id).cloned().ok_or(IdentityError::Invalid("signed with an unknown key"))
    }

    async fn fetch(&self, url: &str) -> Option<(BTreeMap<String, (String, String)>, TimeDelta)> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Key>,
        }
        #[derive(Deserialize)]
        struct Key {
            kid: String,
            n: String,
            e: String,
        }
        let mut request = http::Request::get(url).body(Bytes::new()).ok()?;
        request.extensions_mut().insert(Operation("google.keys"));
        request
            .extensions_mut()
            .insert(Limits { timeout: Duration::from_secs(5), max_response_bytes: 256 * 1024 });
        let response =
            self.http.send(request).await.ok().filter(|response| response.status().is_success())?;
        let max_age = response
            .headers()
            .get(http::header::CACHE_CONTROL)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| {
                text.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse().ok())
            })
            .map_or(TimeDelta::minutes(5), TimeDelta::seconds);
        let set: Set = serde_json::from_slice(response.body()).ok()?;
        Some((set.keys.into_iter().map(|key| (key.kid, (key.n, key.e))).collect(), max_age))
    }
}

/// The Auth emulator signs with nothing: `header.claims.`
fn unsigned(token: &str) -> Result<Claims, IdentityError> {
    use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
    let claims = token.split('.').nth(1).and_then(|part| BASE64_URL_SAFE_NO_PAD.decode(part).ok());
    claims
        .and_then(|json| serde_json::from_slice(&json).ok())
        .ok_or(IdentityError::Invalid("not a token of the emulator"))
}
