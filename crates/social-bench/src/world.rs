//! Sandbox and embedded store behind one listener on loopback, and the functions' [`App`] that reaches them over
//! real HTTP, as in production. All share this process, so their work counts in time and memory.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::Context;
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use firestore_embedded::Store as Embedded;
use firestore_rest::{
    Auth, Client, ClientOptions, DocumentPath, Fields, MAX_WRITES, Precondition, Value, Write,
};
use social_core::{
    connection::{Connection, ConnectionStatus},
    platform::{PlatformId, twitter},
    publish::{Policy, TickSummary},
    secret::Secret,
};
use social_functions::{App, Config, Parts};
use social_sandbox::{Sandbox, SandboxOptions, x};
use transport::{
    Clock, HttpTransport, HttpTransportOptions, Request, Response, SystemClock, Transport, TransportError,
};

const PROJECT: &str = "demo-bench";
const USER: &str = "ada";

pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) sandbox: Sandbox,
    pub(crate) store: Embedded,
    /// What the tick asked of the store.
    pub(crate) asked: Arc<Counted>,
    /// Where X is, e.g. `http://127.0.0.1:40001/x`.
    pub(crate) x_url: String,
    /// Access tokens, one per account.
    pub(crate) tokens: Vec<String>,
    db: Client,
}

/// Counts requests and the times somebody had to wait for the store: requests that overlap are one round trip.
#[derive(Debug)]
pub(crate) struct Counted {
    inner: HttpTransport,
    under_way: AtomicUsize,
    requests: AtomicUsize,
    round_trips: AtomicUsize,
}

impl Counted {
    fn new() -> Self {
        let inner = HttpTransport::new(HttpTransportOptions::default());
        Self {
            inner,
            under_way: AtomicUsize::new(0),
            requests: AtomicUsize::new(0),
            round_trips: AtomicUsize::new(0),
        }
    }

    /// Requests and round trips so far.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.requests.load(Ordering::SeqCst), self.round_trips.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl Transport for Counted {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        self.requests.fetch_add(1, Ordering::SeqCst);
        if self.under_way.fetch_add(1, Ordering::SeqCst) == 0 {
            self.round_trips.fetch_add(1, Ordering::SeqCst);
        }
        let answer = self.inner.send(request).await;
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        answer
    }
}

