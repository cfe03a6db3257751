//! The platform's side: what its staff, its billing and its users do outside the API.
use chrono::{DateTime, Utc};

use super::X;
use super::options::{Account, App, Options, Processing};
use super::tokens;

/// Changes the state directly. Unknown names are ignored.
#[derive(Clone, Debug)]
pub struct Admin {
    x: X,
}

impl Admin {
    pub(super) fn new(x: X) -> Self {
        Self { x }
    }

    /// A new account without a subscription; answers its id. An account of that name is kept as it is.
    pub fn add_account(&self, username: &str, name: &str) -> String {
        self.x.with(|state, now| {
            if let Some(user) = state.user_named(username) {
                return user.account.id.clone();
            }
            let id = state.ids.next(now).to_string();
            state.add_user(Account::new(&id, username, name));
            id
        })
    }

    /// Changes the account in place, e.g. its subscription or its name.
    pub fn edit_account(&self, username: &str, edit: impl FnOnce(&mut Account)) {
        self.x.with(|state, _| {
            let Some(user) = state.user_named_mut(username) else { return };
            edit(&mut user.account);
            let (name, id) = (user.account.username.to_lowercase(), user.account.id.parse().unwrap_or(0));
            state.user_ids.remove(&username.to_lowercase());
            state.user_ids.insert(name, id);
        });
    }

    /// Tokens for the first app, without the consent page: access token, refresh token (empty without
    /// `offline.access`) and when the access token expires. No such account: it is added.
    pub fn issue_tokens(&self, username: &str, scopes: &[&str]) -> (String, String, DateTime<Utc>) {
        self.add_account(username, username);
        self.x.with(|state, now| {
            let client_id = state.options.apps.first().map_or_else(String::new, |app| app.client_id.clone());
            let user = state.user_ids.get(&username.to_lowercase()).copied().unwrap_or(0);
            let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
            let grant = state.ids.next(now);
            let issued = tokens::issue(state, now, &client_id, user, scopes, grant);
            (issued.access, issued.refresh.unwrap_or_default(), issued.expires_at)
        })
    }

    pub fn expire_access_token(&self, access: &str) {
        self.x.with(|state, now| {
            if let Some(token) = state.access_tokens.get_mut(access) {
                token.expires_at = now;
            }
        });
    }

    /// The user removes the app in its settings: every token of the account is dead.
    pub fn disconnect(&self, username: &str) {
        self.x.with(|state, _| {
            let Some(id) = state.user_ids.get(&username.to_lowercase()).copied() else { return };
            state.access_tokens.retain(|_, token| token.user != id);
            state.refresh_tokens.retain(|_, token| token.user != id);
        });
    }

    pub fn suspend(&self, username: &str) {
        self.set_suspended(username, true);
    }

    pub fn unsuspend(&self, username: &str) {
        self.set_suspended(username, false);
    }

    fn set_suspended(&self, username: &str, suspended: bool) {
        self.x.with(|state, _| {
            if let Some(user) = state.user_named_mut(username) {
                user.suspended = suspended;
            }
        });
    }

    /// The developer's balance in millionths of a dollar; `None` never runs out.
    pub fn set_credits(&self, micro_usd: Option<i64>) {
        self.configure(|options| options.credits_micro_usd = micro_usd);
    }

    pub fn add_app(&self, app: App) {
        self.x.with(|state, _| {
            state.options.apps.push(app.clone());
            state.add_app(app);
        });
    }

    pub fn add_redirect_uri(&self, client_id: &str, redirect_uri: &str) {
        self.x.with(|state, _| {
            if let Some(state) = state.apps.get_mut(client_id) {
                state.app.redirect_uris.push(redirect_uri.to_owned());
            }
        });
    }

    /// Whether the app is attached to a project; without, every call is refused.
    pub fn set_enrolled(&self, client_id: &str, enrolled: bool) {
        self.x.with(|state, _| {
            if let Some(app) = state.apps.get_mut(client_id) {
                app.enrolled = enrolled;
            }
        });
    }

    /// How the next FINALIZE of a video or GIF turns out; several calls queue up.
    pub fn next_processing(&self, processing: Processing) {
        self.x.with(|state, _| state.next_processing.push_back(processing));
    }

    /// Changes switches while running. Apps and accounts have methods of their own.
    pub fn configure(&self, change: impl FnOnce(&mut Options)) {
        self.x.with(|state, _| change(&mut state.options));
    }
}
