//! One linked account of a profile: `profiles/{id}.socialConnections.{platform}`.

use chrono::{DateTime, TimeZone, Utc};
use serde::{Deserialize, Serialize};

use crate::{post::Version, problem::Problem, seal::SealedToken};

/// As stored. Tokens are sealed; `expiresAt` is milliseconds since the epoch, UTC.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Connection {
    pub access_token: SealedToken,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<SealedToken>,
    pub expires_at: i64,
    pub account_id: String,
    pub username: String,
    #[serde(default)]
    pub display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What the platform lets this account do beyond the ordinary, e.g. X's `Premium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    pub connected_at: DateTime<Utc>,
    #[serde(default)]
    pub status: ConnectionStatus,
    /// Why a person has to reconnect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Problem>,
    /// Who is refreshing right now, and until when nobody else may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_lease: Option<RefreshLease>,
    /// Terminal refusals of the present refresh token; two of them ask for a reconnect.
    #[serde(default)]
    pub refresh_refusals: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConnectionStatus {
    #[default]
    Active,
    /// Only a person can help.
    Reconnect,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefreshLease {
    pub holder: String,
    pub until_at: DateTime<Utc>,
}

impl Connection {
    pub fn access_expires_at(&self) -> DateTime<Utc> {
        Utc.timestamp_millis_opt(self.expires_at).single().unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Where a token of this connection is sealed to (see [`crate::seal`]).
    pub fn place(profile_id: &str, platform: crate::platform::PlatformId, field: &str) -> String {
        format!("token/{profile_id}/{platform}/{field}")
    }
}

/// A profile as far as it is ours to know.
#[derive(Clone, Debug)]
pub struct Profile {
    pub id: String,
    pub version: Version,
    pub user_id: Option<String>,
    pub users: Vec<String>,
    pub connections: std::collections::BTreeMap<crate::platform::PlatformId, StoredConnection>,
}

/// A connection that could be read, or why not.
#[derive(Clone, Debug)]
pub enum StoredConnection {
    Readable(Box<Connection>),
    /// The document's field has another shape than ours. Nothing is overwritten.
    Unreadable(String),
}

impl Profile {
    /// The owner, or listed in `users`.
    pub fn is_open_to(&self, uid: &str) -> bool {
        self.user_id.as_deref() == Some(uid) || self.users.iter().any(|user| user == uid)
    }
}
