//! What a media id is worth: sizes, owners, segments, processing over time, expiry.
//! Source: docs.x.com media pages (2026-06 and 2026-07), OpenAPI 2.167.
use axum::body::Bytes;
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::call::Call;
use super::options::Processing;
use super::problem::Problem;
use super::snowflake;
use super::state::Media;

pub(super) const MIB: usize = 1024 * 1024;
pub(super) const EXPIRES_AFTER_SECS: i64 = 86_400;
pub(super) const MAX_SEGMENT_INDEX: u16 = 999;
const MAX_PHOTOS: usize = 4;

/// Checks category, type and size against each other, as INITIALIZE and the one-shot upload do.
pub(super) fn check_kind(category: &str, media_type: &str, bytes: u64) -> Result<(), Problem> {
    let (fits, limit_mib) = match category {
        "tweet_image" | "dm_image" => (media_type.starts_with("image/"), 5),
        "tweet_gif" | "dm_gif" => (media_type == "image/gif", 15),
        "tweet_video" | "dm_video" | "amplify_video" => (media_type.starts_with("video/"), 512),
        "subtitles" => (media_type.starts_with("text/"), 1),
        _ => {
            let message = "$.media_category: does not have a value in the enumeration";
            return Err(Problem::invalid("media_category", category, message));
        }
    };
    if !fits {
        let message = "$.media_type: does not fit the media_category";
        return Err(Problem::invalid("media_type", media_type, message));
    }
    if bytes > limit_mib * MIB as u64 {
        let message = format!("File size exceeds {} bytes.", limit_mib * MIB as u64);
        return Err(Problem::invalid("total_bytes", &bytes.to_string(), message));
    }
    Ok(())
}

impl Media {
    pub(super) fn key(&self) -> String {
        let prefix = match self.category.as_str() {
            "amplify_video" => 13,
            "tweet_video" | "dm_video" => 7,
            "tweet_gif" | "dm_gif" => 16,
            _ => 3,
        };
        format!("{prefix}_{}", self.id)
    }

    pub(super) fn is_async(&self) -> bool {
        self.category.ends_with("video") || self.category.ends_with("gif")
    }

    /// The file put together, if the segments run from 0 without a gap and add up to what was declared.
    pub(super) fn assemble(&self) -> Option<Bytes> {
        let whole = self.segments.keys().copied().eq(0..self.segments.len() as u16);
        let bytes: usize = self.segments.values().map(Bytes::len).sum();
        if !whole || self.segments.is_empty() || bytes as u64 != self.total_bytes {
            return None;
        }
        Some(self.segments.values().flat_map(|segment| segment.iter().copied()).collect())
    }

    /// `data` of FINALIZE, STATUS and the one-shot upload.
    pub(super) fn data(&self, now: DateTime<Utc>) -> Value {
        let mut data = json!({
            "id": self.id.to_string(),
            "media_key": self.key(),
            "size": self.total_bytes,
            "expires_after_secs": (self.expires_at - now).num_seconds().max(0),
        });
        if let Some(info) = self.processing_info(now) {
            data["processing_info"] = info;
        } else if let Some((w, h)) = self.content.as_deref().and_then(png_size) {
            data["image"] = json!({"image_type": self.media_type, "w": w, "h": h});
        }
        data
    }

    /// Time alone moves the state, so asking early or often changes nothing.
    fn processing_info(&self, now: DateTime<Utc>) -> Option<Value> {
        let outcome = self.processing?;
        let total = i64::from(self.processing_secs);
        let elapsed = (now - self.finalized_at?).num_milliseconds();
        let left_secs = |until_secs: i64| ((until_secs * 1000 - elapsed + 999) / 1000).max(1);
        let pending_secs = total.min(1);
        if elapsed < pending_secs * 1000 {
            return Some(json!({"state": "pending", "check_after_secs": left_secs(pending_secs)}));
        }
        if elapsed < total * 1000 {
            let percent = (elapsed * 100 / (total * 1000)).min(98);
            return Some(json!({
                "state": "in_progress",
                "check_after_secs": left_secs(total),
                "progress_percent": percent,
            }));
        }
        let error = json!({"code": 1, "name": "InvalidMedia", "message": "The media could not be processed"});
        Some(match outcome {
            Processing::Succeeds | Processing::RefusedAtPost => {
                json!({"state": "succeeded", "progress_percent": 100})
            }
            Processing::Fails => json!({
                "state": "failed",
                "progress_percent": 100,
                "error": {
                    "code": 3,
                    "name": "UnsupportedMedia",
                    "message": "Duration 150.0 exceeds max duration of 140.0",
                },
            }),
            Processing::Stuck => json!({
                "state": "in_progress",
                "check_after_secs": 1,
                "progress_percent": 99,
                "error": error,
            }),
        })
    }

    /// Complete, processed, not expired, and not one of those that only look so.
    fn is_ready(&self, now: DateTime<Utc>) -> bool {
        let Some(finalized_at) = self.finalized_at else { return false };
        let processed = match self.processing {
            None => true,
            Some(Processing::Succeeds) => {
                finalized_at + Duration::seconds(i64::from(self.processing_secs)) <= now
            }
            Some(Processing::Fails | Processing::Stuck | Processing::RefusedAtPost) => false,
        };
        processed && self.content.is_some() && self.expires_at > now
    }
}

impl Call<'_> {
    /// The media of this id, if this user and this app may use it and it has not expired.
    pub(super) fn own_media(&mut self, id: &str) -> Option<&mut Media> {
        let (user, client_id, now) = (self.user, &self.client_id, self.now);
        self.state.media.get_mut(&snowflake::parse(id)?).filter(|media| {
            media.owners.contains(&user) && media.client_id == *client_id && media.expires_at > now
        })
    }
}

/// The ids of a post: all ready and the caller's own; four photos, or one GIF, or one video.
pub(super) fn usable(call: &mut Call<'_>, ids: &[String]) -> Result<Vec<u64>, Problem> {
    let now = call.now;
    let (mut usable, mut photos) = (Vec::new(), 0);
    for id in ids {
        let media = call.own_media(id).filter(|media| media.is_ready(now));
        let fit = |category: &str| {
            matches!(category, "tweet_image" | "tweet_gif" | "tweet_video" | "amplify_video")
        };
        match media.filter(|media| fit(&media.category)) {
            Some(media) => {
                usable.push(media.id);
                photos += usize::from(!media.is_async());
            }
            None => return Err(Problem::media_ids(ids)),
        }
    }
    let mixed = photos != usable.len() && usable.len() > 1;
    if mixed || photos > MAX_PHOTOS { Err(Problem::media_ids(ids)) } else { Ok(usable) }
}

/// Width and height from the header of a PNG.
fn png_size(content: &[u8]) -> Option<(u32, u32)> {
    let header = content.strip_prefix(b"\x89PNG\r\n\x1a\n")?.get(..16)?;
    let number = |at: usize| Some(u32::from_be_bytes(header.get(at..at + 4)?.try_into().ok()?));
    Some((number(8)?, number(12)?))
}
