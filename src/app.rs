//! Everything a handler needs, made once.

use std::sync::Arc;

use chrono::TimeDelta;
use firestore_rest::{Auth, Client, ClientOptions, ServiceAccount};
use social_core::{
    identity::{Identity, IdentityOptions},
    media::MediaFetcher,
    platform::{
        PlatformId, Platforms,
        twitter::{Twitter, TwitterOptions},
    },
    publish::{Policy, Publisher, PublisherParts},
    seal::Sealer,
    store::Store,
    tokens::Tokens,
};
use transport::{HttpTransport, HttpTransportOptions, Random, SharedClock, SharedTransport, SystemClock};

use crate::config::{Config, ConfigError};

/// A cheap clone of handles.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
pub struct Inner {
    pub config: Config,
    pub store: Store,
    pub platforms: Platforms,
    pub tokens: Tokens,
    pub publisher: Publisher,
    pub identity: Identity,
    pub clock: SharedClock,
    pub random: Random,
}

/// The seams an [`App`] is built on; the default ones are the network, the system's clock and randomness.
#[derive(Clone, Debug)]
pub struct Parts {
    pub http: SharedTransport,
    /// Goes where strangers say: guarded.
    pub media: SharedTransport,
    pub store: SharedTransport,
    pub clock: SharedClock,
    pub random: Random,
    pub policy: Policy,
}

impl Parts {
    pub fn real(config: &Config) -> Self {
        let http: SharedTransport = Arc::new(HttpTransport::new(HttpTransportOptions::default()));
        let guarded =
            HttpTransportOptions { public_only: true, allowed_hosts: config.media_allowed_hosts.clone() };
        Self {
            store: http.clone(),
            http,
            media: Arc::new(HttpTransport::new(guarded)),
            clock: Arc::new(SystemClock),
            random: Random::from_os(),
            policy: Policy { late_limit: TimeDelta::minutes(config.late_limit_minutes), ..Policy::default() },
        }
    }
}

impl std::ops::Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl App {
    /// The way the functions start.
    pub fn from_env() -> Result<Self, ConfigError> {
        let config = Config::from_env()?;
        let parts = Parts::real(&config);
        Self::build(config, parts)
    }

    pub fn build(config: Config, parts: Parts) -> Result<Self, ConfigError> {
        let wrong = |text: String| ConfigError(vec![text]);
        let sealer = Sealer::parse(config.token_keys.expose(), parts.random.clone())
            .map_err(|error| wrong(error.to_string()))?;
        let (base_url, auth) = match (&config.firestore_emulator, &config.service_account) {
            (Some(host), _) => (format!("http://{host}/v1"), Auth::EmulatorOwner),
            (None, Some(account)) => {
                let json = service_account_json(account.expose()).map_err(wrong)?;
                let account = ServiceAccount::from_json(&json).map_err(|error| wrong(error.to_string()))?;
                (config.firestore_url.clone(), Auth::ServiceAccount(account))
            }
            (None, None) => return Err(wrong("GCP_SERVICE_ACCOUNT_JSON is not set".to_owned())),
        };
        let options = ClientOptions {
            base_url,
            project: config.firebase_project.clone(),
            database: "(default)".to_owned(),
            auth,
        };
        let db = Client::new(parts.store.clone(), parts.clock.clone(), parts.random.clone(), options);
        let store = Store::new(db);
        let mut platforms = Platforms::default();
        if let Some(x) = &config.x {
            let options = TwitterOptions {
                api_url: x.api_url.clone(),
                authorize_url: x.authorize_url.clone(),
                client_id: x.client_id.clone(),
                client_secret: x.client_secret.clone(),
            };
            platforms = platforms.with(PlatformId::Twitter, Arc::new(Twitter::new(options)));
        }
        let tokens = Tokens {
            store: store.clone(),
            platforms: platforms.clone(),
            http: parts.http.clone(),
            clock: parts.clock.clone(),
            random: parts.random.clone(),
            sealer,
        };
        let publisher = Publisher::new(PublisherParts {
            store: store.clone(),
            platforms: platforms.clone(),
            tokens: tokens.clone(),
            http: parts.http.clone(),
            media: MediaFetcher::new(parts.media, config.media_allowed_hosts.clone()),
            clock: parts.clock.clone(),
            random: parts.random.clone(),
            policy: parts.policy,
        });
        let identity = IdentityOptions {
            project: config.firebase_project.clone(),
            keys_url: config.firebase_keys_url.clone(),
            session_keys_url: config.firebase_session_keys_url.clone(),
            emulator: config.auth_emulator,
        };
        let identity = Identity::new(parts.http, parts.clock.clone(), identity);
        let inner = Inner {
            config,
            store,
            platforms,
            tokens,
            publisher,
            identity,
            clock: parts.clock,
            random: parts.random,
        };
        Ok(Self(Arc::new(inner)))
    }
}

/// The variable holds the JSON, or names the file that does. What is wrong is said without its content.
fn service_account_json(text: &str) -> Result<String, String> {
    if text.trim_start().starts_with('{') {
        return Ok(text.to_owned());
    }
    std::fs::read_to_string(text)
        .map_err(|_| "GCP_SERVICE_ACCOUNT_JSON is neither JSON nor the path of a readable file".to_owned())
}
