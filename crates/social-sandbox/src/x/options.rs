//! What can be switched: the test apps and accounts, and every point on which the documentation is silent.
use chrono::Duration;

/// One developer app. Without a secret it is a public client (native or single-page).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub client_id: String,
    pub client_secret: Option<String>,
    /// Compared byte for byte, trailing slash included.
    pub redirect_uris: Vec<String>,
}

impl App {
    pub fn confidential(client_id: &str, client_secret: &str, redirect_uris: &[&str]) -> Self {
        Self { client_secret: Some(client_secret.to_owned()), ..Self::public(client_id, redirect_uris) }
    }

    pub fn public(client_id: &str, redirect_uris: &[&str]) -> Self {
        let redirect_uris = redirect_uris.iter().map(|uri| (*uri).to_owned()).collect();
        Self { client_id: client_id.to_owned(), client_secret: None, redirect_uris }
    }
}

/// `subscription_type` of a user; anything but `None` may write 25,000 characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subscription {
    #[default]
    None,
    Basic,
    Premium,
    PremiumPlus,
}

impl Subscription {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Basic => "Basic",
            Self::Premium => "Premium",
            Self::PremiumPlus => "PremiumPlus",
        }
    }
}

/// One account that can consent, post and be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Up to 19 digits.
    pub id: String,
    pub username: String,
    pub name: String,
    pub subscription: Subscription,
    pub protected: bool,
}

impl Account {
    pub fn new(id: &str, username: &str, name: &str) -> Self {
        Self {
            id: id.to_owned(),
            username: username.to_owned(),
            name: name.to_owned(),
            subscription: Subscription::None,
            protected: false,
        }
    }
}

/// How the processing of the next video or GIF ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Processing {
    #[default]
    Succeeds,
    /// `state: failed` with an `error`.
    Fails,
    /// `in_progress` at 99 % with an `error`, for ever.
    Stuck,
    /// `succeeded`, and then refused when a post uses it.
    RefusedAtPost,
}

#[derive(Clone, Debug)]
pub struct Options {
    pub apps: Vec<App>,
    pub accounts: Vec<Account>,
    /// How long a text counts as a repetition of itself, per user. Undocumented; hours by experience.
    pub duplicate_window: Duration,
    /// Whether a user may reply to its own posts (threads). Refusals use the generic 403.
    pub self_reply_allowed: bool,
    /// Enterprise only since 2026-04-20.
    pub allow_quotes: bool,
    /// APPEND answers 204 without a body instead of 200 with `expires_at`.
    pub append_answers_204: bool,
    /// APPEND also takes JSON with base64, as the OpenAPI file says.
    pub append_accepts_json: bool,
    /// FINALIZE refuses a body that is not a JSON object (seen since 2026-07).
    pub finalize_requires_body: bool,
    /// The edge refuses segments above 1 MiB instead of 4 MiB.
    pub strict_append_1mib: bool,
    /// `edit_history_tweet_ids` instead of `edit_history_post_ids`.
    pub edit_history_old_name: bool,
    /// Host in the `type` of error objects: `api.x.com` or `api.twitter.com`.
    pub problem_type_host: String,
    /// Errors come as `application/problem+json`.
    pub problem_content_type: bool,
    /// The 24-hour header groups are sent.
    pub daily_limit_headers: bool,
    /// `text` comes back with `&`, `<` and `>` escaped.
    pub escape_text: bool,
    /// From the 201 until a post shows up in the author's timeline reads.
    pub timeline_lag: Duration,
    /// From the 201 until a post can be replied to.
    pub visibility_lag: Duration,
    /// Posts per user in 15 minutes.
    pub user_post_limit: u32,
    /// Posts per app in 24 hours.
    pub app_post_limit: u32,
    /// The developer's balance; `None` never runs out.
    pub credits_micro_usd: Option<i64>,
    /// Added to each answer of `x.posts.create`, in real time.
    pub latency: Duration,
    /// From FINALIZE until a video or GIF is ready.
    pub video_processing_secs: u32,
}

impl Default for Options {
    fn default() -> Self {
        let premium = Account::new("1700000000000000002", "premium", "Premium Person");
        Self {
            apps: vec![App::confidential(
                "sandbox-x-client",
                "sandbox-x-secret",
                &["http://127.0.0.1:3000/api/auth/x/callback"],
            )],
            accounts: vec![
                Account::new("1700000000000000001", "acme", "Acme Coffee"),
                Account { subscription: Subscription::Premium, ..premium },
            ],
            duplicate_window: Duration::hours(24),
            self_reply_allowed: true,
            allow_quotes: false,
            append_answers_204: false,
            append_accepts_json: false,
            finalize_requires_body: true,
            strict_append_1mib: false,
            edit_history_old_name: false,
            problem_type_host: "api.x.com".to_owned(),
            problem_content_type: false,
            daily_limit_headers: true,
            escape_text: true,
            timeline_lag: Duration::zero(),
            visibility_lag: Duration::zero(),
            user_post_limit: 100,
            app_post_limit: 10_000,
            credits_micro_usd: None,
            latency: Duration::zero(),
            video_processing_secs: 3,
        }
    }
}
