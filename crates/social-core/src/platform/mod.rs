//! What the engine and the connecting code need from a platform, in words that no platform owns.

pub mod twitter;

use std::{collections::BTreeMap, fmt, sync::Arc};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use transport::{SharedClock, SharedTransport};

use crate::{
    connection::Connection,
    post::Content,
    problem::{Actor, Problem},
    publish::{Fence, FirePermit, Receipt},
    secret::Secret,
};

/// `x` is accepted everywhere as another name for `twitter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlatformId {
    #[serde(alias = "x")]
    Twitter,
    Instagram,
    Tiktok,
}

impl PlatformId {
    pub const ALL: [Self; 3] = [Self::Twitter, Self::Instagram, Self::Tiktok];

    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "twitter" | "x" => Some(Self::Twitter),
            "instagram" => Some(Self::Instagram),
            "tiktok" => Some(Self::Tiktok),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Twitter => "twitter",
            Self::Instagram => "instagram",
            Self::Tiktok => "tiktok",
        }
    }

    /// As people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Twitter => "X",
            Self::Instagram => "Instagram",
            Self::Tiktok => "TikTok",
        }
    }
}

impl fmt::Display for PlatformId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// OAuth endpoints, scopes and token habits of a platform: data.
#[derive(Clone, Debug)]
pub struct OAuthProfile {
    pub authorize_url: String,
    pub token_url: String,
    pub revoke_url: String,
    pub client_id: String,
    pub client_secret: Secret,
    /// Asked for, in this order.
    pub scopes: &'static [&'static str],
    /// Without these the connection could not do its work, and is refused with a reason.
    pub required_scopes: &'static [&'static str],
}

/// Who the connected account is, as read from the platform right after the exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountInfo {
    pub id: String,
    pub username: String,
    pub display_name: String,
    pub avatar_url: Option<String>,
    pub tier: Option<String>,
}

/// Everything an adapter may use for one delivery.
#[derive(Debug)]
pub struct Cx<'a> {
    pub http: &'a SharedTransport,
    pub media: &'a crate::media::MediaFetcher,
    pub clock: &'a SharedClock,
    pub random: &'a transport::Random,
    pub access_token: &'a Secret,
    pub connection: &'a Connection,
    pub content: &'a Content,
}

/// How far the preparation of a delivery is, in the adapter's own words; the engine only stores it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Progress(pub serde_json::Value);

/// What one staging step led to.
#[derive(Clone, Debug, PartialEq)]
pub enum Staged {
    /// One step done; the next may be taken at `due_at`, or at once.
    More { progress: Progress, due_at: Option<DateTime<Utc>> },
    /// Only the public call is left. Usable until `good_until`, if it ever expires.
    Ready { progress: Progress, good_until: Option<DateTime<Utc>> },
}

/// What a look at the platform said about a public call whose answer was lost.
#[derive(Clone, Debug, PartialEq)]
pub enum Look {
    /// Exactly one match, and it can only be ours.
    Found(Receipt),
    /// The platform answered, and there is nothing that could be ours.
    Absent,
    /// More than one candidate: a person has to tell.
    Ambiguous,
}

/// Why a call did not do what it should, and what the engine may do next.
#[derive(Clone, Debug, PartialEq)]
pub struct Failure {
    pub disposition: Disposition,
    pub problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// The platform cannot have acted: repeat soon.
    NotSent,
    /// Nothing happened; not before this instant.
    WaitUntil(DateTime<Utc>),
    /// Nothing happened; refresh the token, then again.
    Unauthorized,
    /// Nothing happened; what was staged is no good any more, stage anew.
    Restage,
    /// Final. Nothing happened.
    Rejected,
    /// Refused because the same thing is there already: proof, if we called before.
    Duplicate,
    /// Sent, and no clear answer: look before any repeat.
    Unknown,
}

impl Failure {
    pub fn new(disposition: Disposition, problem: Problem) -> Self {
        Self { disposition, problem }
    }

    pub fn rejected(code: &str, message: impl Into<String>, action: impl Into<String>) -> Self {
        Self::new(Disposition::Rejected, Problem::new(code, Actor::Author, message, action))
    }
}

/// One platform. `check` does no I/O; `stage`, `confirm` and `look` never make anything public; `fire` makes
/// the one public call and cannot be called without the engine's permit.
#[async_trait]
pub trait Platform: fmt::Debug + Send + Sync {
    fn oauth(&self) -> &OAuthProfile;

    /// Reads who the token belongs to.
    async fn account(&self, http: &SharedTransport, token: &Secret) -> Result<AccountInfo, Failure>;

    /// What is wrong with the post by the platform's documented limits, for this account if it is known.
    fn check(&self, content: &Content, connection: Option<&Connection>) -> Vec<Problem>;

    /// Whether there is anything to prepare ahead of the time.
    fn needs_staging(&self, content: &Content) -> bool;

    /// One step of preparation. Safe to repeat: what is lost is only work.
    async fn stage(&self, cx: &Cx<'_>, progress: &Progress) -> Result<Staged, Failure>;

    /// The public call.
    async fn fire(&self, cx: &Cx<'_>, progress: &Progress, permit: FirePermit) -> Result<Receipt, Failure>;

    /// Looks for what the public call behind `fence` left.
    async fn look(&self, cx: &Cx<'_>, progress: &Progress, fence: &Fence) -> Result<Look, Failure>;

    /// Takes our access away at the platform.
    async fn revoke(&self, http: &SharedTransport, token: &Secret) -> Result<(), Failure>;
}

/// The platforms that are configured.
#[derive(Clone, Debug, Default)]
pub struct Platforms(BTreeMap<PlatformId, Arc<dyn Platform>>);

impl Platforms {
    pub fn with(mut self, id: PlatformId, platform: Arc<dyn Platform>) -> Self {
        self.0.insert(id, platform);
        self
    }

    pub fn get(&self, id: PlatformId) -> Option<&Arc<dyn Platform>> {
        self.0.get(&id)
    }
}
