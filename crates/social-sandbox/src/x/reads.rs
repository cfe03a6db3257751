//! `users/me`, one post, a user's posts, and the audience's page of an account.
//! Sources: docs.x.com data dictionary and timelines (2026-07-24), OpenAPI 2.167.
use axum::extract::{Path, Request, State as AxumState};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use super::X;
use super::call::{Call, Incoming, Outcome, pairs};
use super::limits::{POST_READ_MICRO_USD, USER_READ_MICRO_USD};
use super::problem::Problem;
use super::snowflake;
use super::state::{Post, State, User};
use crate::answer::Answer;

const SCOPES: &[&str] = &["tweet.read", "users.read"];
const MAX_TIMELINE: usize = 3200;
const SHOWN_CHARS: usize = 276;

pub(super) async fn me(AxumState(x): AxumState<X>, request: Request) -> Answer {
    const OPERATION: &str = "x.users.me";
    let query = pairs(request.uri().query().unwrap_or_default().as_bytes());
    let headers = request.headers().clone();
    let work = async {
        x.authorized(OPERATION, &headers, SCOPES, |call| {
            let today = call.now.date_naive();
            if call.state.read_users.insert(call.user, today) != Some(today) {
                call.state.charge(USER_READ_MICRO_USD);
            }
            let user = call.state.users.get(&call.user).ok_or_else(Problem::unauthorized)?;
            Ok(Answer::json(200, &json!({"data": user_json(user, &fields(&query, &["user.fields"]))})))
        })
    };
    x.run(OPERATION, work).await
}

/// Asked-for names; unknown ones are dropped in silence, as they are on the live service.
fn fields<'a>(query: &'a [(String, String)], names: &[&str]) -> Vec<&'a str> {
    let asked = query.iter().filter(|(name, _)| names.contains(&name.as_str()));
    asked.flat_map(|(_, value)| value.split(',')).map(str::trim).collect()
}

fn user_json(user: &User, fields: &[&str]) -> Value {
    let account = &user.account;
    let mut data = json!({"id": account.id, "name": account.name, "username": account.username});
    let paid = account.subscription != super::Subscription::None;
    for field in fields {
        let value = match *field {
            "profile_image_url" => {
                json!(format!("https://pbs.twimg.com/profile_images/{}/photo_normal.jpg", account.id))
            }
            "verified" => json!(paid),
            "verified_type" => json!(if paid { "blue" } else { "none" }),
            "subscription_type" => json!(account.subscription.as_str()),
            "protected" => json!(account.protected),
            _ => continue,
        };
        data[*field] = value;
    }
    data
}

pub(super) async fn post(AxumState(x): AxumState<X>, Path(id): Path<String>, request: Request) -> Answer {
    const OPERATION: &str = "x.posts.get";
    let query = pairs(request.uri().query().unwrap_or_default().as_bytes());
    let headers = request.headers().clone();
    let work = async {
        x.authorized(OPERATION, &headers, SCOPES, |call| {
            let message = format!("The `id` query parameter value [{id}] is not valid");
            let number = snowflake::parse(&id).ok_or_else(|| Problem::invalid("id", &id, message))?;
            let visible_before = call.now - call.state.options.visibility_lag;
            let found = call.state.posts.get(&number);
            let body = match found.filter(|post| !post.deleted && post.created_at <= visible_before) {
                Some(post) => json!({"data": post_json(call.state, post, &query)}),
                // A missing post is a partial error of a successful read.
                None => {
                    let missing = Problem::not_found("id", &id).answer(&call.state.options);
                    let error: Value = serde_json::from_slice(&missing.body).unwrap_or_default();
                    return Ok(Answer::json(200, &json!({ "errors": [error] })));
                }
            };
            call.state.charge(POST_READ_MICRO_USD);
            Ok(Answer::json(200, &body))
        })
    };
    x.run(OPERATION, work).await
}

pub(super) async fn timeline(AxumState(x): AxumState<X>, Path(id): Path<String>, request: Request) -> Answer {
    const OPERATION: &str = "x.timeline";
    let work = async {
        match Incoming::read(request).await {
            Ok(incoming) => {
                x.authorized(OPERATION, &incoming.headers, SCOPES, |call| page(call, &id, &incoming))
            }
            Err(problem) => x.render(&problem),
        }
    };
    x.run(OPERATION, work).await
}

/// The window of a timeline read; both ends are exclusive where X's are.
struct Window {
    max_results: usize,
    since_id: u64,
    until_id: u64,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
    without_replies: bool,
}

impl Window {
    fn read(incoming: &Incoming) -> Result<Self, Problem> {
        let refuse = |name: &str, value: &str| {
            Problem::invalid(
                name,
                value,
                format!("The `{name}` query parameter value [{value}] is not valid"),
            )
        };
        let id = |name: &str| match incoming.query(name) {
            None => Ok(None),
            Some(value) => snowflake::parse(value).map(Some).ok_or_else(|| refuse(name, value)),
        };
        let time = |name: &str| match incoming.query(name) {
            None => Ok(None),
            Some(value) => DateTime::parse_from_rfc3339(value)
                .map(|at| Some(at.to_utc()))
                .map_err(|_| refuse(name, value)),
        };
        let given = incoming.query("max_results").unwrap_or("10");
        let in_range = given.parse::<usize>().ok().filter(|count| (5..=100).contains(count));
        let Some(max_results) = in_range else {
            let message =
                format!("The `max_results` query parameter value [{given}] is not between 5 and 100");
            return Err(Problem::invalid("max_results", given, message));
        };
        let token = match incoming.query("pagination_token") {
            None => None,
            Some(token) => {
                let id = token.strip_prefix("older-").and_then(snowflake::parse);
                Some(id.ok_or_else(|| refuse("pagination_token", token))?)
            }
        };
        let exclude = incoming.query("exclude").unwrap_or_default();
        if let Some(word) = exclude.split(',').find(|word| !["", "replies", "retweets"].contains(word)) {
            return Err(refuse("exclude", word));
        }
        Ok(Self {
            max_results,
            since_id: id("since_id")?.unwrap_or(0),
            until_id: id("until_id")?.unwrap_or(u64::MAX).min(token.unwrap_or(u64::MAX)),
            start: time("start_time")?,
            end: time("end_time")?,
            without_replies: exclude.split(',').any(|word| word == "replies"),
        })
    }
}

