//! Many posts due the same second, found a few seconds before. The limit is a bare client that starts to post on
//! a second.

use chrono::{DateTime, TimeDelta, Utc};
use transport::{Clock, SystemClock};

use crate::{
    client,
    figure::{Figure, percentile},
    options::Options,
    world::World,
};

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let posts = options.posts.unwrap_or(1_000);
    let world = World::start(options.accounts.unwrap_or(50), 0, options.calls).await?;
    let due = full_second(i64::from(options.lead_secs.unwrap_or(8)));
    world.schedule(0, posts, |_| due).await?;
    let summary = world.tick().await?;
    let mut ours = lateness(&world, "A scheduled", due);
    anyhow::ensure!(ours.len() == posts, "{} of {posts} went out: {summary:?}", ours.len());

    let due = full_second(1);
    SystemClock.sleep_until(due).await;
    client::post_all(&world, "bare", posts).await?;
    let mut bare = lateness(&world, "A bare", due);

    let early = ours.iter().filter(|ms| **ms < 0.0).count();
    let mut figure = |name, share| {
        Figure::new(name, percentile(&mut ours, share), "ms").against(percentile(&mut bare, share))
    };
    Ok(vec![
        figure("lateness_p50_ms", 0.5),
        figure("lateness_p99_ms", 0.99),
        figure("lateness_max_ms", 1.0),
        Figure::new("early", early as f64, ""),
    ])
}

/// When the platform made the posts, against when they were due, in milliseconds.
fn lateness(world: &World, beginning: &str, due: DateTime<Utc>) -> Vec<f64> {
    let posts = world.sandbox.x().all_posts();
    let posts = posts.iter().filter(|post| post.text.starts_with(beginning));
    posts
        .map(|post| (post.created_at - due).num_microseconds().unwrap_or(i64::MAX) as f64 / 1_000.0)
        .collect()
}

fn full_second(ahead: i64) -> DateTime<Utc> {
    let at = SystemClock.now() + TimeDelta::seconds(ahead);
    DateTime::from_timestamp(at.timestamp() + 1, 0).unwrap_or(at)
}
