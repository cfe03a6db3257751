//! Access tokens that are alive when they are needed.
//!
//! Refreshing is done by one at a time: a lease inside the connection, written under the profile's version.
//! The new pair is stored before anybody uses it. A lost or unclear answer never disconnects; only a terminal
//! refusal, said twice about a token that is still the stored one, asks for a person.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use transport::{Random, SharedClock, SharedTransport};

use crate::{
    connection::{Connection, ConnectionStatus, Profile, RefreshLease, StoredConnection},
    oauth::{self, RefreshError, TokenSet},
    platform::{Disposition, Failure, PlatformId, Platforms},
    post::Version,
    problem::{Actor, Problem},
    seal::Sealer,
    secret::Secret,
    store::{SaveError, Store},
};

/// Refreshed when it would not live this long beyond the need: early enough that a lost answer leaves the old
/// token alive, late enough that a day of posts costs a dozen refreshes.
const MARGIN: TimeDelta = TimeDelta::minutes(12);
/// Longer than the time-out of the refresh call and the writes around it.
const REFRESH_LEASE: TimeDelta = TimeDelta::seconds(45);
const WAIT_FOR_ANOTHER: std::time::Duration = std::time::Duration::from_millis(400);
const TERMINAL_REFUSALS: u32 = 2;

#[derive(Clone, Debug)]
pub struct Tokens {
    pub store: Store,
    pub platforms: Platforms,
    pub http: SharedTransport,
    pub clock: SharedClock,
    pub random: Random,
    pub sealer: Sealer,
}

/// A usable token and the connection it belongs to.
#[derive(Clone, Debug)]
pub struct Access {
    pub token: Secret,
    pub connection: Connection,
}

/// How badly a token is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Alive until this instant.
    Until(DateTime<Utc>),
    /// The platform refused the token that expires at these milliseconds: another one.
    NotThis(i64),
}

impl Tokens {
    /// A token for `platform` of this profile. `profile` may be some seconds old.
    pub async fn access(
        &self,
        profile: &Profile,
        platform: PlatformId,
        need: Need,
    ) -> Result<Access, Failure> {
        let mut profile = profile.clone();
        // Bounded by the lease: whoever holds it is done, or dead, by then.
        for _ in 0..120 {
            let connection = readable(&profile, platform)?.clone();
            if connection.status == ConnectionStatus::Reconnect {
                return Err(reconnect(platform, connection.reason.as_ref()));
            }
            let now = self.clock.now();
            let wanted = match need {
                Need::Until(until) => connection.access_expires_at() < until + MARGIN,
                Need::NotThis(expires_at) => connection.expires_at <= expires_at,
            };
            if !wanted || connection.refresh_token.is_none() {
                return self.open(&profile.id, platform, connection, need);
            }
            let held = connection.refresh_lease.as_ref().filter(|lease| lease.until_at > now);
            if held.is_some() {
                // The old token serves while somebody renews it, if it lives long enough.
                if let Need::Until(until) = need
                    && connection.access_expires_at() > until.max(now)
                {
                    return self.open(&profile.id, platform, connection, need);
                }
                self.clock.sleep(WAIT_FOR_ANOTHER).await;
            } else {
                match self.refresh(&profile, platform, connection.clone()).await {
                    Ok(Some(access)) => return Ok(access),
                    Ok(None) => {}
                    Err(failure) => {
                        let alive = match need {
                            Need::Until(until) => connection.access_expires_at() > until.max(now),
                            Need::NotThis(_) => false,
                        };
                        let passing = failure.disposition != Disposition::Rejected;
                        if alive && passing {
                            return self.open(&profile.id, platform, connection, need);
                        }
                        return Err(failure);
                    }
                }
            }
            profile = self.reload(&profile.id).await?;
        }
        Err(store_trouble("another refresh of this connection does not end"))
    }