impl World {
    /// As many connected accounts, each in its own profile, and nothing scheduled.
    pub(crate) async fn start(
        accounts: usize,
        latency_ms: u32,
        calls: Option<usize>,
    ) -> anyhow::Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let base_url = format!("http://{address}");
        let x = x::Options {
            latency: TimeDelta::milliseconds(i64::from(latency_ms)),
            user_post_limit: u32::MAX,
            app_post_limit: u32::MAX,
            ..x::Options::default()
        };
        let sandbox =
            Sandbox::new(SandboxOptions { public_url: base_url.clone(), x, ..SandboxOptions::default() });
        let store = Embedded::new();
        let router = store.router().merge(sandbox.router());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let config = config(&base_url, &address.to_string())?;
        let asked = Arc::new(Counted::new());
        let mut parts = Parts { store: asked.clone(), ..Parts::real(&config) };
        if let Some(calls) = calls {
            parts.policy.calls = calls;
        }
        let options = ClientOptions {
            base_url: format!("{base_url}/v1"),
            project: PROJECT.to_owned(),
            database: "(default)".to_owned(),
            auth: Auth::EmulatorOwner,
        };
        let db = Client::new(parts.http.clone(), parts.clock.clone(), parts.random.clone(), options);
        let app = App::build(config, parts)?;
        let x_url = format!("{base_url}/x");
        let mut world = Self { app, sandbox, store, asked, x_url, tokens: Vec::new(), db };
        world.connect(accounts).await?;
        Ok(world)
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.app.publisher.policy
    }

    pub(crate) async fn tick(&self) -> anyhow::Result<TickSummary> {
        self.app.publisher.tick().await.context("the tick could not read the store")
    }

    /// Profiles with a connection each, without the dance.
    async fn connect(&mut self, accounts: usize) -> anyhow::Result<()> {
        let ids: Vec<String> = (0..accounts).map(profile_id).collect();
        let profile = |id: &String| {
            let fields = Fields::from([("userId".to_owned(), Value::from(USER))]);
            Ok(Write::replace(DocumentPath::new("profiles", id)?, fields, Precondition::Exists(false)))
        };
        self.write(ids.iter().map(profile).collect::<anyhow::Result<_>>()?).await?;
        let profiles = self.app.store.profiles(&ids).await?;
        for (index, id) in ids.iter().enumerate() {
            let username = format!("account{index}");
            let account_id = self.sandbox.x_admin().add_account(&username, &username);
            let (access, refresh, expires_at) =
                self.sandbox.x_admin().issue_tokens(&username, twitter::SCOPES);
            let seal = |secret: &str, field: &str| {
                let place = Connection::place(id, PlatformId::Twitter, field);
                self.app.tokens.sealer.seal(&Secret::new(secret), &place)
            };
            let connection = Connection {
                access_token: seal(&access, "access"),
                refresh_token: Some(seal(&refresh, "refresh")),
                expires_at: expires_at.timestamp_millis(),
                account_id,
                display_name: username.clone(),
                username,
                avatar_url: None,
                scopes: twitter::SCOPES.iter().map(|scope| (*scope).to_owned()).collect(),
                tier: None,
                connected_at: SystemClock.now(),
                status: ConnectionStatus::Active,
                reason: None,
                refresh_lease: None,
                refresh_refusals: 0,
            };
            let version = &profiles.get(id).context("a profile is missing")?.version;
            self.app.store.save_connection(id, PlatformId::Twitter, Some(&connection), version).await?;
            self.tokens.push(access);
        }
        Ok(())
    }

    /// Scheduled text posts `from..to`, dealt to the accounts in turn.
    pub(crate) async fn schedule(
        &self,
        from: usize,
        to: usize,
        at: impl Fn(usize) -> DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let mut next = from;
        while next < to {
            let end = to.min(next + MAX_WRITES);
            let posts = (next..end).map(|index| self.post(index, at(index)));
            self.write(posts.collect::<anyhow::Result<_>>()?).await?;
            next = end;
        }
        Ok(())
    }

    /// As the web app writes it.
    fn post(&self, index: usize, at: DateTime<Utc>) -> anyhow::Result<Write> {
        let profile = profile_id(index % self.tokens.len());
        let fields = Fields::from([
            ("profileId".to_owned(), Value::from(profile.as_str())),
            ("userId".to_owned(), Value::from(USER)),
            ("content".to_owned(), Value::from(text("scheduled", index).as_str())),
            ("status".to_owned(), Value::from("scheduled")),
            ("platforms".to_owned(), Value::Array(vec![Value::from("twitter")])),
            ("media".to_owned(), Value::Array(Vec::new())),
            ("scheduledTime".to_owned(), Value::Timestamp(at)),
        ]);
        let path = DocumentPath::new("posts", format!("post_{index:08}"))?;
        Ok(Write::replace(path, fields, Precondition::Exists(false)))
    }

    async fn write(&self, writes: Vec<Write>) -> anyhow::Result<()> {
        for result in self.db.batch_write(writes).await? {
            result?;
        }
        Ok(())
    }
}

/// Different for each index, and as long as posts are.
pub(crate) fn text(kind: &str, index: usize) -> String {
    format!(
        "A {kind} word number {index} from the corner café: fresh beans, open from seven, come by before noon."
    )
}

/// Far enough for no tick to care, a second apart.
pub(crate) fn days_ahead(index: usize) -> DateTime<Utc> {
    let seconds = i64::try_from(index).unwrap_or(i64::MAX);
    SystemClock.now() + TimeDelta::days(2) + TimeDelta::seconds(seconds)
}

fn profile_id(index: usize) -> String {
    format!("profile_{index}")
}

fn config(base_url: &str, address: &str) -> anyhow::Result<Config> {
    let values = [
        ("PUBLIC_URL", base_url.to_owned()),
        ("APP_ORIGINS", base_url.to_owned()),
        ("CRON_SECRET", "bench-cron-secret-0123456789".to_owned()),
        ("TOKEN_KEYS", "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()),
        ("FIREBASE_PROJECT_ID", PROJECT.to_owned()),
        ("FIRESTORE_EMULATOR_HOST", address.to_owned()),
        ("X_CLIENT_ID", "sandbox-x-client".to_owned()),
        ("X_CLIENT_SECRET", "sandbox-x-secret".to_owned()),
        ("X_API_URL", format!("{base_url}/x")),
    ];
    let lookup = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
    Ok(Config::from_lookup(lookup)?)
}
