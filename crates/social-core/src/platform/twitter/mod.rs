//! X (Twitter), API v2.

mod errors;
mod limits;
mod text;
mod wire;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use transport::{Request, Response, SharedTransport};

use self::errors::Effect;
use super::{AccountInfo, Cx, Disposition, Failure, Look, OAuthProfile, Platform, Progress, Staged};
use crate::{
    connection::Connection,
    media::Format,
    post::{Content, MediaKind},
    problem::{Actor, Problem},
    publish::{Fence, FirePermit, Receipt},
    secret::Secret,
};

/// Asked for at consent; all are needed (<https://docs.x.com/fundamentals/authentication/oauth-2-0>).
pub const SCOPES: &[&str] = &["tweet.read", "tweet.write", "users.read", "media.write", "offline.access"];

#[derive(Clone, Debug)]
pub struct TwitterOptions {
    /// `https://api.x.com`
    pub api_url: String,
    /// `https://x.com/i/oauth2/authorize`
    pub authorize_url: String,
    pub client_id: String,
    pub client_secret: Secret,
}

#[derive(Debug)]
pub struct Twitter {
    base: String,
    oauth: OAuthProfile,
}

/// What was uploaded so far, in the author's order.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Uploads {
    media: Vec<Upload>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Upload {
    id: String,
    expires: DateTime<Utc>,
    /// The alternative text is set, or there is none.
    described: bool,
}

impl Twitter {
    pub fn new(options: TwitterOptions) -> Self {
        let base = options.api_url.trim_end_matches('/').to_owned();
        let oauth = OAuthProfile {
            authorize_url: options.authorize_url,
            token_url: format!("{base}/2/oauth2/token"),
            revoke_url: format!("{base}/2/oauth2/revoke"),
            client_id: options.client_id,
            client_secret: options.client_secret,
            scopes: SCOPES,
            required_scopes: SCOPES,
        };
        Self { base, oauth }
    }

    /// Sends a call that makes nothing public.
    async fn call(&self, http: &SharedTransport, request: Request) -> Result<Response, Failure> {
        http.send(request).await.map_err(|error| errors::no_answer(&error, Effect::Harmless))
    }
}

#[async_trait]
impl Platform for Twitter {
    fn oauth(&self) -> &OAuthProfile {
        &self.oauth
    }

    async fn account(&self, http: &SharedTransport, token: &Secret) -> Result<AccountInfo, Failure> {
        let response = self.call(http, wire::me(&self.base, token)).await?;
        wire::read_me(&response, DateTime::UNIX_EPOCH)
    }

