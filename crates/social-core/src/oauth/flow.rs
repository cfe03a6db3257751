//! Connecting an account: from the app to the platform's consent page and back.
//!
//! What the way back must know travels sealed in a cookie, so that it is bound to the browser that began:
//! state, code verifier, profile, caller, where to return, expiry. The state is used up in the store before
//! the code is exchanged, so that a callback works once.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{RefreshError, authorization_url, exchange};
use crate::{
    connection::{Connection, ConnectionStatus, StoredConnection},
    platform::PlatformId,
    problem::{Actor, Problem},
    seal::SealedToken,
    secret::Secret,
    store::SaveError,
    tokens::{Tokens, not_available},
};

const FLOW_MINUTES: i64 = 10;

/// What the browser carries, sealed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flow {
    state: String,
    verifier: String,
    platform: PlatformId,
    pub profile_id: String,
    uid: String,
    /// The page of the app to return to.
    pub return_to: String,
    expires_at: DateTime<Utc>,
    /// Whether another account than the connected one may take its place.
    replace: bool,
}

/// Where to send the browser, and the cookie it must bring back.
#[derive(Debug)]
pub struct Started {
    pub authorization_url: String,
    pub cookie: SealedToken,
}

/// Who wants to connect what.
#[derive(Clone, Debug)]
pub struct Start {
    pub platform: PlatformId,
    pub profile_id: String,
    pub uid: String,
    pub return_to: String,
    pub redirect_uri: String,
    pub replace: bool,
}

/// What came back from the platform's page.
#[derive(Clone, Debug, Default)]
pub struct Callback {
    pub state: Option<String>,
    pub code: Option<String>,
    pub error: Option<String>,
}

impl Tokens {
    pub fn start_flow(&self, start: &Start) -> Result<Started, Problem> {
        let adapter =
            self.platforms.get(start.platform).ok_or_else(|| not_available(start.platform).problem)?;
        let flow = Flow {
            state: self.random.hex::<24>(),
            verifier: self.random.hex::<32>(),
            platform: start.platform,
            profile_id: start.profile_id.clone(),
            uid: start.uid.clone(),
            return_to: start.return_to.clone(),
            expires_at: self.clock.now() + TimeDelta::minutes(FLOW_MINUTES),
            replace: start.replace,
        };
        let url = authorization_url(
            adapter.oauth(),
            &start.redirect_uri,
            &flow.state,
            &Secret::new(flow.verifier.as_str()),
        )
        .map_err(|why| {
            Problem::new(
                "oauth.configuration",
                Actor::Operator,
                why,
                "Check PUBLIC_URL and the platform's URLs",
            )
        })?;
        let text = serde_json::to_string(&flow).unwrap_or_default();
        let cookie = self.sealer.seal(&Secret::new(text), &place(start.platform));
        Ok(Started { authorization_url: url, cookie })
    }

    /// Opens the cookie. `None`: it is missing, foreign, or for another platform.
    pub fn open_flow(&self, platform: PlatformId, cookie: Option<&str>) -> Option<Flow> {
        let opened = self.sealer.open(&SealedToken::from_text(cookie?), &place(platform)).ok()?;
        serde_json::from_str::<Flow>(opened.expose()).ok().filter(|flow| flow.platform == platform)
    }

    /// Checks the answer against the flow, exchanges the code, reads the account and stores the connection.
    pub async fn finish_flow(
        &self,
        flow: &Flow,
        callback: &Callback,
        redirect_uri: &str,
    ) -> Result<Connection, Problem> {
        let platform = flow.platform;
        let label = platform.label();
        let state = callback.state.as_deref().unwrap_or_default();
        if !bool::from(state.as_bytes().ct_eq(flow.state.as_bytes())) {
            return Err(again(
                "oauth.state_mismatch",
                format!("the answer from {label} belongs to another attempt"),
            ));
        }
        if self.clock.now() > flow.expires_at {
            return Err(again("oauth.expired", format!("connecting {label} took longer than ten minutes")));
        }
        let used = Sha256::digest(flow.state.as_bytes())
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>();
        match self.store.use_once(&used, flow.expires_at + TimeDelta::hours(1)).await {
            Ok(true) => {}
            Ok(false) => {
                return Err(again("oauth.state_used", format!("this answer from {label} was used already")));
            }
            Err(error) => return Err(again("store.unavailable", error.to_string())),
        }
        // A refusal wins over a code: both together is not a success of any platform.
        if let Some(error) = &callback.error {
            let message = if error == "access_denied" {
                format!("access was not given at {label}")
            } else {
                format!("{label} ended the attempt: {}", error.chars().take(100).collect::<String>())
            };
            return Err(again("oauth.denied", message));
        }
        let code = callback.code.as_deref().filter(|code| !code.is_empty());
        let code =
            code.ok_or_else(|| again("oauth.no_code", format!("the answer from {label} holds no code")))?;
        self.connect(flow, &Secret::new(code), redirect_uri).await
    }

