//! Everything X remembers, as plain structs with an index for every look-up that a call needs.
use std::collections::{BTreeMap, HashMap, VecDeque};

use axum::body::Bytes;
use chrono::{DateTime, Duration, NaiveDate, Utc};
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

use super::options::{Account, App, Options, Processing};
use super::snowflake::Snowflakes;

#[derive(Debug)]
pub(super) struct State {
    pub(super) options: Options,
    pub(super) rng: StdRng,
    pub(super) ids: Snowflakes,
    pub(super) apps: HashMap<String, AppState>,
    pub(super) users: HashMap<u64, User>,
    /// Keyed by the lower-case name.
    pub(super) user_ids: HashMap<String, u64>,
    pub(super) codes: HashMap<String, Code>,
    pub(super) access_tokens: HashMap<String, AccessToken>,
    pub(super) refresh_tokens: HashMap<String, RefreshToken>,
    pub(super) app_tokens: HashMap<String, String>,
    pub(super) posts: HashMap<u64, Post>,
    pub(super) media: HashMap<u64, Media>,
    pub(super) next_processing: VecDeque<Processing>,
    pub(super) windows: HashMap<(&'static str, Holder), Window>,
    pub(super) calls: HashMap<String, u64>,
    pub(super) spent_micro_usd: i64,
    /// Users already paid for on that day.
    pub(super) read_users: HashMap<u64, NaiveDate>,
}

#[derive(Debug)]
pub(super) struct AppState {
    pub(super) app: App,
    pub(super) enrolled: bool,
}

#[derive(Debug)]
pub(super) struct User {
    pub(super) account: Account,
    pub(super) suspended: bool,
    pub(super) refreshes: u64,
    /// Oldest first, which is also ascending.
    pub(super) posts: Vec<u64>,
    pub(super) recent_texts: HashMap<String, DateTime<Utc>>,
    /// The same, oldest first, so that forgetting costs no scan.
    pub(super) recent_order: VecDeque<(DateTime<Utc>, String)>,
}

#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) challenge: String,
    pub(super) s256: bool,
    pub(super) user: u64,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: DateTime<Utc>,
}

/// `grant` ties the tokens of one consent together.
#[derive(Clone, Debug)]
pub(super) struct AccessToken {
    pub(super) client_id: String,
    pub(super) user: u64,
    pub(super) scopes: Vec<String>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) grant: u64,
}

#[derive(Clone, Debug)]
pub(super) struct RefreshToken {
    pub(super) client_id: String,
    pub(super) user: u64,
    pub(super) scopes: Vec<String>,
    pub(super) grant: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Post {
    pub(super) id: u64,
    pub(super) author: u64,
    /// As it was sent.
    pub(super) text: String,
    /// As it reads with short links.
    pub(super) links: Vec<Link>,
    pub(super) shown: String,
    pub(super) long: bool,
    pub(super) media: Vec<u64>,
    pub(super) reply_to: Option<u64>,
    pub(super) quotes: Option<u64>,
    pub(super) conversation: u64,
    /// Lower-case names.
    pub(super) mentions: Vec<String>,
    pub(super) poll: Vec<String>,
    pub(super) made_with_ai: bool,
    pub(super) reply_settings: Option<String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) deleted: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) short: String,
    pub(super) expanded: String,
}

#[derive(Clone, Debug)]
pub(super) struct Media {
    pub(super) id: u64,
    pub(super) owners: Vec<u64>,
    pub(super) client_id: String,
    pub(super) category: String,
    pub(super) media_type: String,
    pub(super) total_bytes: u64,
    pub(super) segments: BTreeMap<u16, Bytes>,
    pub(super) content: Option<Bytes>,
    pub(super) finalized_at: Option<DateTime<Utc>>,
    pub(super) processing: Option<Processing>,
    pub(super) processing_secs: u32,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) alt_text: Option<String>,
}

/// Whose window it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Holder {
    User(u64),
    App(String),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) resets_at: DateTime<Utc>,
    pub(super) used: u32,
}

impl State {
    pub(super) fn new(options: Options, seed: u64) -> Self {
        let mut state = Self {
            rng: StdRng::seed_from_u64(seed),
            ids: Snowflakes::default(),
            apps: HashMap::new(),
            users: HashMap::new(),
            user_ids: HashMap::new(),
            codes: HashMap::new(),
            access_tokens: HashMap::new(),
            refresh_tokens: HashMap::new(),
            app_tokens: HashMap::new(),
            posts: HashMap::new(),
            media: HashMap::new(),
            next_processing: VecDeque::new(),
            windows: HashMap::new(),
            calls: HashMap::new(),
            spent_micro_usd: 0,
            read_users: HashMap::new(),
            options,
        };
        for app in state.options.apps.clone() {
            state.add_app(app);
        }
        for account in state.options.accounts.clone() {
            state.add_user(account);
        }
        state
    }

    pub(super) fn add_app(&mut self, app: App) {
        self.apps.insert(app.client_id.clone(), AppState { app, enrolled: true });
    }

    pub(super) fn add_user(&mut self, account: Account) -> u64 {
        let id = account.id.parse().unwrap_or(0);
        self.user_ids.insert(account.username.to_lowercase(), id);
        let user = User {
            account,
            suspended: false,
            refreshes: 0,
            posts: Vec::new(),
            recent_texts: HashMap::new(),
            recent_order: VecDeque::new(),
        };
        self.users.insert(id, user);
        id
    }

    pub(super) fn user_named(&self, username: &str) -> Option<&User> {
        self.users.get(self.user_ids.get(&username.to_lowercase())?)
    }

    pub(super) fn user_named_mut(&mut self, username: &str) -> Option<&mut User> {
        self.users.get_mut(self.user_ids.get(&username.to_lowercase())?)
    }

    /// Takes money from the meter; the balance may end below zero, as it does there.
    pub(super) fn charge(&mut self, micro_usd: i64) {
        self.spent_micro_usd += micro_usd;
        if let Some(balance) = &mut self.options.credits_micro_usd {
            *balance -= micro_usd;
        }
    }

    /// Letters and digits, e.g. for the end of a short link.
    pub(super) fn random_word(&mut self, length: usize) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        let mut bytes = vec![0; length];
        self.rng.fill_bytes(&mut bytes);
        bytes.iter().map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()])).collect()
    }
}

impl User {
    /// Whether the text was used within the window; forgets what is older.
    pub(super) fn said_recently(&mut self, text: &str, now: DateTime<Utc>, window: Duration) -> bool {
        while let Some((at, old)) = self.recent_order.front() {
            if *at + window > now {
                break;
            }
            if self.recent_texts.get(old) == Some(at) {
                self.recent_texts.remove(old);
            }
            self.recent_order.pop_front();
        }
        self.recent_texts.get(text).is_some_and(|at| *at + window > now)
    }

    pub(super) fn remember_text(&mut self, text: String, now: DateTime<Utc>) {
        self.recent_order.push_back((now, text.clone()));
        self.recent_texts.insert(text, now);
    }
}
