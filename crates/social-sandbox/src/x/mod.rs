//! X (Twitter) API v2 as documented in the summer of 2026: OAuth 2.0 with PKCE, posts, media, reads.
//!
//! Sources: docs.x.com (pages of 2026-05 to 2026-08) and the OpenAPI file 2.167. Where they are silent,
//! the stricter reading is taken and [`Options`] holds a switch.

mod admin;
mod options;
mod snowflake;
mod state;
mod tokens;
mod view;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use chrono::{DateTime, Utc};

use crate::clock::Clock;
use crate::faults::Faults;
use state::State;

pub use admin::Admin;
pub use options::{Account, App, Options, Processing, Subscription};
pub use view::{AudienceMedia, AudiencePost, View};

/// The platform: its state behind one lock that is never held across an await.
#[derive(Clone, Debug)]
pub(crate) struct X {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    faults: Faults,
    public_url: String,
    state: Mutex<State>,
}

impl X {
    pub(crate) fn new(options: Options, seed: u64, public_url: &str, clock: Clock, faults: Faults) -> Self {
        let public_url = public_url.trim_end_matches('/').to_owned();
        let state = Mutex::new(State::new(options, seed));
        Self { shared: Arc::new(Shared { clock, faults, public_url, state }) }
    }

    pub(crate) fn view(&self) -> View {
        View::new(self.clone())
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::new(self.clone())
    }

    /// Runs one short piece of work on the state, at one instant.
    fn with<R>(&self, work: impl FnOnce(&mut State, DateTime<Utc>) -> R) -> R {
        let now = self.shared.clock.now();
        work(&mut self.shared.state.lock().unwrap_or_else(PoisonError::into_inner), now)
    }

    fn now(&self) -> DateTime<Utc> {
        self.shared.clock.now()
    }
}

pub(crate) fn router(x: X) -> Router {
    Router::new().with_state(x)
}

/// The words of the audience for a media category.
fn media_kind(category: &str) -> &'static str {
    match category {
        "tweet_gif" => "animated_gif",
        "tweet_video" | "amplify_video" => "video",
        _ => "photo",
    }
}