    async fn connect(&self, flow: &Flow, code: &Secret, redirect_uri: &str) -> Result<Connection, Problem> {
        let platform = flow.platform;
        let label = platform.label();
        let adapter = self.platforms.get(platform).ok_or_else(|| not_available(platform).problem)?;
        let oauth = adapter.oauth();
        let verifier = Secret::new(flow.verifier.as_str());
        let tokens = exchange(&self.http, &self.clock, oauth, redirect_uri, code, &verifier)
            .await
            .map_err(|error| exchange_problem(label, &error))?;
        let missing: Vec<_> = oauth
            .required_scopes
            .iter()
            .filter(|scope| !tokens.scopes.iter().any(|granted| granted == *scope))
            .copied()
            .collect();
        if !missing.is_empty() {
            let message = format!("{label} was connected without the permission to {}", missing.join(", "));
            return Err(again("oauth.scopes_missing", message));
        }
        let account =
            adapter.account(&self.http, &tokens.access_token).await.map_err(|failure| failure.problem)?;
        let seal = |secret: &Secret, field: &str| {
            self.sealer.seal(secret, &Connection::place(&flow.profile_id, platform, field))
        };
        let mut connection = Connection {
            access_token: seal(&tokens.access_token, "access"),
            refresh_token: tokens.refresh_token.as_ref().map(|token| seal(token, "refresh")),
            expires_at: tokens.expires_at.timestamp_millis(),
            account_id: account.id,
            username: account.username,
            display_name: account.display_name,
            avatar_url: account.avatar_url,
            scopes: tokens.scopes.clone(),
            tier: account.tier,
            connected_at: self.clock.now(),
            status: ConnectionStatus::Active,
            reason: None,
            refresh_lease: None,
            refresh_refusals: 0,
        };
        for _ in 0..5 {
            let profile = self.store.profile(&flow.profile_id).await;
            let profile = profile.map_err(|error| again("store.unavailable", error.to_string()))?;
            let profile = profile.filter(|profile| profile.is_open_to(&flow.uid)).ok_or_else(|| {
                again("profile.foreign", "the profile does not exist any more, or is not yours".to_owned())
            })?;
            if let Some(StoredConnection::Readable(old)) = profile.connections.get(&platform) {
                if old.account_id != connection.account_id && !flow.replace {
                    let message = format!(
                        "you are signed in to {label} as @{}, but this profile is connected to @{}",
                        connection.username, old.username
                    );
                    let action =
                        format!("Sign in to {label} as @{}, or disconnect that account first", old.username);
                    return Err(Problem::new("oauth.other_account", Actor::Owner, message, action));
                }
                if connection.refresh_token.is_none() && old.account_id == connection.account_id {
                    connection.refresh_token.clone_from(&old.refresh_token);
                }
            }
            match self
                .store
                .save_connection(&flow.profile_id, platform, Some(&connection), &profile.version)
                .await
            {
                Ok(_) => return Ok(connection),
                Err(SaveError::Conflict | SaveError::Exists) => {}
                Err(SaveError::Store(error)) => return Err(again("store.unavailable", error.to_string())),
            }
        }
        Err(again("store.busy", "the profile is being changed all the time".to_owned()))
    }

    /// Takes the access away at the platform, then forgets it. `Ok(Some(..))`: forgotten, but the platform
    /// could not be told.
    pub async fn disconnect(
        &self,
        profile_id: &str,
        platform: PlatformId,
    ) -> Result<Option<Problem>, Problem> {
        let mut trouble = None;
        let mut revoked = false;
        for _ in 0..5 {
            let profile = self.store.profile(profile_id).await;
            let profile = profile.map_err(|error| again("store.unavailable", error.to_string()))?;
            let Some(profile) = profile else { return Ok(trouble) };
            let Some(stored) = profile.connections.get(&platform) else { return Ok(trouble) };
            if !revoked {
                revoked = true;
                if let (StoredConnection::Readable(connection), Some(adapter)) =
                    (stored, self.platforms.get(platform))
                {
                    let (sealed, field) = match &connection.refresh_token {
                        Some(token) => (token, "refresh"),
                        None => (&connection.access_token, "access"),
                    };
                    let place = Connection::place(profile_id, platform, field);
                    trouble = match self.sealer.open(sealed, &place) {
                        Ok(token) => {
                            adapter.revoke(&self.http, &token).await.err().map(|failure| failure.problem)
                        }
                        Err(error) => Some(again("connection.sealed", error.to_string())),
                    };
                }
            }
            match self.store.save_connection(profile_id, platform, None, &profile.version).await {
                Ok(_) => return Ok(trouble),
                Err(SaveError::Conflict | SaveError::Exists) => {}
                Err(SaveError::Store(error)) => return Err(again("store.unavailable", error.to_string())),
            }
        }
        Err(again("store.busy", "the profile is being changed all the time".to_owned()))
    }
}

fn place(platform: PlatformId) -> String {
    format!("flow/{platform}")
}

fn again(code: &str, message: String) -> Problem {
    Problem::new(code, Actor::Owner, message, "Start connecting again from the settings")
}

fn exchange_problem(label: &str, error: &RefreshError) -> Problem {
    match error {
        RefreshError::Refused { .. } => {
            again("oauth.code_refused", format!("{label} did not accept the answer; it may be too old"))
        }
        RefreshError::App(_) => Problem::new(
            "oauth.app_refused",
            Actor::Operator,
            format!("{label} does not accept this service's own credentials"),
            format!("Check the client id, secret and callback address of the {label} app"),
        ),
        RefreshError::Lost(_) | RefreshError::Passing(_) => {
            again("oauth.platform_unavailable", format!("{label} did not answer"))
        }
    }
}