fn page(call: &mut Call<'_>, id: &str, incoming: &Incoming) -> Outcome {
    let window = Window::read(incoming)?;
    let message = format!("The `id` query parameter value [{id}] is not valid");
    let user = snowflake::parse(id).ok_or_else(|| Problem::invalid("id", id, message))?;
    let Some(user) = call.state.users.get(&user) else { return Err(Problem::not_found("id", id)) };
    let indexed_before = call.now - call.state.options.timeline_lag;
    let older_end = user.posts.partition_point(|post| *post < window.until_id);
    let mut matching = user.posts[..older_end]
        .iter()
        .rev()
        .take(MAX_TIMELINE)
        .take_while(|post| **post > window.since_id)
        .filter_map(|post| call.state.posts.get(post))
        .filter(|post| !post.deleted && post.created_at <= indexed_before)
        .filter(|post| window.start.is_none_or(|start| post.created_at >= start))
        .filter(|post| window.end.is_none_or(|end| post.created_at < end))
        .filter(|post| !(window.without_replies && post.reply_to.is_some()));
    let shown: Vec<&Post> = matching.by_ref().take(window.max_results).collect();
    let more = matching.next().is_some();
    let mut body = json!({"meta": {"result_count": shown.len()}});
    if let (Some(newest), Some(oldest)) = (shown.first(), shown.last()) {
        body["meta"]["newest_id"] = json!(newest.id.to_string());
        body["meta"]["oldest_id"] = json!(oldest.id.to_string());
        if more {
            body["meta"]["next_token"] = json!(format!("older-{}", oldest.id));
        }
        body["data"] = shown.iter().map(|post| post_json(call.state, post, &incoming.query)).collect();
    }
    let read = i64::try_from(shown.len()).unwrap_or(0);
    call.state.charge(read * POST_READ_MICRO_USD);
    Ok(Answer::json(200, &body))
}

/// Both dialects: `post.fields` with the new names and `tweet.fields` with the old ones.
fn post_json(state: &State, post: &Post, query: &[(String, String)]) -> Value {
    let text = if post.long { truncated(&post.shown) } else { post.shown.clone() };
    let mut data = json!({"id": post.id.to_string(), "text": text});
    for field in fields(query, &["post.fields", "tweet.fields"]) {
        let value = match field {
            "created_at" => json!(post.created_at.to_rfc3339_opts(SecondsFormat::Millis, true)),
            "author_id" => json!(post.author.to_string()),
            "conversation_id" => json!(post.conversation.to_string()),
            "edit_history_post_ids" | "edit_history_tweet_ids" => json!([post.id.to_string()]),
            "note_post" | "note_tweet" if post.long => json!({"text": post.shown}),
            "reply_settings" => json!(post.reply_settings.as_deref().unwrap_or("everyone")),
            "entities" if !post.links.is_empty() => json!({"urls": links(post)}),
            "attachments" if !post.media.is_empty() => {
                let keys = post.media.iter().filter_map(|id| Some(state.media.get(id)?.key()));
                json!({"media_keys": keys.collect::<Vec<_>>()})
            }
            "in_reply_to_user_id" => match post.reply_to.and_then(|id| state.posts.get(&id)) {
                Some(parent) => json!(parent.author.to_string()),
                None => continue,
            },
            "referenced_posts" | "referenced_tweets" => {
                let reply = post.reply_to.map(|id| json!({"type": "replied_to", "id": id.to_string()}));
                let quote = post.quotes.map(|id| json!({"type": "quoted", "id": id.to_string()}));
                let referenced: Vec<_> = reply.into_iter().chain(quote).collect();
                if referenced.is_empty() {
                    continue;
                }
                json!(referenced)
            }
            _ => continue,
        };
        data[field] = value;
    }
    data
}

fn links(post: &Post) -> Vec<Value> {
    let place = |short: &str| {
        let start = post.shown.find(short).map_or(0, |at| post.shown[..at].chars().count());
        (start, start + short.len())
    };
    let link = |link: &super::state::Link| {
        let (start, end) = place(&link.short);
        let display = link.expanded.split("://").last().unwrap_or_default();
        json!({
            "start": start,
            "end": end,
            "url": link.short,
            "expanded_url": link.expanded,
            "display_url": display,
        })
    };
    post.links.iter().map(link).collect()
}

fn truncated(text: &str) -> String {
    let head: String = text.chars().take(SHOWN_CHARS).collect();
    format!("{head}…")
}

/// Not X's: the account as a visitor sees it, as JSON.
pub(super) async fn audience(AxumState(x): AxumState<X>, Path(username): Path<String>) -> Answer {
    let posts = x.view().timeline(&username);
    let known = x.with(|state, _| state.user_named(&username).is_some());
    let status = if known { 200 } else { 404 };
    Answer::json(status, &json!({"username": username, "posts": posts}))
}