    /// Refreshes under the lease. `None`: lost the race, look again.
    async fn refresh(
        &self,
        profile: &Profile,
        platform: PlatformId,
        mut connection: Connection,
    ) -> Result<Option<Access>, Failure> {
        let Some(adapter) = self.platforms.get(platform) else { return Err(not_available(platform)) };
        let holder = self.random.hex::<8>();
        connection.refresh_lease =
            Some(RefreshLease { holder: holder.clone(), until_at: self.clock.now() + REFRESH_LEASE });
        let version = match self
            .store
            .save_connection(&profile.id, platform, Some(&connection), &profile.version)
            .await
        {
            Ok(version) => version,
            // Lost the race; or won it and lost the answer, then our own lease runs out by itself.
            Err(SaveError::Conflict | SaveError::Exists) => return Ok(None),
            Err(SaveError::Store(error)) => return Err(store_trouble(&error.to_string())),
        };
        let sealed = connection.refresh_token.clone();
        let Some(sealed) = sealed else { return Ok(None) };
        let place = Connection::place(&profile.id, platform, "refresh");
        let refresh_token =
            self.sealer.open(&sealed, &place).map_err(|error| sealed_shut(&error.to_string()))?;

        let mut outcome = oauth::refresh(&self.http, &self.clock, adapter.oauth(), &refresh_token).await;
        if matches!(outcome, Err(RefreshError::Lost(_))) {
            // If the platform rotated and the answer was lost, only this tells; the old one may still work.
            outcome = oauth::refresh(&self.http, &self.clock, adapter.oauth(), &refresh_token).await;
        }
        match outcome {
            Ok(tokens) => {
                let renewed = self.renewed(&profile.id, platform, &connection, &tokens);
                self.persist(&profile.id, platform, &holder, renewed.clone(), version).await?;
                Ok(Some(Access { token: tokens.access_token, connection: renewed }))
            }
            Err(RefreshError::Refused { code, description }) => {
                connection.refresh_lease = None;
                connection.refresh_refusals += 1;
                let refusal = refused_refresh(platform, &code, &description);
                if connection.refresh_refusals >= TERMINAL_REFUSALS {
                    connection.status = ConnectionStatus::Reconnect;
                    connection.reason = Some(refusal.clone());
                }
                let terminal = connection.status == ConnectionStatus::Reconnect;
                self.persist(&profile.id, platform, &holder, connection, version).await?;
                let until = self.clock.now() + TimeDelta::seconds(5);
                let disposition =
                    if terminal { Disposition::Rejected } else { Disposition::WaitUntil(until) };
                Err(Failure::new(disposition, refusal))
            }
            Err(error @ (RefreshError::Lost(_) | RefreshError::Passing(_) | RefreshError::App(_))) => {
                connection.refresh_lease = None;
                self.persist(&profile.id, platform, &holder, connection, version).await?;
                Err(delayed_refresh(platform, &error, self.clock.now()))
            }
        }
    }

    fn renewed(
        &self,
        profile: &str,
        platform: PlatformId,
        old: &Connection,
        tokens: &TokenSet,
    ) -> Connection {
        let seal = |secret: &Secret, field: &str| {
            self.sealer.seal(secret, &Connection::place(profile, platform, field))
        };
        let scopes: BTreeSet<String> = tokens.scopes.iter().cloned().collect();
        Connection {
            access_token: seal(&tokens.access_token, "access"),
            // A platform that sends no new one keeps the old one alive: never replaced by nothing.
            refresh_token: tokens
                .refresh_token
                .as_ref()
                .map(|token| seal(token, "refresh"))
                .or_else(|| old.refresh_token.clone()),
            expires_at: tokens.expires_at.timestamp_millis(),
            scopes: if scopes.is_empty() { old.scopes.clone() } else { scopes.into_iter().collect() },
            status: ConnectionStatus::Active,
            reason: None,
            refresh_lease: None,
            refresh_refusals: 0,
            ..old.clone()
        }
    }

    /// Stores what came of a refresh. The web app may have written the profile meanwhile; as long as the lease
    /// is ours, so is the connection. Tried hard: losing a rotated pair costs the person a reconnect.
    async fn persist(
        &self,
        profile_id: &str,
        platform: PlatformId,
        holder: &str,
        connection: Connection,
        mut version: Version,
    ) -> Result<(), Failure> {
        let mut trouble = String::new();
        for attempt in 0..8_u32 {
            match self.store.save_connection(profile_id, platform, Some(&connection), &version).await {
                Ok(_) => return Ok(()),
                Err(SaveError::Store(error)) => {
                    trouble = error.to_string();
                    self.clock.sleep(std::time::Duration::from_millis(100 << attempt.min(5))).await;
                }
                Err(SaveError::Conflict | SaveError::Exists) => {}
            }
            let Ok(profile) = self.reload(profile_id).await else { continue };
            match readable(&profile, platform) {
                Ok(stored)
                    if stored.access_token == connection.access_token && stored.refresh_lease.is_none() =>
                {
                    return Ok(());
                }
                Ok(stored) if stored.refresh_lease.as_ref().is_some_and(|lease| lease.holder == holder) => {
                    version = profile.version;
                }
                // Reconnected or disconnected meanwhile: what is stored is newer than ours.
                Ok(_) | Err(_) => return Ok(()),
            }
        }
        Err(store_trouble(&trouble))
    }

