//! `/api/posts` and `/api/posts/{id}`: scheduling, seeing, changing, cancelling.

use chrono::{DateTime, Utc};
use http::StatusCode;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use social_core::{
    connection::Profile,
    post::{Content, Post, Status},
    problem::{Actor, Problem},
    publish::{Delivery, Event, State, step},
    store::{Found, NewPost, PostChange, SaveError, read_content},
    tokens,
};

use super::{
    Request, Response,
    caller::{authenticate, own_profile},
};
use crate::{
    app::App,
    respond::{Error, json_response},
};

const LISTED: u32 = 100;
const CONTENT_FIELDS: [&str; 5] = ["content", "contentFormat", "platforms", "media", "options"];

/// Body: `{"profileId", "content", "platforms", "media"?, "options"?, "scheduledTime"}`; the time with its zone
/// (`2026-11-24T10:00:00Z`) or in milliseconds. With an `Idempotency-Key` a repeat gets the first post.
pub(super) async fn create(app: &App, request: &Request) -> Result<Response, Error> {
    let caller = authenticate(app, request).await?;
    let mut body = body(request)?;
    let profile_id = body.remove("profileId").and_then(|id| id.as_str().map(str::to_owned));
    let profile = own_profile(app, &caller, profile_id).await?;
    let scheduled_at = time(body.remove("scheduledTime"))?.ok_or_else(no_time)?;
    if let Some(unknown) = body.keys().find(|key| !CONTENT_FIELDS.contains(&key.as_str())) {
        return Err(unknown_field(unknown));
    }
    let content = read_content(body).map_err(|problem| Error::violations(vec![problem]))?;
    check(app, &profile, &content)?;
    let key = request.headers.get("idempotency-key").and_then(|value| value.to_str().ok());
    let id = match key {
        Some(key) => hashed(&format!("{}\n{}\n{key}", caller.uid, profile.id)),
        None => app.random.hex::<12>(),
    };
    let post = NewPost {
        id: format!("post_{id}"),
        profile_id: profile.id,
        user_id: caller.uid,
        content,
        scheduled_at,
    };
    let status = match app.store.create_post(&post).await {
        Ok(_) => StatusCode::CREATED,
        Err(SaveError::Exists | SaveError::Conflict) => StatusCode::OK,
        Err(SaveError::Store(error)) => return Err(error.into()),
    };
    let stored = find(app, &post.id).await?;
    if status == StatusCode::OK
        && let Found::Post(stored) = &stored
        && stored.content.revision() != post.content.revision()
    {
        return Err(Error::new(
            StatusCode::CONFLICT,
            "idempotency.reused",
            "this Idempotency-Key was used for another post",
            "Use a new key for every new post",
        ));
    }
    publish_if_imminent(app, request, &post.id, scheduled_at);
    Ok(json_response(status, &view(&stored)))
}

/// The posts of a profile, latest time first.
pub(super) async fn list(app: &App, request: &Request) -> Result<Response, Error> {
    let caller = authenticate(app, request).await?;
    let profile = own_profile(app, &caller, request.query("profileId")).await?;
    let posts: Vec<Value> = app.store.posts_of(&profile.id, LISTED).await?.iter().map(view).collect();
    Ok(json_response(StatusCode::OK, &json!({ "posts": posts })))
}

pub(super) async fn show(app: &App, request: &Request) -> Result<Response, Error> {
    let caller = authenticate(app, request).await?;
    let id = request.parameter();
    let found = find(app, &id).await?;
    if let Found::Post(post) = &found {
        own_profile(app, &caller, Some(post.profile_id.clone()))
            .await
            .map_err(|_| Error::not_found("post"))?;
        return Ok(json_response(StatusCode::OK, &view(&found)));
    }
    // Whose it is cannot be read either.
    Err(Error::not_found("post"))
}

