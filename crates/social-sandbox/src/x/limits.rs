//! Rate windows and prices. Sources: docs.x.com rate limits (2026-07-24) and pricing (2026-08-13).
use chrono::{DateTime, Duration, Utc};

use super::options::Options;
use super::state::{Holder, State, Window};
use crate::answer::Answer;

pub(super) const POST_MICRO_USD: i64 = 15_000;
pub(super) const POST_WITH_URL_MICRO_USD: i64 = 200_000;
pub(super) const SUMMONED_REPLY_MICRO_USD: i64 = 10_000;
pub(super) const DELETE_MICRO_USD: i64 = 10_000;
pub(super) const METADATA_MICRO_USD: i64 = 5_000;
pub(super) const POST_READ_MICRO_USD: i64 = 5_000;
pub(super) const USER_READ_MICRO_USD: i64 = 10_000;

const QUARTER_HOUR_SECS: i64 = 15 * 60;
const DAY_SECS: i64 = 24 * 60 * 60;

/// Calls per user in 15 minutes, and calls per app with the length of their window.
#[derive(Clone, Copy, Debug)]
struct Limit {
    user: u32,
    app: Option<(u32, i64)>,
}

fn limit_of(operation: &str, options: &Options) -> Limit {
    let (user, app) = match operation {
        "x.posts.create" => (options.user_post_limit, Some((options.app_post_limit, DAY_SECS))),
        "x.posts.delete" => (50, None),
        "x.users.me" => (75, None),
        "x.timeline" | "x.posts.get" => (900, Some((10_000, QUARTER_HOUR_SECS))),
        "x.media.upload" | "x.media.metadata" => (500, Some((50_000, DAY_SECS))),
        "x.media.status" => (1_000, Some((100_000, DAY_SECS))),
        _ => (1_875, Some((180_000, DAY_SECS))),
    };
    Limit { user, app }
}

/// The header groups of one answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct RateHeaders {
    user: Group,
    daily: Option<Group>,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    limit: u32,
    remaining: u32,
    reset: i64,
}

impl RateHeaders {
    pub(super) fn exhausted(operation: &str, reset: DateTime<Utc>, options: &Options) -> Self {
        let limit = limit_of(operation, options).user;
        Self { user: Group { limit, remaining: 0, reset: reset.timestamp() }, daily: None }
    }

    pub(super) fn apply(&self, answer: Answer) -> Answer {
        let answer = answer
            .header("x-rate-limit-limit", self.user.limit)
            .header("x-rate-limit-remaining", self.user.remaining)
            .header("x-rate-limit-reset", self.user.reset);
        let Some(daily) = &self.daily else { return answer };
        // A user alone may use up what the app has in a day, so its group has the same numbers.
        answer
            .header("x-app-limit-24hour-limit", daily.limit)
            .header("x-app-limit-24hour-remaining", daily.remaining)
            .header("x-app-limit-24hour-reset", daily.reset)
            .header("x-user-limit-24hour-limit", daily.limit)
            .header("x-user-limit-24hour-remaining", daily.remaining)
            .header("x-user-limit-24hour-reset", daily.reset)
    }
}

impl State {
    /// The headers as they stand, with nothing counted.
    pub(super) fn peek(
        &self,
        operation: &'static str,
        user: u64,
        app: &str,
        now: DateTime<Utc>,
    ) -> RateHeaders {
        let limit = limit_of(operation, &self.options);
        let group = |holder: Holder, limit: u32, secs: i64| {
            let window = self.windows.get(&(operation, holder)).filter(|window| window.resets_at > now);
            let (used, resets_at) =
                window.map_or((0, now + Duration::seconds(secs)), |window| (window.used, window.resets_at));
            Group { limit, remaining: limit.saturating_sub(used), reset: resets_at.timestamp() }
        };
        let daily = limit.app.filter(|(_, secs)| *secs == DAY_SECS && self.options.daily_limit_headers);
        RateHeaders {
            user: group(Holder::User(user), limit.user, QUARTER_HOUR_SECS),
            daily: daily.map(|(limit, secs)| group(Holder::App(app.to_owned()), limit, secs)),
        }
    }

    /// Counts one call; `false` when a window is full, and then nothing is counted.
    pub(super) fn count(
        &mut self,
        operation: &'static str,
        user: u64,
        app: &str,
        now: DateTime<Utc>,
    ) -> bool {
        let limit = limit_of(operation, &self.options);
        let mut windows = vec![((operation, Holder::User(user)), limit.user, QUARTER_HOUR_SECS)];
        if let Some((limit, secs)) = limit.app {
            windows.push(((operation, Holder::App(app.to_owned())), limit, secs));
        }
        let full = |(key, limit, _): &((&'static str, Holder), u32, i64)| {
            self.windows
                .get(key)
                .map_or(*limit == 0, |window| window.resets_at > now && window.used >= *limit)
        };
        if windows.iter().any(full) {
            return false;
        }
        for (key, _, secs) in windows {
            let fresh = Window { resets_at: now + Duration::seconds(secs), used: 0 };
            let window = self.windows.entry(key).or_insert(fresh);
            if window.resets_at <= now {
                *window = fresh;
            }
            window.used += 1;
        }
        true
    }
}
