//! X (Twitter) API v2 as documented in the summer of 2026: OAuth 2.0 with PKCE, posts, media, reads.
//!
//! Sources: docs.x.com (pages of 2026-05 to 2026-08) and the OpenAPI file 2.167. Where they are silent,
//! the stricter reading is taken and [`Options`] holds a switch.

mod admin;
mod call;
mod consent;
mod limits;
mod media;
mod oauth;
mod options;
mod posts;
mod problem;
mod reads;
mod schema;
mod snowflake;
mod state;
mod text;
mod tlds;
mod tokens;
mod upload;
mod view;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{any, get, post};
use chrono::{DateTime, Utc};
use serde_json::json;

use crate::answer::Answer;
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
}

/// Every path with and without a slash at its end, as the live service takes them.
pub(crate) fn router(x: X) -> Router {
    let routes = [
        ("/i/oauth2/authorize", get(consent::page).post(consent::decide)),
        ("/oauth2/token", post(oauth::app_token)),
        ("/2/oauth2/token", post(oauth::token)),
        ("/2/oauth2/revoke", post(oauth::revoke)),
        ("/2/users/me", get(reads::me)),
        ("/2/users/{id}/tweets", get(reads::timeline)),
        ("/2/tweets", post(posts::create)),
        ("/2/tweets/{id}", get(reads::post).delete(posts::delete)),
        ("/2/media/upload", post(upload::one_shot).get(upload::status)),
        ("/2/media/upload/initialize", post(upload::initialize)),
        ("/2/media/upload/{id}/append", post(upload::append)),
        ("/2/media/upload/{id}/finalize", post(upload::finalize)),
        ("/2/media/metadata", post(upload::metadata)),
        ("/audience/{username}", get(reads::audience)),
        // The v1.1 upload is gone; whoever still calls it should notice.
        ("/1.1/{*rest}", any(|| async { Answer::empty(410) })),
    ];
    let mut router = Router::new();
    for (path, methods) in routes {
        if !path.contains('*') {
            router = router.route(&format!("{path}/"), methods.clone());
        }
        router = router.route(path, methods);
    }
    let missing = json!({"title": "Not Found", "detail": "Not Found", "type": "about:blank", "status": 404});
    router
        .fallback(move || async move { Answer::json(404, &missing) })
        .layer(DefaultBodyLimit::disable())
        .with_state(x)
}

/// The words of the audience for a media category.
fn media_kind(category: &str) -> &'static str {
    match category {
        "tweet_gif" => "animated_gif",
        "tweet_video" | "amplify_video" => "video",
        _ => "photo",
    }
}
