//! What tests look at: the audience's side of the accounts, and the platform's books.
use axum::body::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::X;
use super::state::{Media, Post, State};
use super::{media_kind, snowflake};

/// Reads the state at the moment of each call.
#[derive(Clone, Debug)]
pub struct View {
    x: X,
}

/// One post as its readers see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AudiencePost {
    pub id: String,
    pub username: String,
    /// As it was sent, before links were shortened.
    pub text: String,
    pub media: Vec<AudienceMedia>,
    pub created_at: DateTime<Utc>,
    /// `https://x.com/acme/status/1900000000000000123`
    pub permalink: String,
    pub reply_to: Option<String>,
    pub poll: Vec<String>,
    pub made_with_ai: bool,
    pub reply_settings: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AudienceMedia {
    pub id: String,
    /// `photo`, `animated_gif` or `video`.
    pub kind: String,
    /// The size; [`View::media_bytes`] has the content.
    pub bytes: u64,
    pub alt_text: Option<String>,
}

impl View {
    pub(super) fn new(x: X) -> Self {
        Self { x }
    }

    /// The account's posts that still stand, newest first.
    pub fn timeline(&self, username: &str) -> Vec<AudiencePost> {
        self.x.with(|state, _| {
            let Some(user) = state.user_named(username) else { return Vec::new() };
            user.posts.iter().rev().filter_map(|id| seen(state, state.posts.get(id)?)).collect()
        })
    }

    /// Every account's posts that still stand, newest first.
    pub fn all_posts(&self) -> Vec<AudiencePost> {
        self.x.with(|state, _| {
            let mut ids: Vec<_> = state.posts.keys().copied().collect();
            ids.sort_unstable_by(|a, b| b.cmp(a));
            ids.iter().filter_map(|id| seen(state, state.posts.get(id)?)).collect()
        })
    }

    /// How many requests of this operation arrived, failed ones included; e.g. `x.posts.create`.
    pub fn calls(&self, operation: &str) -> u64 {
        self.x.with(|state, _| state.calls.get(operation).copied().unwrap_or(0))
    }

    /// How often the account's refresh token was rotated.
    pub fn refreshes(&self, username: &str) -> u64 {
        self.x.with(|state, _| state.user_named(username).map_or(0, |user| user.refreshes))
    }

    pub fn spent_micro_usd(&self) -> i64 {
        self.x.with(|state, _| state.spent_micro_usd)
    }

    /// Whether some app could act for the account now: a live access token, or a refresh token.
    pub fn is_authorized(&self, username: &str) -> bool {
        self.x.with(|state, now| {
            let Some(id) = state.user_ids.get(&username.to_lowercase()) else { return false };
            state.refresh_tokens.values().any(|token| token.user == *id)
                || state.access_tokens.values().any(|token| token.user == *id && token.expires_at > now)
        })
    }

    /// What was uploaded under this media id, once it is complete.
    pub fn media_bytes(&self, id: &str) -> Option<Bytes> {
        self.x.with(|state, _| state.media.get(&snowflake::parse(id)?)?.content.clone())
    }

    /// The state in numbers, for `GET /control/state`.
    pub(crate) fn summary(&self) -> serde_json::Value {
        self.x.with(|state, _| {
            let accounts = state.users.values().map(|user| {
                let posts =
                    user.posts.iter().filter(|id| state.posts.get(id).is_some_and(|post| !post.deleted));
                serde_json::json!({
                    "id": user.account.id,
                    "username": user.account.username,
                    "suspended": user.suspended,
                    "refreshes": user.refreshes,
                    "posts": posts.count(),
                })
            });
            serde_json::json!({
                "accounts": accounts.collect::<Vec<_>>(),
                "calls": state.calls,
                "posts": state.posts.values().filter(|post| !post.deleted).count(),
                "media": state.media.len(),
                "spentMicroUsd": state.spent_micro_usd,
                "creditsMicroUsd": state.options.credits_micro_usd,
            })
        })
    }

    pub fn alt_text(&self, media_id: &str) -> Option<String> {
        self.x.with(|state, _| state.media.get(&snowflake::parse(media_id)?)?.alt_text.clone())
    }
}

fn seen(state: &State, post: &Post) -> Option<AudiencePost> {
    if post.deleted {
        return None;
    }
    let username = &state.users.get(&post.author)?.account.username;
    Some(AudiencePost {
        id: post.id.to_string(),
        username: username.clone(),
        text: post.text.clone(),
        media: post.media.iter().filter_map(|id| state.media.get(id)).map(seen_media).collect(),
        created_at: post.created_at,
        permalink: format!("https://x.com/{username}/status/{}", post.id),
        reply_to: post.reply_to.map(|id| id.to_string()),
        poll: post.poll.clone(),
        made_with_ai: post.made_with_ai,
        reply_settings: post.reply_settings.clone(),
    })
}

fn seen_media(media: &Media) -> AudienceMedia {
    AudienceMedia {
        id: media.id.to_string(),
        kind: media_kind(&media.category).to_owned(),
        bytes: media.content.as_ref().map_or(0, |content| content.len() as u64),
        alt_text: media.alt_text.clone(),
    }
}
