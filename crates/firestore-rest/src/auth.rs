//! Access tokens.
//!
//! Signing and caching is `gcp_auth`'s; around it stand a time-out (it has none), a short memory of a
//! failure (its repeats run one caller after the other), and constant error texts: its own error prints the
//! whole private key when the line breaks in it are escaped twice, the commonest mistake in a variable.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};
use gcp_auth::{CustomServiceAccount, TokenProvider};
use transport::Clock;

/// Who the client is.
#[derive(Clone, Debug)]
pub enum Auth {
    /// No header: rules apply, and `:batchWrite` is refused.
    None,
    /// `Bearer owner`, which the emulator takes for an administrator.
    EmulatorOwner,
    ServiceAccount(ServiceAccount),
}

/// Why there is no token. The texts are constant: none can hold the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Not the JSON of a service account, or its `private_key` is not a PKCS#8 PEM of an RSA key.
    #[error("the service account key is not usable: expected the key file's JSON with an RSA private key")]
    Malformed,
    /// The token endpoint refused or could not be reached.
    #[error("the token endpoint gave no access token")]
    Refused,
    #[error("the token endpoint did not answer in time")]
    TimedOut,
}

impl CredentialError {
    pub(crate) fn is_transient(self) -> bool {
        match self {
            Self::Malformed => false,
            Self::Refused | Self::TimedOut => true,
        }
    }
}

const SCOPES: &[&str] = &["https://www.googleapis.com/auth/datastore"];
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a failure answers for later callers.
const FAILURE_SECS: i64 = 5;

/// A service account's key; clones share the token.
#[derive(Clone)]
pub struct ServiceAccount(Arc<Inner>);

struct Inner {
    /// The key file, its line breaks repaired; for building the account again.
    json: String,
    state: Mutex<State>,
    project_id: Option<String>,
}

struct State {
    account: Arc<CustomServiceAccount>,
    failed: Option<(DateTime<Utc>, CredentialError)>,
}

/// A token and the account it is from.
pub(crate) struct Granted {
    pub(crate) token: Arc<gcp_auth::Token>,
    account: Arc<CustomServiceAccount>,
}

impl ServiceAccount {
    /// From the text of the key file: `{"type":"service_account","client_email":…,"private_key":…}`. Line
    /// breaks in `private_key` that were escaped twice are repaired.
    ///
    /// # Errors
    ///
    /// [`CredentialError::Malformed`]
    pub fn from_json(json: &str) -> Result<Self, CredentialError> {
        let json = repair(json).ok_or(CredentialError::Malformed)?;
        let account = build(&json)?;
        let project_id = account.project_id().map(ToOwned::to_owned);
        let state = Mutex::new(State { account: Arc::new(account), failed: None });
        Ok(Self(Arc::new(Inner { json, state, project_id })))
    }

    /// The project that the key belongs to.
    pub fn project_id(&self) -> Option<&str> {
        self.0.project_id.as_deref()
    }

    pub(crate) async fn token(&self, clock: &dyn Clock) -> Result<Granted, CredentialError> {
        let account = {
            let state = self.lock();
            match state.failed {
                Some((until, error)) if clock.now() < until => return Err(error),
                _ => Arc::clone(&state.account),
            }
        };
        let outcome = tokio::select! {
            outcome = account.token(SCOPES) => outcome.map_err(|_| CredentialError::Refused),
            () = clock.sleep(TIMEOUT) => Err(CredentialError::TimedOut),
        };
        self.lock().failed = outcome
            .as_ref()
            .err()
            .map(|error| (clock.now() + chrono::TimeDelta::seconds(FAILURE_SECS), *error));
        Ok(Granted { token: outcome?, account })
    }

    /// Forgets a token that was refused. There is no way to invalidate it but a new account; of several
    /// callers whose token was refused the first builds it.
    pub(crate) fn renew(&self, refused: &Granted) -> Result<(), CredentialError> {
        let mut state = self.lock();
        if Arc::ptr_eq(&state.account, &refused.account) {
            state.account = Arc::new(build(&self.0.json)?);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn build(json: &str) -> Result<CustomServiceAccount, CredentialError> {
    CustomServiceAccount::from_json(json).map_err(|_| CredentialError::Malformed)
}

fn repair(json: &str) -> Option<String> {
    let mut key: serde_json::Value = serde_json::from_str(json).ok()?;
    let text = key.get_mut("private_key")?;
    let repaired = text.as_str()?.replace("\\r", "").replace("\\n", "\n");
    *text = repaired.into();
    Some(key.to_string())
}

impl fmt::Debug for ServiceAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccount").field("project_id", &self.0.project_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not a key: a PEM frame around text, so that parsing fails the way a broken key does.
    #[test]
    fn no_text_holds_the_key() {
        let secret = "c2VjcmV0LWtleS1tYXRlcmlhbA";
        for breaks in ["\\n", "\\\\n", ""] {
            let key = format!("-----BEGIN PRIVATE KEY-----{breaks}{secret}{breaks}-----END PRIVATE KEY-----");
            let json = format!(
                r#"{{"type":"service_account","project_id":"p","client_email":"a@b","token_uri":"http://127.0.0.1:9","private_key":"{key}"}}"#
            );
            let error = ServiceAccount::from_json(&json).unwrap_err();
            let printed = format!("{error} {error:?}");
            assert_eq!(error, CredentialError::Malformed);
            // gcp_auth prints the bytes as numbers: none of those either.
            assert!(!printed.contains(secret) && !printed.contains("99, 50"), "{printed}");
        }
    }

    #[test]
    fn line_breaks_escaped_twice_are_repaired() {
        let repaired = repair(r#"{"private_key":"a\\nb\nc"}"#).unwrap();
        let key: serde_json::Value = serde_json::from_str(&repaired).unwrap();
        assert_eq!(key["private_key"], "a\nb\nc");
    }
}
