//! A delivery: one post on one platform, as data.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{platform::Progress, problem::Problem};

/// As stored in `deliveries.{platform}`; instants are Timestamps in the document.
///
/// ```json
/// {"state":"published","revision":"9f2c..","attempts":1,"tries":0,
///  "receipt":{"remoteId":"19..","permalink":"https://x.com/acme/status/19..","answeredAt":".."},
///  "firedAt":"..","latenessMs":12}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    #[serde(flatten)]
    pub state: State,
    /// What the author had written when the progress was made.
    #[serde(default)]
    pub revision: String,
    /// Public calls begun: fences taken.
    #[serde(default)]
    pub attempts: u32,
    /// Failed steps that led to no public call.
    #[serde(default)]
    pub tries: u32,
    /// When the last public call was begun, and how long after its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fired_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness_ms: Option<i64>,
    /// The last thing that went wrong, also when it was overcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// Each state carries only what is true in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum State {
    /// Nothing usable at the platform yet; `due_at` while waiting for a repeat.
    Pending {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_at: Option<DateTime<Utc>>,
    },
    /// Partly prepared.
    Staging {
        progress: Progress,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_at: Option<DateTime<Utc>>,
    },
    /// Only the public call is left.
    Staged {
        progress: Progress,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        good_until_at: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_at: Option<DateTime<Utc>>,
    },
    /// The fence is taken: the public call is being made, or died.
    Firing {
        progress: Progress,
        fence: Fence,
    },
    /// The public call was made and its outcome is not known; looked for at `due_at`, or given up.
    Unknown {
        progress: Progress,
        fence: Fence,
        /// When it was found lost.
        since_at: DateTime<Utc>,
        looks: u32,
        absent: u32,
        /// `None`: looking was given up, a person decides.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_at: Option<DateTime<Utc>>,
    },
    /// There, with proof.
    Published {
        receipt: Receipt,
    },
    Failed {
        failed_at: DateTime<Utc>,
    },
    /// Too late by policy: not sent.
    Missed {
        missed_at: DateTime<Utc>,
    },
    Cancelled {
        cancelled_at: DateTime<Utc>,
    },
}

/// Written before the public call, once per (post, platform, attempt).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fence {
    pub holder: String,
    /// The earliest instant at which the call can have been made.
    pub fenced_at: DateTime<Utc>,
    pub attempt: u32,
    /// What is sent: the author may edit the post while we look for it, and then its text is another.
    #[serde(default)]
    pub text: String,
}

/// Proof from the platform.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    pub remote_id: String,
    pub permalink: String,
    pub answered_at: DateTime<Utc>,
}

/// Who works on a post, and until when nobody else may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    pub holder: String,
    pub until_at: DateTime<Utc>,
}

impl Delivery {
    pub fn new(revision: String) -> Self {
        Self {
            state: State::Pending { due_at: None },
            revision,
            attempts: 0,
            tries: 0,
            fired_at: None,
            lateness_ms: None,
            error: None,
        }
    }

    /// Nothing more will happen by itself.
    pub fn is_settled(&self) -> bool {
        match &self.state {
            State::Pending { .. } | State::Staging { .. } | State::Staged { .. } | State::Firing { .. } => {
                false
            }
            State::Unknown { due_at, .. } => due_at.is_none(),
            State::Published { .. }
            | State::Failed { .. }
            | State::Missed { .. }
            | State::Cancelled { .. } => true,
        }
    }

    /// A public call was begun and may have had its effect: too late to cancel.
    pub fn is_fenced(&self) -> bool {
        match &self.state {
            State::Firing { .. } | State::Unknown { .. } | State::Published { .. } => true,
            State::Pending { .. }
            | State::Staging { .. }
            | State::Staged { .. }
            | State::Failed { .. }
            | State::Missed { .. }
            | State::Cancelled { .. } => false,
        }
    }

    pub fn state_name(&self) -> &'static str {
        match &self.state {
            State::Pending { .. } => "pending",
            State::Staging { .. } => "staging",
            State::Staged { .. } => "staged",
            State::Firing { .. } => "firing",
            State::Unknown { .. } => "unknown",
            State::Published { .. } => "published",
            State::Failed { .. } => "failed",
            State::Missed { .. } => "missed",
            State::Cancelled { .. } => "cancelled",
        }
    }
}
