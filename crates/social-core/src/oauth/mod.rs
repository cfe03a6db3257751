//! OAuth 2.0 authorization code flow with PKCE. The standard parts are the `oauth2` crate's; this adds the
//! transport seam and the sorting of errors into what they mean for the connection.

pub mod flow;

use chrono::{DateTime, TimeDelta, Utc};
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, TokenResponse, TokenUrl,
    basic::{BasicClient, BasicErrorResponse, BasicTokenResponse},
};
use transport::{Operation, SharedClock, SharedTransport, TransportError};

use crate::{platform::OAuthProfile, secret::Secret};

/// What a token endpoint gives.
#[derive(Clone, Debug)]
pub struct TokenSet {
    pub access_token: Secret,
    pub refresh_token: Option<Secret>,
    pub expires_at: DateTime<Utc>,
    /// As granted; empty when the platform did not say.
    pub scopes: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// The token or code is used, revoked, expired or foreign: terminal for it.
    #[error("refused: {code}: {description}")]
    Refused { code: String, description: String },
    /// The app's own credentials are refused: says nothing about the person's connection.
    #[error("the app's credentials were refused: {0}")]
    App(String),
    /// Sent, and no answer: the platform may have acted.
    #[error("no answer: {0}")]
    Lost(String),
    /// An answer that says nothing about the token: 5xx, HTML, rate limit, or nothing was sent.
    #[error("not now: {0}")]
    Passing(String),
}

type Client = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// Where to send the browser. `state` and `verifier` are the caller's.
pub fn authorization_url(
    profile: &OAuthProfile,
    redirect_uri: &str,
    state: &str,
    verifier: &Secret,
) -> Result<String, String> {
    let challenge =
        PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.expose().to_owned()));
    let redirect = RedirectUrl::new(redirect_uri.to_owned()).map_err(|error| error.to_string())?;
    let (url, _) = client(profile)?
        .set_redirect_uri(redirect)
        .authorize_url(|| CsrfToken::new(state.to_owned()))
        .add_scopes(profile.scopes.iter().map(|scope| Scope::new((*scope).to_owned())))
        .set_pkce_challenge(challenge)
        .url();
    // The crate writes a space as `+`; X documents `%20`.
    Ok(url.as_str().replace('+', "%20"))
}

pub async fn exchange(
    http: &SharedTransport,
    clock: &SharedClock,
    profile: &OAuthProfile,
    redirect_uri: &str,
    code: &Secret,
    verifier: &Secret,
) -> Result<TokenSet, RefreshError> {
    let redirect =
        RedirectUrl::new(redirect_uri.to_owned()).map_err(|error| RefreshError::App(error.to_string()))?;
    let client = client(profile).map_err(RefreshError::App)?.set_redirect_uri(redirect);
    let request = client
        .exchange_code(AuthorizationCode::new(code.expose().to_owned()))
        .set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()))
        .add_extra_param("client_id", &profile.client_id);
    let transport = adapter(http.clone());
    let outcome = request.request_async(&transport).await;
    token_set(outcome, clock.now())
}

pub async fn refresh(
    http: &SharedTransport,
    clock: &SharedClock,
    profile: &OAuthProfile,
    refresh_token: &Secret,
) -> Result<TokenSet, RefreshError> {
    let client = client(profile).map_err(RefreshError::App)?;
    let token = RefreshToken::new(refresh_token.expose().to_owned());
    let request = client.exchange_refresh_token(&token).add_extra_param("client_id", &profile.client_id);
    let transport = adapter(http.clone());
    let outcome = request.request_async(&transport).await;
    token_set(outcome, clock.now())
}

fn client(profile: &OAuthProfile) -> Result<Client, String> {
    let authorize = AuthUrl::new(profile.authorize_url.clone()).map_err(|error| error.to_string())?;
    let token = TokenUrl::new(profile.token_url.clone()).map_err(|error| error.to_string())?;
    Ok(BasicClient::new(ClientId::new(profile.client_id.clone()))
        .set_client_secret(ClientSecret::new(profile.client_secret.expose().to_owned()))
        // X refuses a secret in the body instead of Basic (facts/twitter 1.3).
        .set_auth_type(AuthType::BasicAuth)
        .set_auth_uri(authorize)
        .set_token_uri(token))
}

type Sent = std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, TransportError>> + Send>>;

fn adapter(http: SharedTransport) -> impl Fn(HttpRequest) -> Sent {
    move |request| {
        let http = http.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            parts.extensions.insert(Operation("oauth2.token"));
            let response = http.send(http::Request::from_parts(parts, body.into())).await?;
            Ok(response.map(|body| body.to_vec()))
        })
    }
}

type Outcome = Result<BasicTokenResponse, RequestTokenError<TransportError, BasicErrorResponse>>;

fn token_set(outcome: Outcome, now: DateTime<Utc>) -> Result<TokenSet, RefreshError> {
    let tokens = outcome.map_err(sort)?;
    let lifetime = tokens.expires_in().and_then(|lifetime| TimeDelta::from_std(lifetime).ok());
    Ok(TokenSet {
        access_token: Secret::new(tokens.access_token().secret()),
        refresh_token: tokens.refresh_token().map(|token| Secret::new(token.secret())),
        // RFC 6749 only recommends `expires_in`; X documents two hours.
        expires_at: now + lifetime.unwrap_or(TimeDelta::hours(2)),
        scopes: tokens
            .scopes()
            .map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect())
            .unwrap_or_default(),
    })
}