/// Body: any of `scheduledTime` and the content's fields. Up to the fence it is honoured; after it, too late.
pub(super) async fn change(app: &App, request: &Request) -> Result<Response, Error> {
    let caller = authenticate(app, request).await?;
    let mut body = body(request)?;
    let scheduled_at = time(body.remove("scheduledTime"))?;
    if let Some(unknown) = body.keys().find(|key| !CONTENT_FIELDS.contains(&key.as_str())) {
        return Err(unknown_field(unknown));
    }
    if scheduled_at.is_none() && body.is_empty() {
        return Err(Error::bad_request(
            "post.nothing_to_change",
            "the request changes nothing",
            "Send what is to change",
        ));
    }
    for _ in 0..5 {
        let (post, profile) = own_post(app, &caller, &request.parameter()).await?;
        if post.status == Status::Published {
            return Err(too_late(&post, "it is published"));
        }
        if post.status == Status::Publishing && post.deliveries.values().any(Delivery::is_fenced) {
            return Err(too_late(&post, "it is being published"));
        }
        let mut merged = match serde_json::to_value(&post.content) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        merged.extend(body.clone());
        let content = read_content(merged).map_err(|problem| Error::violations(vec![problem]))?;
        check(app, &profile, &content)?;
        let mut change = PostChange::of(&post.id, &post.version);
        change.status = Some(Status::Scheduled);
        change.scheduled_at = Some(scheduled_at.unwrap_or(post.scheduled_at));
        change.content = Some(content);
        if !matches!(post.status, Status::Scheduled | Status::Publishing) {
            // The author gave the word again, also for what had been settled.
            change.settled_at = Some(Some(app.clock.now()));
        }
        match app.store.save_post(&change).await {
            Ok(_) => {
                publish_if_imminent(app, request, &post.id, scheduled_at.unwrap_or(post.scheduled_at));
                return Ok(json_response(StatusCode::OK, &view(&find(app, &post.id).await?)));
            }
            Err(SaveError::Conflict | SaveError::Exists) => {}
            Err(SaveError::Store(error)) => return Err(error.into()),
        }
    }
    Err(busy())
}

/// Up to the fence nothing goes out any more; after it the answer says that it is too late.
pub(super) async fn cancel(app: &App, request: &Request) -> Result<Response, Error> {
    let caller = authenticate(app, request).await?;
    for _ in 0..5 {
        let (post, _) = own_post(app, &caller, &request.parameter()).await?;
        if post.deliveries.values().any(Delivery::is_fenced) {
            return Err(too_late(&post, "it is published, or being published"));
        }
        let now = app.clock.now();
        let mut change = PostChange::of(&post.id, &post.version);
        change.status = Some(Status::Cancelled);
        change.due_at = Some(None);
        change.lease = Some(None);
        change.settled_at = Some(Some(now));
        let cancel = |delivery: &Delivery| step(delivery, &Event::Cancelled, now, &app.publisher.policy, 0.0);
        change.deliveries = post.deliveries.iter().map(|(id, delivery)| (*id, cancel(delivery))).collect();
        match app.store.save_post(&change).await {
            Ok(_) => return Ok(json_response(StatusCode::OK, &view(&find(app, &post.id).await?))),
            Err(SaveError::Conflict | SaveError::Exists) => {}
            Err(SaveError::Store(error)) => return Err(error.into()),
        }
    }
    Err(busy())
}

/// The tick of the next minute would be late for it: the same engine starts right after the answer.
fn publish_if_imminent(app: &App, request: &Request, id: &str, at: DateTime<Utc>) {
    if !app.publisher.is_imminent(at) {
        return;
    }
    let (publisher, id) = (app.publisher.clone(), id.to_owned());
    request.background.spawn(async move {
        // What fails here, the next tick does.
        if let Err(error) = publisher.publish_one(&id).await {
            tracing::warn!(post = id, %error, "could not begin at once");
        }
    });
}

