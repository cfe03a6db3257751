//! What the author wrote, and where its deliveries stand.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    platform::PlatformId,
    publish::{Delivery, Lease},
};

/// A post as it stands in the store. `version` changes with every write to it.
#[derive(Clone, Debug)]
pub struct Post {
    pub id: String,
    pub version: Version,
    pub profile_id: String,
    pub user_id: Option<String>,
    pub content: Content,
    pub scheduled_at: DateTime<Utc>,
    pub status: Status,
    pub deliveries: BTreeMap<PlatformId, Delivery>,
    pub lease: Option<Lease>,
    /// When the engine wants to look again (only while publishing).
    pub due_at: Option<DateTime<Utc>>,
    pub published_at: Option<DateTime<Utc>>,
    /// When we last said the final word. A post that is scheduled and settled was asked for again.
    pub settled_at: Option<DateTime<Utc>>,
}

/// The store's mark of one state of a document: a write under it fails when somebody wrote in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub(crate) String);

impl Version {
    /// For a post that is not stored yet.
    pub fn none() -> Self {
        Self(String::new())
    }
}

/// All that decides what appears on a platform. Its hash is the post's revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Content {
    #[serde(rename = "content", default)]
    pub text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_format: Option<String>,
    pub platforms: Vec<PlatformId>,
    #[serde(default)]
    pub media: Vec<Media>,
    /// Per platform, read by its adapter.
    #[serde(default)]
    pub options: BTreeMap<String, serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    pub url: String,
    #[serde(rename = "type")]
    pub kind: MediaKind,
    #[serde(default)]
    pub order: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alt_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<String>,
    /// Pixels, as the author's side measured them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MediaKind {
    Image,
    Video,
}

impl Content {
    /// 16 hexadecimal digits that change with anything the author changes.
    pub fn revision(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        Sha256::digest(text.as_bytes())[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Media in the author's order.
    pub fn ordered_media(&self) -> Vec<&Media> {
        let mut media: Vec<&Media> = self.media.iter().collect();
        media.sort_by_key(|item| item.order);
        media
    }
}

/// The author's word (`Scheduled` is go), or ours once publishing began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Scheduled,
    Publishing,
    Published,
    Failed,
    Cancelled,
    /// idea, draft, ready and whatever else the web app uses: none of our business.
    Other(String),
}

impl Status {
    pub fn parse(text: &str) -> Self {
        match text {
            "scheduled" => Self::Scheduled,
            "publishing" => Self::Publishing,
            "published" => Self::Published,
            "failed" => Self::Failed,
            "cancelled" => Self::Cancelled,
            other => Self::Other(other.to_owned()),
        }
    }

    pub fn as_str(&self) -> &str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Other(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_follows_what_the_author_wrote() {
        let content: Content =
            serde_json::from_str(r#"{"content":"Hi","platforms":["x"],"media":[]}"#).unwrap();
        assert_eq!(content.platforms, [PlatformId::Twitter]);
        let edited = Content { text: "Hi!".to_owned(), ..content.clone() };
        assert_eq!(content.revision(), content.clone().revision());
        assert_ne!(content.revision(), edited.revision());
        assert_eq!(content.revision().len(), 16);
    }
}
