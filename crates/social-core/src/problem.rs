//! What went wrong, in words for the person who has to act.

use serde::{Deserialize, Serialize};

/// Who can change something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Actor {
    /// Whoever wrote the post: change the text, the media, the time.
    Author,
    /// Whoever owns the connected account: reconnect, lift a suspension.
    Owner,
    /// Whoever runs this service: credentials, credits, configuration.
    Operator,
    /// The platform: wait, it is repeated by itself.
    Platform,
}

/// One problem, as it stands on a delivery and in an API answer:
///
/// ```json
/// {"code":"x.duplicate","message":"X refused the post: the same text was posted recently",
///  "action":"Change the text and schedule it again","actor":"author","retryable":false,
///  "platformStatus":403,"platformText":"You are not allowed to create a Tweet with duplicate content."}
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Stable, `area.what`.
    pub code: String,
    pub message: String,
    /// What the actor can do about it.
    pub action: String,
    pub actor: Actor,
    /// Whether the same thing may be asked again without a change.
    pub retryable: bool,
    /// The platform's HTTP status, code and text as they came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform_text: Option<String>,
    /// Index of the media item at fault, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<usize>,
}

impl Problem {
    pub fn new(code: &str, actor: Actor, message: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
            action: action.into(),
            actor,
            retryable: actor == Actor::Platform,
            platform_status: None,
            platform_code: None,
            platform_text: None,
            media: None,
        }
    }

    pub fn with_media(mut self, index: usize) -> Self {
        self.media = Some(index);
        self
    }

    /// Keeps the platform's own words, cut to 500 characters.
    pub fn with_platform(mut self, status: u16, code: Option<String>, text: &str) -> Self {
        self.platform_status = Some(status);
        self.platform_code = code;
        self.platform_text = Some(text.chars().take(500).collect()).filter(|text: &String| !text.is_empty());
        self
    }
}