    async fn reload(&self, profile_id: &str) -> Result<Profile, Failure> {
        match self.store.profile(profile_id).await {
            Ok(Some(profile)) => Ok(profile),
            Ok(None) => Err(Failure::rejected(
                "profile.missing",
                "the post's profile does not exist any more",
                "Create the post again in a profile that exists",
            )),
            Err(error) => Err(store_trouble(&error.to_string())),
        }
    }

    fn open(
        &self,
        profile_id: &str,
        platform: PlatformId,
        connection: Connection,
        need: Need,
    ) -> Result<Access, Failure> {
        if connection.access_expires_at() <= self.clock.now()
            || matches!(need, Need::NotThis(_)) && connection.refresh_token.is_none()
        {
            return Err(reconnect(platform, None));
        }
        let place = Connection::place(profile_id, platform, "access");
        let token = self
            .sealer
            .open(&connection.access_token, &place)
            .map_err(|error| sealed_shut(&error.to_string()))?;
        Ok(Access { token, connection })
    }
}

/// The connection, or what the author is told when there is none to use.
pub fn readable(profile: &Profile, platform: PlatformId) -> Result<&Connection, Failure> {
    let label = platform.label();
    match profile.connections.get(&platform) {
        Some(StoredConnection::Readable(connection)) => Ok(connection),
        None => Err(Failure::new(
            Disposition::Rejected,
            Problem::new(
                "connection.missing",
                Actor::Owner,
                format!("no {label} account is connected to this profile"),
                format!("Connect {label} in the settings, then schedule the post again"),
            ),
        )),
        Some(StoredConnection::Unreadable(why)) => Err(Failure::new(
            Disposition::Rejected,
            Problem::new(
                "connection.unreadable",
                Actor::Owner,
                format!("the stored {label} connection cannot be read: {why}"),
                format!("Connect {label} again in the settings"),
            ),
        )),
    }
}

fn reconnect(platform: PlatformId, reason: Option<&Problem>) -> Failure {
    let label = platform.label();
    let mut problem = reason.cloned().unwrap_or_else(|| {
        Problem::new(
            "connection.expired",
            Actor::Owner,
            format!("{label} does not accept the connection any more"),
            format!("Connect {label} again in the settings, then schedule the post again"),
        )
    });
    problem.retryable = false;
    Failure::new(Disposition::Rejected, problem)
}

fn refused_refresh(platform: PlatformId, code: &str, description: &str) -> Problem {
    let label = platform.label();
    let mut problem = Problem::new(
        "connection.refresh_refused",
        Actor::Owner,
        format!("{label} refused to renew the connection"),
        format!("Connect {label} again in the settings"),
    );
    problem.platform_code = Some(code.to_owned());
    problem.platform_text = Some(description.chars().take(200).collect());
    problem
}

fn delayed_refresh(platform: PlatformId, error: &RefreshError, now: DateTime<Utc>) -> Failure {
    let label = platform.label();
    let (actor, message, action) = match error {
        RefreshError::App(_) => (
            Actor::Operator,
            format!("{label} does not accept this service's own credentials"),
            format!("Check the client id and secret of the {label} app"),
        ),
        RefreshError::Lost(_) | RefreshError::Passing(_) | RefreshError::Refused { .. } => (
            Actor::Platform,
            format!("{label} could not renew the connection right now"),
            "Nothing to do: it is tried again by itself".to_owned(),
        ),
    };
    let mut problem = Problem::new("connection.refresh_delayed", actor, message, action);
    problem.retryable = true;
    problem.platform_text = Some(error.to_string().chars().take(200).collect());
    Failure::new(Disposition::WaitUntil(now + TimeDelta::seconds(20)), problem)
}

pub(crate) fn not_available(platform: PlatformId) -> Failure {
    let label = platform.label();
    Failure::new(
        Disposition::Rejected,
        Problem::new(
            "platform.unavailable",
            Actor::Operator,
            format!("publishing to {label} is not set up in this installation"),
            format!("Remove {label} from the post, or set up its app credentials"),
        ),
    )
}

fn sealed_shut(why: &str) -> Failure {
    let problem = Problem::new(
        "connection.sealed",
        Actor::Operator,
        format!("the stored token cannot be opened: {why}"),
        "Put the key it was sealed with back into TOKEN_KEYS",
    );
    Failure::new(Disposition::Rejected, problem)
}

fn store_trouble(why: &str) -> Failure {
    let problem = Problem::new(
        "store.unavailable",
        Actor::Platform,
        format!("the connection could not be read or written: {why}"),
        "Nothing to do: it is tried again by itself",
    );
    Failure::new(Disposition::NotSent, problem)
}
