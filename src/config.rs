//! The environment, read once. `.env.example` lists every variable.

use social_core::secret::Secret;

/// Everything that differs between installations.
#[derive(Clone, Debug)]
pub struct Config {
    /// `PUBLIC_URL`: where the API is reached from outside, e.g. `https://api.example.com`. Callback addresses are
    /// made from it.
    pub public_url: String,
    /// `APP_ORIGINS`: the web app's origins, separated by commas; the first is where people return to.
    pub app_origins: Vec<String>,
    /// `CRON_SECRET`: what the scheduler must bring. Without it the publish route refuses everything.
    pub cron_secret: Option<Secret>,
    /// `TOKEN_KEYS`: sealing keys, newest first, `id:base64 of 32 bytes,..`.
    pub token_keys: Secret,
    /// `FIREBASE_PROJECT_ID`.
    pub firebase_project: String,
    /// `GCP_SERVICE_ACCOUNT_JSON`: the key of a service account as JSON, or the path of a file that holds it. Not
    /// needed with an emulator.
    pub service_account: Option<Secret>,
    /// `FIRESTORE_EMULATOR_HOST`: `host:port` of an emulator, without a scheme.
    pub firestore_emulator: Option<String>,
    /// `FIRESTORE_URL`: default `https://firestore.googleapis.com/v1`.
    pub firestore_url: String,
    /// `FIREBASE_KEYS_URL`: JSON Web Keys of ID tokens.
    pub firebase_keys_url: String,
    /// `FIREBASE_SESSION_KEYS_URL`: JSON Web Keys of session cookies.
    pub firebase_session_keys_url: String,
    /// `FIREBASE_AUTH_EMULATOR_HOST` is set (and this is not production): unsigned tokens are accepted.
    pub auth_emulator: bool,
    /// `X_CLIENT_ID`, `X_CLIENT_SECRET`, `X_API_URL`, `X_AUTHORIZE_URL`. Without an id X is not offered.
    pub x: Option<PlatformConfig>,
    /// `MEDIA_ALLOWED_HOSTS`: hosts (`name` or `name:port`) that media may be fetched from although they are not
    /// public or not https. For local work.
    pub media_allowed_hosts: Vec<String>,
    /// `PUBLISH_LATE_LIMIT`: minutes after which an overdue post is missed, default 60.
    pub late_limit_minutes: i64,
}

#[derive(Clone, Debug)]
pub struct PlatformConfig {
    pub client_id: String,
    pub client_secret: Secret,
    pub api_url: String,
    pub authorize_url: String,
}

