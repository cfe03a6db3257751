//! `POST /2/tweets` and `DELETE /2/tweets/{id}`: the rules between a good body and a public post.
use axum::extract::{Path, Request, State as AxumState};
use serde_json::json;

use super::X;
use super::call::{Call, Incoming, Outcome};
use super::limits::{DELETE_MICRO_USD, POST_MICRO_USD, POST_WITH_URL_MICRO_USD, SUMMONED_REPLY_MICRO_USD};
use super::options::Subscription;
use super::problem::Problem;
use super::schema::{self, CreatePost};
use super::state::{Link, Post};
use super::{media, snowflake, text};
use crate::answer::Answer;
use crate::clock::sleep_ms;

const WRITE: &[&str] = &["tweet.read", "tweet.write", "users.read"];
const MAX_WEIGHT: usize = 280;
const MAX_LONG_WEIGHT: usize = 25_000;

pub(super) async fn create(AxumState(x): AxumState<X>, request: Request) -> Answer {
    const OPERATION: &str = "x.posts.create";
    let work = async {
        let incoming = match Incoming::read(request).await {
            Ok(incoming) => incoming,
            Err(problem) => return x.render(&problem),
        };
        let body = incoming.object().and_then(|body| schema::read(&body));
        let answer = x.authorized(OPERATION, &incoming.headers, WRITE, |call| publish(call, body?));
        let latency = x.with(|state, _| state.options.latency);
        sleep_ms(u64::try_from(latency.num_milliseconds()).unwrap_or(0)).await;
        answer
    };
    x.run(OPERATION, work).await
}

fn publish(call: &mut Call<'_>, post: CreatePost) -> Outcome {
    check_text(call, &post)?;
    let parent_author = check_parent(call, &post)?;
    if let Some(quoted) = post.quotes {
        let known = call.state.posts.get(&quoted).is_some_and(|quoted| !quoted.deleted);
        if !call.state.options.allow_quotes || !known {
            return Err(Problem::conversation());
        }
    }
    let media = media::usable(call, &post.media)?;
    let links = text::urls(&post.text);
    let window = call.state.options.duplicate_window;
    let key = post.text.trim().to_owned();
    if let Some(user) = call.state.users.get_mut(&call.user)
        && !key.is_empty()
    {
        if user.said_recently(&key, call.now, window) {
            return Err(Problem::duplicate());
        }
        user.remember_text(key, call.now);
    }
    let id = call.state.ids.next(call.now);
    let price = match parent_author {
        _ if !links.is_empty() => POST_WITH_URL_MICRO_USD,
        Some(author) if author != call.user => SUMMONED_REPLY_MICRO_USD,
        _ => POST_MICRO_USD,
    };
    call.state.charge(price);
    let stored = compose(call, id, post, media, &links);
    let history = if call.state.options.edit_history_old_name {
        "edit_history_tweet_ids"
    } else {
        "edit_history_post_ids"
    };
    let body = json!({"data": {"id": id.to_string(), "text": stored.shown, history: [id.to_string()]}});
    call.state.posts.insert(id, stored);
    if let Some(user) = call.state.users.get_mut(&call.user) {
        user.posts.push(id);
    }
    Ok(Answer::json(201, &body))
}

fn check_text(call: &Call<'_>, post: &CreatePost) -> Result<(), Problem> {
    if text::has_invalid_chars(&post.text) {
        return Err(Problem::invalid("text", "", "$.text: contains characters that are not allowed"));
    }
    let counted =
        if post.reply_to.is_some() { text::without_leading_mentions(&post.text) } else { &post.text };
    let weight = text::weight(counted);
    let paid =
        call.state.users.get(&call.user).is_some_and(|user| user.account.subscription != Subscription::None);
    if weight > if paid { MAX_LONG_WEIGHT } else { MAX_WEIGHT } {
        return Err(Problem::not_permitted());
    }
    if post.text.trim().is_empty() && post.media.is_empty() {
        return Err(Problem::invalid("text", &post.text, "$.text: must be at least 1 characters long"));
    }
    if text::cashtags(&post.text) > 1 {
        return Err(Problem::forbidden("Posts are limited to a maximum of one cashtag."));
    }
    Ok(())
}

