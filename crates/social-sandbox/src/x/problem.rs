//! Errors as X words them. Source: docs.x.com, response codes and errors (2026-07-24), OpenAPI 2.167.
use serde_json::{Value, json};

use super::options::Options;
use crate::answer::Answer;

/// An error before it is rendered; the switches for host and content type apply only then.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    title: String,
    detail: String,
    /// Last segment of the `type` URL; `about:blank` when absent.
    kind: Option<&'static str>,
    extra: Value,
    empty: bool,
}

impl Problem {
    pub(super) fn new(status: u16, title: &str, detail: impl Into<String>) -> Self {
        let title = title.to_owned();
        Self { status, title, detail: detail.into(), kind: None, extra: json!({}), empty: false }
    }

    fn kind(mut self, kind: &'static str) -> Self {
        self.kind = Some(kind);
        self
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.extra[name] = value;
        self
    }

    /// 400 with one message and the parameter that it is about.
    pub(super) fn invalid(parameter: &str, value: &str, message: impl Into<String>) -> Self {
        let parameters = if parameter.is_empty() { json!({}) } else { json!({ parameter: [value] }) };
        Self::new(400, "Invalid Request", "One or more parameters to your request was invalid.")
            .kind("invalid-request")
            .with("errors", json!([{ "parameters": parameters, "message": message.into() }]))
    }

    pub(super) fn media_ids(ids: &[String]) -> Self {
        Self::new(400, "Invalid Request", "One or more parameters to your request was invalid.")
            .kind("invalid-request")
            .with(
                "errors",
                json!([{
                    "parameters": { "media.media_ids": ids },
                    "message": "Your media IDs are invalid.",
                }]),
            )
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub(super) fn credits(account_id: u64) -> Self {
        let detail = "Your enrolled account does not have any credits to fulfill this request.";
        Self::new(402, "CreditsDepleted", detail).kind("credits").with("account_id", json!(account_id))
    }

    pub(super) fn forbidden(detail: &str) -> Self {
        Self::new(403, "Forbidden", detail)
    }

    /// The catch-all: over-long text, missing scope, anything X does not care to explain.
    pub(super) fn not_permitted() -> Self {
        Self::forbidden("You are not permitted to perform this action.")
    }

    pub(super) fn duplicate() -> Self {
        Self::forbidden("You are not allowed to create a Tweet with duplicate content.")
    }

    pub(super) fn not_visible() -> Self {
        Self::forbidden("You attempted to reply to a Tweet that is deleted or not visible to you.")
    }

    pub(super) fn conversation() -> Self {
        let detail = "You can only reply to or quote posts where you are mentioned or are the author.";
        Self::new(403, "Authorization Error", detail).kind("not-authorized-for-resource")
    }

    pub(super) fn suspended() -> Self {
        let detail = "The user used for authentication is suspended.";
        Self::forbidden(detail).kind("user-suspended")
    }

    pub(super) fn not_enrolled(client_id: &str) -> Self {
        let detail = "When authenticating requests to the X API v2 endpoints, you must use keys and tokens \
                      from a developer App that is attached to a Project.";
        Self::new(403, "Client Forbidden", detail)
            .kind("client-forbidden")
            .with("reason", json!("client-not-enrolled"))
            .with("client_id", json!(client_id))
            .with("required_enrollment", json!("Appropriate Level of API Access"))
            .with("registration_url", json!("https://developer.x.com/en/docs/projects/overview"))
    }

    pub(super) fn app_only() -> Self {
        let detail = "Authenticating with OAuth 2.0 Application-Only is forbidden for this endpoint. \
                      Supported authentication types are [OAuth 1.0a User Context, OAuth 2.0 User Context].";
        Self::new(403, "Unsupported Authentication", detail).kind("unsupported-authentication")
    }

    pub(super) fn not_found(parameter: &str, value: &str) -> Self {
        let detail = format!("Could not find post with {parameter}: [{value}].");
        Self::new(404, "Not Found Error", detail)
            .kind("resource-not-found")
            .with("parameter", json!(parameter))
            .with("resource_type", json!("post"))
            .with("value", json!(value))
    }

    pub(super) fn too_many() -> Self {
        Self::new(429, "Too Many Requests", "Too Many Requests")
    }

    pub(super) fn too_many_typed() -> Self {
        Self::too_many().kind("rate-limit-exceeded")
    }

    pub(super) fn unavailable() -> Self {
        Self::new(503, "Service Unavailable", "Service Unavailable")
    }

    /// The edge refuses the size before the API sees the request: no body at all.
    pub(super) fn too_large() -> Self {
        Self { empty: true, ..Self::new(413, "", "") }
    }

    pub(super) fn answer(&self, options: &Options) -> Answer {
        if self.empty {
            return Answer::empty(self.status);
        }
        let mut body = self.extra.clone();
        body["title"] = json!(self.title);
        body["detail"] = json!(self.detail);
        body["status"] = json!(self.status);
        body["type"] = match self.kind {
            Some(kind) => json!(format!("https://{}/2/problems/{kind}", options.problem_type_host)),
            None => json!("about:blank"),
        };
        let mut answer = Answer::json(self.status, &body);
        if options.problem_content_type {
            answer.content_type = Some("application/problem+json");
        }
        answer
    }
}