    fn check(&self, content: &Content, connection: Option<&Connection>) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut refuse = |code: &str, message: String, action: &str| {
            problems.push(Problem::new(code, Actor::Author, message, action));
        };
        if content.text.trim().is_empty() && content.media.is_empty() {
            refuse(
                "x.empty",
                "the post has neither text nor media".to_owned(),
                "Write a text or add an image",
            );
        }
        if content.content_format.as_deref().is_some_and(|format| format != "plain") {
            let message = "the text is not plain text, and would show its markup on X".to_owned();
            refuse("x.format_unsupported", message, "Leave `contentFormat` out, or set it to plain");
        }
        let long = connection.is_some_and(|connection| connection.tier.is_some());
        let allowed = if long { limits::LONG_TEXT_WEIGHT } else { limits::TEXT_WEIGHT };
        let weight = text::weighted_length(&content.text);
        if weight > allowed {
            let message = format!("the text counts {weight} characters on X, and {allowed} are allowed");
            refuse("x.text_too_long", message, "Shorten the text (links count 23, emoji 2)");
        }
        if content.media.len() > limits::IMAGES {
            let message =
                format!("the post has {} images, and X allows {}", content.media.len(), limits::IMAGES);
            refuse("x.too_many_images", message, "Remove some images");
        }
        if let Some(options) = content.options.get("twitter").or_else(|| content.options.get("x"))
            && options.as_object().is_none_or(|options| !options.is_empty())
        {
            let message = "the post has options for X that are not supported".to_owned();
            refuse("x.unknown_option", message, "Remove `options.twitter`; nothing is dropped silently");
        }
        for (index, media) in content.ordered_media().into_iter().enumerate() {
            let alt = media.alt_text.as_deref().unwrap_or_default().chars().count();
            if media.kind == MediaKind::Video {
                let message = format!("media {} is a video, which cannot be published to X yet", index + 1);
                problems.push(
                    Problem::new("x.video_unsupported", Actor::Author, message, "Use images for X")
                        .with_media(index),
                );
            } else if alt > limits::ALT_TEXT_CHARACTERS {
                let message = format!(
                    "the alternative text of media {} has {alt} characters, and X allows {}",
                    index + 1,
                    limits::ALT_TEXT_CHARACTERS
                );
                problems.push(
                    Problem::new("x.alt_text_too_long", Actor::Author, message, "Shorten it")
                        .with_media(index),
                );
            }
        }
        problems
    }

    fn needs_staging(&self, content: &Content) -> bool {
        !content.media.is_empty()
    }

    /// One image: uploaded, and its alternative text set. Without the text it does not go out.
    async fn stage(&self, cx: &Cx<'_>, progress: &Progress) -> Result<Staged, Failure> {
        let now = cx.clock.now();
        let mut uploads: Uploads = serde_json::from_value(progress.0.clone()).unwrap_or_default();
        // What is about to expire is uploaded anew.
        if uploads.media.iter().any(|upload| upload.expires < now + TimeDelta::minutes(20)) {
            uploads.media.clear();
        }
        let media = cx.content.ordered_media();
        let open = uploads.media.iter().position(|upload| !upload.described);
        match open {
            Some(index) => {
                let text = media.get(index).and_then(|media| media.alt_text.as_deref()).unwrap_or_default();
                let request = wire::alt_text(&self.base, cx.access_token, &uploads.media[index].id, text);
                let response = self.call(cx.http, request).await?;
                wire::read_done(&response, now).map_err(|failure| with_media(failure, index))?;
                uploads.media[index].described = true;
            }
            None => {
                let index = uploads.media.len();
                if let Some(item) = media.get(index) {
                    let fetched = cx.media.fetch(index, item, limits::IMAGE_BYTES).await?;
                    if !matches!(fetched.format, Format::Jpeg | Format::Png | Format::Webp | Format::Gif) {
                        return Err(with_media(
                            Failure::rejected(
                                "x.media_type",
                                format!("media {} is not an image X takes", index + 1),
                                "Use a JPEG, PNG, WebP or GIF file",
                            ),
                            index,
                        ));
                    }
                    let request = wire::upload_image(&self.base, cx.access_token, &fetched, cx.random);
                    let response = self.call(cx.http, request).await?;
                    let (id, expires) =
                        wire::read_uploaded(&response, now).map_err(|failure| with_media(failure, index))?;
                    let described = item.alt_text.as_deref().unwrap_or_default().is_empty();
                    uploads.media.push(Upload { id, expires, described });
                }
            }
        }
        let ready = uploads.media.len() == media.len() && uploads.media.iter().all(|upload| upload.described);
        let good_until = uploads.media.iter().map(|upload| upload.expires).min();
        let progress = Progress(serde_json::to_value(&uploads).unwrap_or_default());
        Ok(if ready {
            Staged::Ready { progress, good_until }
        } else {
            Staged::More { progress, due_at: None }
        })
    }

    async fn fire(&self, cx: &Cx<'_>, progress: &Progress, _permit: FirePermit) -> Result<Receipt, Failure> {
        let uploads: Uploads = serde_json::from_value(progress.0.clone()).unwrap_or_default();
        let media_ids: Vec<String> = uploads.media.into_iter().map(|upload| upload.id).collect();
        let media = Some(wire::PostMedia { media_ids }).filter(|media| !media.media_ids.is_empty());
        let post = wire::CreatePost { text: &cx.content.text, media };
        let request = wire::create_post(&self.base, cx.access_token, &post);
        let answer = cx.http.send(request).await;
        let now = cx.clock.now();
        let response = answer.map_err(|error| errors::no_answer(&error, Effect::Public))?;
        let created = wire::read_created(&response, now)?;
        Ok(receipt(cx.connection, &created.id, now))
    }

    /// Reads the account's own posts since the fence and compares what X leaves as it was written.
    async fn look(&self, cx: &Cx<'_>, _progress: &Progress, fence: &Fence) -> Result<Look, Failure> {
        let since = fence.fenced_at - TimeDelta::seconds(limits::CLOCK_SKEW_SECS);
        let request = wire::timeline(&self.base, cx.access_token, &cx.connection.account_id, since);
        let response = self.call(cx.http, request).await?;
        let now = cx.clock.now();
        let wanted = text::skeleton(&fence.text);
        let matches: Vec<_> = wire::read_timeline(&response, now)?
            .into_iter()
            // A long text comes back cut.
            .filter(|post| {
                let found = text::skeleton(&post.text);
                found == wanted
                    || (wanted.len() > 270
                        && found.len() > 200
                        && wanted.starts_with(found.trim_end_matches('…')))
            })
            .collect();
        Ok(match matches.as_slice() {
            [] => Look::Absent,
            [one] => Look::Found(receipt(cx.connection, &one.id, now)),
            _ => Look::Ambiguous,
        })
    }

    async fn revoke(&self, http: &SharedTransport, token: &Secret) -> Result<(), Failure> {
        let oauth = &self.oauth;
        let request = wire::revoke(&oauth.revoke_url, &oauth.client_id, &oauth.client_secret, token);
        let response = self.call(http, request).await?;
        wire::read_done(&response, DateTime::UNIX_EPOCH)
    }
}

fn receipt(connection: &Connection, id: &str, now: DateTime<Utc>) -> Receipt {
    Receipt {
        remote_id: id.to_owned(),
        permalink: format!("https://x.com/{}/status/{id}", connection.username),
        answered_at: now,
    }
}

fn with_media(mut failure: Failure, index: usize) -> Failure {
    if failure.disposition == Disposition::Restage {
        failure.disposition = Disposition::NotSent;
    }
    failure.problem.media = Some(index);
    failure
}

#[cfg(test)]
mod tests;