/// Since 2026-02-23 a reply needs a parent that mentions or quotes the caller, or is the caller's own.
fn check_parent(call: &Call<'_>, post: &CreatePost) -> Result<Option<u64>, Problem> {
    let Some(parent_id) = post.reply_to else { return Ok(None) };
    let lag = call.state.options.visibility_lag;
    let parent = call.state.posts.get(&parent_id);
    let Some(parent) = parent.filter(|parent| !parent.deleted && parent.created_at + lag <= call.now) else {
        return Err(Problem::not_visible());
    };
    if parent.author == call.user {
        return if call.state.options.self_reply_allowed {
            Ok(Some(parent.author))
        } else {
            Err(Problem::not_permitted())
        };
    }
    let name = call.state.users.get(&call.user).map(|user| user.account.username.to_lowercase());
    let mentioned = name.is_some_and(|name| parent.mentions.contains(&name));
    let quoted =
        parent.quotes.and_then(|id| call.state.posts.get(&id)).is_some_and(|q| q.author == call.user);
    if mentioned || quoted { Ok(Some(parent.author)) } else { Err(Problem::conversation()) }
}

fn compose(
    call: &mut Call<'_>,
    id: u64,
    post: CreatePost,
    media: Vec<u64>,
    urls: &[std::ops::Range<usize>],
) -> Post {
    let escape = call.state.options.escape_text;
    let plain = |text: &str| {
        if escape {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
        } else {
            text.to_owned()
        }
    };
    let (mut shown, mut links, mut at) = (String::new(), Vec::new(), 0);
    for url in urls {
        let short = format!("https://t.co/{}", call.state.random_word(10));
        shown += &plain(&post.text[at..url.start]);
        shown += &short;
        at = url.end;
        let given = &post.text[url.clone()];
        let schemed =
            given.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("http")) && given.contains("://");
        let expanded = if schemed { given.to_owned() } else { format!("http://{given}") };
        links.push(Link { short, expanded });
    }
    shown += &plain(&post.text[at..]);
    let author =
        call.state.users.get(&call.user).map(|user| user.account.username.clone()).unwrap_or_default();
    if !media.is_empty() {
        let short = format!("https://t.co/{}", call.state.random_word(10));
        shown = format!("{shown} {short}").trim_start().to_owned();
        links.push(Link { short, expanded: format!("https://x.com/{author}/status/{id}/photo/1") });
    }
    let parent = post.reply_to.and_then(|parent| call.state.posts.get(&parent));
    Post {
        id,
        author: call.user,
        long: text::weight(&post.text) > MAX_WEIGHT,
        links,
        shown,
        media,
        reply_to: post.reply_to,
        quotes: post.quotes,
        conversation: parent.map_or(id, |parent| parent.conversation),
        mentions: text::mentions(&post.text),
        poll: post.poll,
        made_with_ai: post.made_with_ai,
        reply_settings: post.reply_settings,
        created_at: call.now,
        deleted: false,
        text: post.text,
    }
}

pub(super) async fn delete(AxumState(x): AxumState<X>, Path(id): Path<String>, request: Request) -> Answer {
    const OPERATION: &str = "x.posts.delete";
    let headers = request.headers().clone();
    let work = async { x.authorized(OPERATION, &headers, WRITE, |call| remove(call, &id)) };
    x.run(OPERATION, work).await
}

fn remove(call: &mut Call<'_>, id: &str) -> Outcome {
    let pattern =
        || Problem::invalid("id", id, format!("The `id` query parameter value [{id}] is not valid"));
    let number = snowflake::parse(id).ok_or_else(pattern)?;
    let user = call.user;
    let post = call.state.posts.get_mut(&number).filter(|post| !post.deleted);
    let Some(post) = post else { return Err(Problem::not_found("id", id)) };
    if post.author != user {
        return Err(Problem::forbidden("You are not authorized to delete this Tweet."));
    }
    post.deleted = true;
    call.state.charge(DELETE_MICRO_USD);
    Ok(Answer::json(200, &json!({"data": {"deleted": true}})))
}
