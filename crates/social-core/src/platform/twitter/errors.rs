//! What X's refusals mean: one table, code → who acts, what may be done. Source: facts of August 2026,
//! <https://docs.x.com/x-api/fundamentals/response-codes-and-errors> and the captured answers behind it.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use transport::{Response, TransportError};

use crate::{
    platform::{Disposition, Failure},
    problem::{Actor, Problem},
};

/// Both of X's error shapes in one.
#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    errors: Vec<Inner>,
}

#[derive(Debug, Deserialize)]
struct Inner {
    #[serde(default)]
    message: String,
    #[serde(default)]
    code: Option<i64>,
}

/// What the engine may do about a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Reject,
    Duplicate,
    Restage,
    /// Nothing happened; not before so many seconds.
    WaitSecs(i64),
}

/// One row: it applies when the status fits and the text contains the words.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) status: u16,
    /// Found in detail, messages, title, reason, or the last part of `type`; empty fits all.
    pub(super) words: &'static str,
    pub(super) code: &'static str,
    pub(super) actor: Actor,
    pub(super) verdict: Verdict,
    pub(super) message: &'static str,
    pub(super) action: &'static str,
}

/// First match wins.
pub(super) const TABLE: &[Row] = &[
    row(
        400,
        "media IDs are invalid",
        "x.media_invalid",
        Actor::Platform,
        Verdict::Restage,
        "X does not accept the uploaded media any more",
        "Nothing to do: the media is uploaded again",
    ),
    row(
        400,
        "invalid URL",
        "x.invalid_url",
        Actor::Author,
        Verdict::Reject,
        "X refuses a link in the text",
        "Change or remove the link and schedule the post again",
    ),
    row(
        400,
        "",
        "x.invalid_request",
        Actor::Operator,
        Verdict::Reject,
        "X does not understand the request",
        "Report this to support: the post itself may be fine",
    ),
    row(
        402,
        "",
        "x.credits_depleted",
        Actor::Operator,
        Verdict::WaitSecs(300),
        "the X developer account has no credits left",
        "Top up the X developer account; posts go out by themselves then",
    ),
    row(
        403,
        "duplicate content",
        "x.duplicate",
        Actor::Author,
        Verdict::Duplicate,
        "X refused the post: the same text was posted recently",
        "Change the text and schedule it again",
    ),
    row(
        403,
        "only reply to or quote posts",
        "x.reply_not_allowed",
        Actor::Author,
        Verdict::Reject,
        "X allows replies and quotes only where the account was mentioned",
        "Post it without the reply or quote",
    ),
    row(
        403,
        "Reply to this conversation is not allowed",
        "x.reply_not_allowed",
        Actor::Author,
        Verdict::Reject,
        "X allows replies and quotes only where the account was mentioned",
        "Post it without the reply or quote",
    ),
    row(
        403,
        "one cashtag",
        "x.cashtags",
        Actor::Author,
        Verdict::Reject,
        "X allows one cashtag in a post",
        "Leave one $TICKER in the text",
    ),
    row(
        403,
        "deleted or not visible",
        "x.parent_missing",
        Actor::Author,
        Verdict::Reject,
        "the post that is replied to is gone or not visible",
        "Check the post that is replied to",
    ),
    row(
        403,
        "video longer than",
        "x.video_too_long",
        Actor::Author,
        Verdict::Reject,
        "the video is longer than this account may post",
        "Shorten the video",
    ),
    row(
        403,
        "user-suspended",
        "x.account_suspended",
        Actor::Owner,
        Verdict::Reject,
        "the X account is suspended",
        "Sign in to X and follow its steps to lift the suspension",
    ),
    row(
        403,
        "suspended",
        "x.account_suspended",
        Actor::Owner,
        Verdict::Reject,
        "the X account is suspended",
        "Sign in to X and follow its steps to lift the suspension",
    ),
    row(
        403,
        "client-not-enrolled",
        "x.app_not_enrolled",
        Actor::Operator,
        Verdict::WaitSecs(300),
        "the X app is not attached to a project",
        "Attach the app to a project in X's developer console",
    ),
    row(
        403,
        "client-forbidden",
        "x.app_not_enrolled",
        Actor::Operator,
        Verdict::WaitSecs(300),
        "the X app is not attached to a project",
        "Attach the app to a project in X's developer console",
    ),
    row(
        403,
        "Authenticating with Unknown",
        "x.auth_glitch",
        Actor::Platform,
        Verdict::WaitSecs(20),
        "X did not recognise a good sign-in for a moment",
        "Nothing to do: it is tried again by itself",
    ),
    row(
        403,
        "unsupported-authentication",
        "x.wrong_authentication",
        Actor::Operator,
        Verdict::Reject,
        "X expects another kind of sign-in for this call",
        "Report this to support",
    ),
    row(
        403,
        "usage-capped",
        "x.usage_capped",
        Actor::Operator,
        Verdict::WaitSecs(900),
        "the X app has used up its quota",
        "Raise the cap in X's developer console",
    ),
    row(
        403,
        "",
        "x.forbidden",
        Actor::Author,
        Verdict::Reject,
        "X refuses the post without saying why (too long for this account, or its automatic checks)",
        "Shorten or change the text, look at the account on X, and schedule it again",
    ),
    row(
        413,
        "",
        "x.too_large",
        Actor::Author,
        Verdict::Reject,
        "X refuses the media as too large",
        "Make the file smaller",
    ),
    row(
        429,
        "usage-capped",
        "x.usage_capped",
        Actor::Operator,
        Verdict::WaitSecs(900),
        "the X app has used up its quota",
        "Raise the cap in X's developer console",
    ),
];