/// Everything that can be known now and would fail later.
fn check(app: &App, profile: &Profile, content: &Content) -> Result<(), Error> {
    let mut problems = Vec::new();
    for platform in &content.platforms {
        let Some(adapter) = app.platforms.get(*platform) else {
            problems.push(Problem::new(
                "platform.unavailable",
                Actor::Operator,
                format!("publishing to {} is not set up in this installation", platform.label()),
                "Leave it out, or set up its app credentials",
            ));
            continue;
        };
        let connection = tokens::readable(profile, *platform);
        problems.extend(adapter.check(content, connection.as_ref().ok().copied()));
        match connection {
            Ok(connection) => problems.extend(connection.reason.clone()),
            Err(failure) => problems.push(failure.problem),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(Error::violations(problems)) }
}

async fn find(app: &App, id: &str) -> Result<Found, Error> {
    if id.is_empty() || id.contains('/') || id.len() > 200 {
        return Err(Error::not_found("post"));
    }
    app.store.post(id).await?.ok_or_else(|| Error::not_found("post"))
}

async fn own_post(
    app: &App,
    caller: &social_core::identity::Caller,
    id: &str,
) -> Result<(Post, Profile), Error> {
    match find(app, id).await? {
        Found::Post(post) => {
            let profile = own_profile(app, caller, Some(post.profile_id.clone())).await;
            Ok((*post, profile.map_err(|_| Error::not_found("post"))?))
        }
        Found::Unreadable(_) => Err(Error::not_found("post")),
    }
}

fn body(request: &Request) -> Result<Map<String, Value>, Error> {
    match serde_json::from_slice(&request.body) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) | Err(_) => {
            Err(Error::bad_request("body.not_json", "the body is not a JSON object", "Send a JSON object"))
        }
    }
}

/// An instant: RFC 3339 with its offset, or milliseconds. A time without a zone means nothing.
fn time(value: Option<Value>) -> Result<Option<DateTime<Utc>>, Error> {
    let wrong = || {
        Error::bad_request(
            "scheduled_time.invalid",
            "`scheduledTime` is not a time with its zone",
            "Send e.g. 2026-11-24T10:00:00Z or 2026-11-24T11:00:00+01:00, or milliseconds since 1970",
        )
    };
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => {
            let at = DateTime::parse_from_rfc3339(&text).map_err(|_| wrong())?;
            Ok(Some(at.with_timezone(&Utc)))
        }
        Some(Value::Number(number)) => {
            number.as_i64().and_then(DateTime::from_timestamp_millis).map(Some).ok_or_else(wrong)
        }
        Some(_) => Err(wrong()),
    }
}

fn no_time() -> Error {
    Error::bad_request(
        "scheduled_time.required",
        "`scheduledTime` is missing",
        "Say when the post is to go out",
    )
}

fn unknown_field(name: &str) -> Error {
    let message = format!("`{name}` is not a field of a post");
    Error::bad_request("body.unknown_field", message, "Check its spelling; nothing is dropped silently")
}

fn busy() -> Error {
    Error::new(
        StatusCode::CONFLICT,
        "post.busy",
        "the post is being changed all the time",
        "Try again in a moment",
    )
}

fn too_late(post: &Post, why: &str) -> Error {
    let fenced_at = post.deliveries.values().find_map(|delivery| match &delivery.state {
        State::Firing { fence, .. } | State::Unknown { fence, .. } => Some(fence.fenced_at),
        _ => delivery.fired_at,
    });
    let since = fenced_at.map(|at| format!(" (since {})", at.to_rfc3339())).unwrap_or_default();
    let message = format!("it is too late to change the post: {why}{since}");
    Error::new(
        StatusCode::CONFLICT,
        "post.too_late",
        message,
        "See what is on the platform, and delete it there if need be",
    )
}

fn hashed(text: &str) -> String {
    Sha256::digest(text.as_bytes())[..12].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn view(found: &Found) -> Value {
    match found {
        Found::Post(post) => {
            let mut view = serde_json::to_value(&post.content).unwrap_or_default();
            view["id"] = json!(post.id);
            view["profileId"] = json!(post.profile_id);
            view["scheduledTime"] = json!(post.scheduled_at);
            view["status"] = json!(post.status.as_str());
            view["publishedAt"] = json!(post.published_at);
            let mut deliveries = json!(post.deliveries);
            if let Some(deliveries) = deliveries.as_object_mut() {
                for delivery in deliveries.values_mut().filter_map(Value::as_object_mut) {
                    // How far the preparation is, is between the engine and the adapter.
                    delivery.remove("progress");
                }
            }
            view["deliveries"] = deliveries;
            view
        }
        Found::Unreadable(unreadable) => {
            json!({ "id": unreadable.id, "status": "failed", "error": unreadable.problem })
        }
    }
}
