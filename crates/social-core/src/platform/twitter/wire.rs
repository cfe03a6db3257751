//! X's JSON, and pure pairs of building a request and reading its answer.

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, header};
use serde::{Deserialize, Serialize};
use transport::{Operation, Random, Request, Response};

use super::{
    errors::{Effect, sort},
    limits,
};
use crate::{
    media::Fetched,
    platform::{AccountInfo, Failure},
    secret::Secret,
};

/// `POST /2/tweets`. Unknown properties are refused, and optional ones are left out.
#[derive(Debug, Serialize)]
pub(super) struct CreatePost<'a> {
    pub(super) text: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) media: Option<PostMedia>,
}

#[derive(Debug, Serialize)]
pub(super) struct PostMedia {
    pub(super) media_ids: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Envelope<T> {
    data: T,
}

#[derive(Debug, Deserialize)]
pub(super) struct PostRef {
    pub(super) id: String,
    #[serde(default)]
    pub(super) text: String,
}

fn request(method: Method, url: String, token: &Secret, operation: &'static str, body: Bytes) -> Request {
    let mut request = http::Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = url.parse().unwrap_or_default();
    if let Ok(mut value) = http::HeaderValue::from_str(&format!("Bearer {}", token.expose())) {
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    request.extensions_mut().insert(Operation(operation));
    request
}

fn json<T: Serialize>(url: String, token: &Secret, operation: &'static str, body: &T) -> Request {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut request = request(Method::POST, url, token, operation, body.into());
    request.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    request
}

pub(super) fn create_post(base: &str, token: &Secret, post: &CreatePost<'_>) -> Request {
    json(format!("{base}/2/tweets"), token, "x.posts.create", post)
}

/// The new post's id. A 2xx without one is not a success.
pub(super) fn read_created(response: &Response, now: DateTime<Utc>) -> Result<PostRef, Failure> {
    read(response, Effect::Public, now)
}

/// <https://docs.x.com/x-api/users/user-lookup-me>: `{"data":{"id":"1","name":"Acme","username":"acme",..}}`
pub(super) fn me(base: &str, token: &Secret) -> Request {
    let url = format!("{base}/2/users/me?user.fields=profile_image_url,subscription_type,verified_type");
    request(Method::GET, url, token, "x.users.me", Bytes::new())
}

pub(super) fn read_me(response: &Response, now: DateTime<Utc>) -> Result<AccountInfo, Failure> {
    #[derive(Deserialize)]
    struct User {
        id: String,
        name: String,
        username: String,
        profile_image_url: Option<String>,
        subscription_type: Option<String>,
    }
    let user: User = read(response, Effect::Harmless, now)?;
    Ok(AccountInfo {
        id: user.id,
        username: user.username,
        display_name: user.name,
        avatar_url: user.profile_image_url,
        tier: user.subscription_type.filter(|tier| tier != "None"),
    })
}

/// One-shot upload of an image as `multipart/form-data`.
pub(super) fn upload_image(base: &str, token: &Secret, image: &Fetched, random: &Random) -> Request {
    let boundary = format!("----part-{}", random.hex::<12>());
    let mut body = Vec::with_capacity(image.bytes.len() + 512);
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"media_category\"\r\n\r\ntweet_image\r\n\
         --{boundary}\r\nContent-Disposition: form-data; name=\"media\"; filename=\"media\"\r\n\
         Content-Type: {}\r\n\r\n",
        image.format.mime()
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(&image.bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let mut request =
        request(Method::POST, format!("{base}/2/media/upload"), token, "x.media.upload", body.into());
    if let Ok(value) = http::HeaderValue::from_str(&format!("multipart/form-data; boundary={boundary}")) {
        request.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    request
}

/// The media id and until when it may be used.
pub(super) fn read_uploaded(
    response: &Response,
    now: DateTime<Utc>,
) -> Result<(String, DateTime<Utc>), Failure> {
    #[derive(Deserialize)]
    struct Uploaded {
        id: String,
        expires_after_secs: Option<i64>,
    }
    let uploaded: Uploaded = read(response, Effect::Harmless, now)?;
    let lifetime = TimeDelta::seconds(uploaded.expires_after_secs.unwrap_or(limits::MEDIA_SECS));
    Ok((uploaded.id, now + lifetime))
}

pub(super) fn alt_text(base: &str, token: &Secret, media_id: &str, text: &str) -> Request {
    let body = serde_json::json!({"id": media_id, "metadata": {"alt_text": {"text": text}}});
    json(format!("{base}/2/media/metadata"), token, "x.media.metadata", &body)
}

pub(super) fn read_done(response: &Response, now: DateTime<Utc>) -> Result<(), Failure> {
    if response.status().is_success() { Ok(()) } else { Err(sort(response, Effect::Harmless, now)) }
}

/// The account's own posts since an instant. Ids are snowflakes: their upper bits are the time
/// (<https://docs.x.com/fundamentals/x-ids>). No fields are asked for: `id` and `text` come by default.
pub(super) fn timeline(base: &str, token: &Secret, account_id: &str, since: DateTime<Utc>) -> Request {
    let since_id = snowflake_before(since);
    let page = limits::LOOK_PAGE;
    let url = format!("{base}/2/users/{account_id}/tweets?max_results={page}&since_id={since_id}");
    request(Method::GET, url, token, "x.timeline", Bytes::new())
}

fn snowflake_before(at: DateTime<Utc>) -> i64 {
    const EPOCH_MS: i64 = 1_288_834_974_657;
    (at.timestamp_millis() - EPOCH_MS).max(0) << 22
}

pub(super) fn read_timeline(response: &Response, now: DateTime<Utc>) -> Result<Vec<PostRef>, Failure> {
    #[derive(Deserialize)]
    struct Page {
        // Left out when there is nothing.
        #[serde(default)]
        data: Vec<PostRef>,
        meta: Option<serde_json::Value>,
    }
    if !response.status().is_success() {
        return Err(sort(response, Effect::Harmless, now));
    }
    match serde_json::from_slice::<Page>(response.body()) {
        Ok(page) if page.meta.is_some() || !page.data.is_empty() => Ok(page.data),
        _ => Err(sort(response, Effect::Harmless, now)),
    }
}

/// `POST /2/oauth2/revoke`: form body, Basic for a confidential client.
pub(super) fn revoke(url: &str, client_id: &str, client_secret: &Secret, token: &Secret) -> Request {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token.expose())
        .append_pair("client_id", client_id)
        .finish();
    let basic = BASE64_STANDARD.encode(format!("{client_id}:{}", client_secret.expose()));
    let mut request = request(Method::POST, url.to_owned(), token, "x.oauth2.revoke", body.into());
    if let Ok(mut value) = http::HeaderValue::from_str(&format!("Basic {basic}")) {
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    let form = http::HeaderValue::from_static("application/x-www-form-urlencoded");
    request.headers_mut().insert(header::CONTENT_TYPE, form);
    request
}

fn read<T: serde::de::DeserializeOwned>(
    response: &Response,
    effect: Effect,
    now: DateTime<Utc>,
) -> Result<T, Failure> {
    if response.status().is_success()
        && let Ok(envelope) = serde_json::from_slice::<Envelope<T>>(response.body())
    {
        return Ok(envelope.data);
    }
    Err(sort(response, effect, now))
}
