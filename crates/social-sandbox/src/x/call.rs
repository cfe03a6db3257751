//! One API call: faults around it, then the gates in X's order, then the work, then the headers.
use std::future::Future;

use axum::body::Bytes;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use chrono::{DateTime, Duration, Utc};
use serde_json::{Value, json};

use super::X;
use super::limits::RateHeaders;
use super::problem::Problem;
use super::state::State;
use crate::answer::Answer;
use crate::faults::{RateLimitForm, Wording, under_faults};

/// Read to the end before it is refused, so that a client that is still sending gets to see the answer.
const READ_AT_MOST_BYTES: usize = 64 * 1024 * 1024;

pub(super) type Outcome = Result<Answer, Problem>;

/// An authorised call at work.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) state: &'a mut State,
    pub(super) now: DateTime<Utc>,
    pub(super) user: u64,
    pub(super) client_id: String,
}

/// What arrived, read to the end.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) headers: HeaderMap,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Bytes,
    request: Option<Request>,
}

impl Incoming {
    pub(super) async fn read(request: Request) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, READ_AT_MOST_BYTES).await.map_err(|_| Problem::too_large())?;
        let query = pairs(parts.uri.query().unwrap_or_default().as_bytes());
        let headers = parts.headers.clone();
        let request = Some(Request::from_parts(parts, body.clone().into()));
        Ok(Self { headers, query, body, request })
    }

    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn is(&self, content_type: &str) -> bool {
        let given = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = given.and_then(|value| value.split(';').next()).unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(content_type)
    }

    /// The JSON object of the body.
    pub(super) fn object(&self) -> Result<Value, Problem> {
        if !self.is("application/json") {
            let message = "Requests with bodies must have content-type of application/json.";
            return Err(Problem::invalid("", "", message));
        }
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(value) if value.is_object() => Ok(value),
            _ => Err(Problem::invalid("", "", "Request body must be a JSON object.")),
        }
    }

    /// The parts of a multipart body: name and content.
    pub(super) async fn parts(&mut self) -> Result<Vec<(String, Bytes)>, Problem> {
        let refuse = |_| Problem::invalid("", "", "The multipart body could not be read.");
        let Some(request) = self.request.take().filter(|_| self.is("multipart/form-data")) else {
            let message = "Requests with media must have content-type of multipart/form-data.";
            return Err(Problem::invalid("", "", message));
        };
        let mut multipart = Multipart::from_request(request, &())
            .await
            .map_err(|_| Problem::invalid("", "", "The multipart body has no boundary."))?;
        let mut parts = Vec::new();
        while let Some(field) = multipart.next_field().await.map_err(refuse)? {
            let name = field.name().unwrap_or_default().to_owned();
            parts.push((name, field.bytes().await.map_err(refuse)?));
        }
        Ok(parts)
    }
}

pub(super) fn pairs(encoded: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(encoded).into_owned().collect()
}

impl X {
    /// Counts the call and runs it under the fault that is due.
    pub(super) async fn run(&self, operation: &'static str, call: impl Future<Output = Answer>) -> Answer {
        self.with(|state, _| *state.calls.entry(operation.to_owned()).or_default() += 1);
        let answer = under_faults(&self.shared.faults, self, operation, call).await;
        let transaction = self.with(|state, _| state.random_word(16).to_lowercase());
        answer.header("x-transaction-id", transaction).header("api-version", "2.167")
    }

    /// The gates, then the work. `scopes` are all needed.
    pub(super) fn authorized(
        &self,
        operation: &'static str,
        headers: &HeaderMap,
        scopes: &[&str],
        work: impl FnOnce(&mut Call<'_>) -> Outcome,
    ) -> Answer {
        self.with(|state, now| {
            let (rate, outcome) = gates(state, now, operation, headers, scopes, work);
            let answer = outcome.unwrap_or_else(|problem| problem.answer(&state.options));
            match rate {
                Some(rate) => rate.apply(answer).header("x-access-level", "read-write"),
                None => answer,
            }
        })
    }

    pub(super) fn render(&self, problem: &Problem) -> Answer {
        self.with(|state, _| problem.answer(&state.options))
    }
}

fn gates(
    state: &mut State,
    now: DateTime<Utc>,
    operation: &'static str,
    headers: &HeaderMap,
    scopes: &[&str],
    work: impl FnOnce(&mut Call<'_>) -> Outcome,
) -> (Option<RateHeaders>, Outcome) {
    let Some(bearer) = bearer(headers) else { return (None, Err(Problem::unauthorized())) };
    if state.app_tokens.contains_key(bearer) {
        return (None, Err(Problem::app_only()));
    }
    let token = state.access_tokens.get(bearer).filter(|token| token.expires_at > now).cloned();
    let Some(token) = token else { return (None, Err(Problem::unauthorized())) };
    let (user, app) = (token.user, token.client_id);
    if state.apps.get(&app).is_some_and(|app| !app.enrolled) {
        return (None, Err(Problem::not_enrolled(&app)));
    }
    let rate = state.peek(operation, user, &app, now);
    if state.users.get(&user).is_none_or(|user| user.suspended) {
        return (Some(rate), Err(Problem::suspended()));
    }
    if scopes.iter().any(|needed| !token.scopes.iter().any(|scope| scope == needed)) {
        return (Some(rate), Err(Problem::not_permitted()));
    }
    // The headers of a 402 still look healthy, so nothing is counted before it.
    if state.options.credits_micro_usd.is_some_and(|balance| balance <= 0) {
        return (Some(rate), Err(Problem::credits(2_000_000_000_000_000_000)));
    }
    if !state.count(operation, user, &app, now) {
        return (Some(rate), Err(Problem::too_many()));
    }
    let rate = state.peek(operation, user, &app, now);
    let outcome = work(&mut Call { state, now, user, client_id: app });
    (Some(rate), outcome)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl Wording for X {
    fn rate_limited(&self, operation: &str, reset_secs: i64, form: RateLimitForm) -> Answer {
        self.with(|state, now| {
            let answer = match form {
                RateLimitForm::Problem => Problem::too_many().answer(&state.options),
                RateLimitForm::Typed => Problem::too_many_typed().answer(&state.options),
                RateLimitForm::Legacy => {
                    Answer::json(429, &json!({"errors": [{"code": 88, "message": "Rate limit exceeded"}]}))
                }
            };
            let reset = now + Duration::seconds(reset_secs);
            RateHeaders::exhausted(operation, reset, &state.options).apply(answer)
        })
    }

    fn unauthorized(&self, operation: &str) -> Answer {
        if operation.starts_with("x.oauth2.") {
            return super::oauth::error(401, "unauthorized_client", "Missing valid authorization header");
        }
        self.render(&Problem::unauthorized())
    }

    fn unavailable(&self, _: &str) -> Answer {
        self.render(&Problem::unavailable())
    }

    fn without_data(&self, operation: &str) -> Answer {
        let status = if operation == "x.posts.create" { 201 } else { 200 };
        let body = json!({"errors": [{
            "title": "Service Unavailable",
            "detail": "The resource could not be read back.",
            "type": "about:blank",
        }]});
        Answer::json(status, &body)
    }
}