/// X answers `invalid_request` with "Value passed for the token was invalid." where others say `invalid_grant`
/// (facts/twitter 1.5). A 401 is about the app.
fn sort(error: RequestTokenError<TransportError, BasicErrorResponse>) -> RefreshError {
    match error {
        RequestTokenError::ServerResponse(answer) => {
            let code = answer.error().to_string();
            let description = answer.error_description().cloned().unwrap_or_default();
            let terminal = code == "invalid_grant"
                || (code == "invalid_request" && description.starts_with("Value passed for the "));
            if terminal {
                RefreshError::Refused { code, description }
            } else if [
                "unauthorized_client",
                "invalid_client",
                "invalid_request",
                "invalid_scope",
                "unsupported_grant_type",
            ]
            .contains(&code.as_str())
            {
                RefreshError::App(format!("{code}: {description}"))
            } else {
                RefreshError::Passing(format!("{code}: {description}"))
            }
        }
        RequestTokenError::Request(TransportError::Lost(text)) => RefreshError::Lost(text),
        RequestTokenError::Request(error) => RefreshError::Passing(error.to_string()),
        // Not the documented JSON: an outage page, most likely. The text may hold anything, so it is left out.
        RequestTokenError::Parse(..) => RefreshError::Lost("an answer that is not a token answer".to_owned()),
        // An empty answer, whatever its status: the platform may have rotated.
        RequestTokenError::Other(text) => RefreshError::Lost(text),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use transport::{Request, Response, SystemClock, Transport};

    use super::*;
    use crate::platform::{
        Platform,
        twitter::{Twitter, TwitterOptions},
    };

    /// Writes down what is sent and gives one answer to all.
    #[derive(Debug)]
    struct Recorder {
        sent: Mutex<Vec<String>>,
        answer: (u16, &'static str),
    }

    #[async_trait::async_trait]
    impl Transport for Recorder {
        async fn send(&self, request: Request) -> Result<Response, TransportError> {
            let mut headers: Vec<String> = request
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            headers.sort();
            let body = String::from_utf8_lossy(request.body());
            let text = format!("{} {}\n{}\n\n{body}", request.method(), request.uri(), headers.join("\n"));
            self.sent.lock().unwrap().push(text);
            let (status, body) = self.answer;
            Ok(http::Response::builder().status(status).body(body.into()).unwrap())
        }
    }

    fn x() -> Twitter {
        Twitter::new(TwitterOptions {
            api_url: "https://api.x.com".to_owned(),
            authorize_url: "https://x.com/i/oauth2/authorize".to_owned(),
            client_id: "fake-id".to_owned(),
            client_secret: Secret::new("fake-secret"),
        })
    }

    async fn refreshed(answer: (u16, &'static str)) -> (Result<TokenSet, RefreshError>, Vec<String>) {
        let recorder = Arc::new(Recorder { sent: Mutex::default(), answer });
        let http: SharedTransport = recorder.clone();
        let clock: SharedClock = Arc::new(SystemClock);
        let outcome = refresh(&http, &clock, x().oauth(), &Secret::new("fake-refresh")).await;
        let sent = recorder.sent.lock().unwrap().clone();
        (outcome, sent)
    }

    #[tokio::test]
    async fn outgoing_requests() {
        let answer = (200, r#"{"token_type":"bearer","access_token":"a","expires_in":7200}"#);
        let recorder = Arc::new(Recorder { sent: Mutex::default(), answer });
        let http: SharedTransport = recorder.clone();
        let clock: SharedClock = Arc::new(SystemClock);
        let (code, verifier) = (Secret::new("fake-code"), Secret::new("v".repeat(43)));
        let back = "https://api.example.com/api/auth/twitter/callback";
        let url = authorization_url(x().oauth(), back, "fake-state", &verifier).unwrap();
        exchange(&http, &clock, x().oauth(), back, &code, &verifier).await.unwrap();
        let (_, refresh) = refreshed(answer).await;
        let mut texts = vec![format!("GET {url}")];
        texts.extend(recorder.sent.lock().unwrap().clone());
        texts.extend(refresh);
        insta::assert_snapshot!(texts.join("\n----------------\n"));
    }

    /// Only what is said about the token itself may ever disconnect somebody.
    #[tokio::test]
    async fn refusals_are_told_apart() {
        let used =
            r#"{"error":"invalid_request","error_description":"Value passed for the token was invalid."}"#;
        let missing =
            r#"{"error":"invalid_request","error_description":"Missing required parameter [client_id]."}"#;
        let client =
            r#"{"error":"unauthorized_client","error_description":"Missing valid authorization header"}"#;
        for (status, body, expected) in [
            (400, used, "refused"),
            (400, r#"{"error":"invalid_grant"}"#, "refused"),
            (400, missing, "app"),
            (401, client, "app"),
            (400, r#"{"error":"temporarily_unavailable"}"#, "passing"),
            (503, "<html>over capacity</html>", "lost"),
            (200, "", "lost"),
        ] {
            let kind = match refreshed((status, body)).await.0 {
                Ok(_) => "fine",
                Err(RefreshError::Refused { .. }) => "refused",
                Err(RefreshError::App(_)) => "app",
                Err(RefreshError::Lost(_)) => "lost",
                Err(RefreshError::Passing(_)) => "passing",
            };
            assert_eq!(kind, expected, "{status} {body}");
        }
    }
}