const fn row(
    status: u16,
    words: &'static str,
    code: &'static str,
    actor: Actor,
    verdict: Verdict,
    message: &'static str,
    action: &'static str,
) -> Row {
    Row { status, words, code, actor, verdict, message, action }
}

/// Whether a call that got no clear answer may have made something public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Reads and preparations: repeat freely.
    Harmless,
    Public,
}

pub(super) fn no_answer(error: &TransportError, effect: Effect) -> Failure {
    let disposition = match (error, effect) {
        (TransportError::NotSent(_) | TransportError::Forbidden(_), _) => Disposition::NotSent,
        (_, Effect::Harmless) => Disposition::NotSent,
        (TransportError::Lost(_) | TransportError::TooLarge { .. }, Effect::Public) => Disposition::Unknown,
    };
    let mut failure = Failure::new(disposition, unclear(effect));
    failure.problem.platform_text = Some(error.to_string());
    failure
}

/// Sorts an answer that is not the documented success.
pub(super) fn sort(response: &Response, effect: Effect, now: DateTime<Utc>) -> Failure {
    let status = response.status().as_u16();
    let body: Body = serde_json::from_slice(response.body()).unwrap_or_default();
    let last = body.kind.rsplit('/').next().unwrap_or_default();
    let messages: Vec<&str> = body.errors.iter().map(|inner| inner.message.as_str()).collect();
    let messages = messages.join("; ");
    let text = [&body.detail, &messages, &body.title].into_iter().find(|text| !text.is_empty());
    let text = text.map_or("", String::as_str);
    let code = body
        .errors
        .iter()
        .find_map(|inner| inner.code.map(|code| code.to_string()))
        .or_else(|| Some(last.to_owned()).filter(|last| !last.is_empty() && last != "about:blank"));
    let everything = [messages.as_str(), &body.detail, &body.title, &body.reason, last].join("\n");
    let row = TABLE.iter().find(|row| row.status == status && everything.contains(row.words));
    let failure = match (status, row) {
        (_, Some(row)) => from_row(row, now),
        (401, None) => Failure::new(
            Disposition::Unauthorized,
            Problem::new(
                "x.unauthorized",
                Actor::Owner,
                "X does not accept the connection",
                "Connect X again in the settings, then schedule the post again",
            ),
        ),
        (429, None) => Failure::new(
            Disposition::WaitUntil(reset(response, now)),
            Problem::new(
                "x.rate_limited",
                Actor::Platform,
                "X's limit for this account is used up for now",
                "Nothing to do: it goes out when X allows it",
            ),
        ),
        // A media endpoint that is gone for minutes has been an outage (2025-05-28, 2026-01-29).
        (404, None) | (408 | 500..=599, None) | (200..=299, None) => {
            let unknown = effect == Effect::Public && status != 404;
            Failure::new(if unknown { Disposition::Unknown } else { Disposition::NotSent }, unclear(effect))
        }
        (_, None) => Failure::new(
            Disposition::Rejected,
            Problem::new(
                "x.unexpected",
                Actor::Operator,
                format!("X answered with a code that is not known here ({status})"),
                "Report this to support with the platform's text",
            ),
        ),
    };
    Failure { problem: failure.problem.with_platform(status, code, text), ..failure }
}

fn from_row(row: &Row, now: DateTime<Utc>) -> Failure {
    let disposition = match row.verdict {
        Verdict::Reject => Disposition::Rejected,
        Verdict::Duplicate => Disposition::Duplicate,
        Verdict::Restage => Disposition::Restage,
        Verdict::WaitSecs(secs) => Disposition::WaitUntil(now + TimeDelta::seconds(secs)),
    };
    let mut problem = Problem::new(row.code, row.actor, row.message, row.action);
    problem.retryable = !matches!(row.verdict, Verdict::Reject | Verdict::Duplicate);
    Failure::new(disposition, problem)
}

fn unclear(effect: Effect) -> Problem {
    match effect {
        Effect::Public => Problem::new(
            "x.outcome_unknown",
            Actor::Platform,
            "X did not answer clearly; the post may be there",
            "Nothing to do: we are looking whether it is there. Please do not post it again",
        ),
        Effect::Harmless => Problem::new(
            "x.unavailable",
            Actor::Platform,
            "X does not answer right now",
            "Nothing to do: it is tried again by itself",
        ),
    }
}

/// The reset of whichever window is used up; X documents no `Retry-After`.
/// <https://docs.x.com/x-api/fundamentals/rate-limits>
fn reset(response: &Response, now: DateTime<Utc>) -> DateTime<Utc> {
    let number = |name: String| -> Option<i64> { response.headers().get(name)?.to_str().ok()?.parse().ok() };
    let used_up = ["x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour"]
        .into_iter()
        .filter(|group| number(format!("{group}-remaining")).is_some_and(|left| left <= 0))
        .filter_map(|group| number(format!("{group}-reset")))
        .max();
    used_up
        .or_else(|| number("x-rate-limit-reset".to_owned()))
        .and_then(|secs| DateTime::from_timestamp(secs, 0))
        .filter(|at| *at > now)
        .unwrap_or(now + TimeDelta::minutes(15))
}