#[derive(Debug, thiserror::Error)]
#[error("the configuration is not complete: {}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// Reads the process's environment.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// All that is missing or wrong is reported together.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut wrong = Vec::new();
        let get =
            |name: &str| lookup(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let or = |name: &str, default: &str| get(name).unwrap_or_else(|| default.to_owned());
        let list = |name: &str| -> Vec<String> {
            let text = get(name).unwrap_or_default();
            text.split(',').map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect()
        };
        let mut require = |name: &str, what: &str| {
            get(name).unwrap_or_else(|| {
                wrong.push(format!("{name} is not set ({what})"));
                String::new()
            })
        };
        let public_url = require("PUBLIC_URL", "where this API is reached, e.g. https://api.example.com");
        let token_keys = require("TOKEN_KEYS", "sealing keys, e.g. k1:<base64 of 32 random bytes>");
        let firebase_project = require("FIREBASE_PROJECT_ID", "the Firebase project");
        let firestore_emulator = get("FIRESTORE_EMULATOR_HOST");
        let service_account = get("GCP_SERVICE_ACCOUNT_JSON");
        if firestore_emulator.is_none() && service_account.is_none() {
            wrong.push(
                "GCP_SERVICE_ACCOUNT_JSON is not set (the service account's key as JSON, or its file)"
                    .to_owned(),
            );
        }
        let app_origins: Vec<String> =
            list("APP_ORIGINS").into_iter().map(|origin| origin.trim_end_matches('/').to_owned()).collect();
        if app_origins.is_empty() {
            wrong.push(
                "APP_ORIGINS is not set (the web app's origins, e.g. https://app.example.com)".to_owned(),
            );
        }
        for (name, url) in [("PUBLIC_URL", &public_url)]
            .into_iter()
            .chain(app_origins.iter().map(|url| ("APP_ORIGINS", url)))
        {
            if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
                wrong.push(format!("{name} must begin with https://, and is {url:?}"));
            }
        }
        let x = match (get("X_CLIENT_ID"), get("X_CLIENT_SECRET")) {
            (Some(client_id), Some(client_secret)) => Some(PlatformConfig {
                client_id,
                client_secret: Secret::new(client_secret),
                api_url: or("X_API_URL", "https://api.x.com"),
                authorize_url: or("X_AUTHORIZE_URL", "https://x.com/i/oauth2/authorize"),
            }),
            (None, None) => None,
            _ => {
                wrong.push("X_CLIENT_ID and X_CLIENT_SECRET go together: set both or none".to_owned());
                None
            }
        };
        let late_limit_minutes = or("PUBLISH_LATE_LIMIT", "60").parse().unwrap_or_else(|_| {
            wrong.push("PUBLISH_LATE_LIMIT must be a number of minutes".to_owned());
            60
        });
        let production = get("VERCEL_ENV").as_deref() == Some("production");
        let config = Self {
            public_url: public_url.trim_end_matches('/').to_owned(),
            app_origins,
            cron_secret: get("CRON_SECRET").map(Secret::new),
            token_keys: Secret::new(token_keys),
            firebase_project,
            service_account: service_account.map(Secret::new),
            firestore_emulator,
            firestore_url: or("FIRESTORE_URL", "https://firestore.googleapis.com/v1"),
            firebase_keys_url: or(
                "FIREBASE_KEYS_URL",
                "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com",
            ),
            firebase_session_keys_url: or(
                "FIREBASE_SESSION_KEYS_URL",
                "https://identitytoolkit.googleapis.com/v1/sessionCookiePublicKeys",
            ),
            auth_emulator: get("FIREBASE_AUTH_EMULATOR_HOST").is_some() && !production,
            x,
            media_allowed_hosts: list("MEDIA_ALLOWED_HOSTS"),
            late_limit_minutes,
        };
        if wrong.is_empty() { Ok(config) } else { Err(ConfigError(wrong)) }
    }

    /// Whether cookies can be bound to https.
    pub fn is_https(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_lookup(|name| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn everything_missing_is_named_at_once() {
        let error = read(&[("X_CLIENT_ID", "only-half")]).unwrap_err().to_string();
        for name in [
            "PUBLIC_URL",
            "APP_ORIGINS",
            "TOKEN_KEYS",
            "FIREBASE_PROJECT_ID",
            "GCP_SERVICE_ACCOUNT_JSON",
            "X_CLIENT_SECRET",
        ] {
            assert!(error.contains(name), "{name}: {error}");
        }
    }

    #[test]
    fn the_example_lists_every_variable() {
        let example = include_str!("../.env.example");
        let source = include_str!("config.rs");
        for part in source.split('"').filter(|part| {
            part.len() > 5 && part.contains('_') && part.chars().all(|c| c.is_ascii_uppercase() || c == '_')
        }) {
            assert!(part == "VERCEL_ENV" || example.contains(part), "{part} is not in .env.example");
        }
    }

    #[test]
    fn unsigned_tokens_are_never_accepted_in_production() {
        let base = [
            ("PUBLIC_URL", "https://api.example.com"),
            ("APP_ORIGINS", "https://app.example.com"),
            ("TOKEN_KEYS", "k1:x"),
            ("FIREBASE_PROJECT_ID", "p"),
            ("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1"),
            ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:2"),
        ];
        assert!(read(&base).unwrap().auth_emulator);
        assert!(!read(&[&base[..], &[("VERCEL_ENV", "production")]].concat()).unwrap().auth_emulator);
    }
}
