//! Many overdue posts, one tick. The limit is a bare client that posts as many texts to the same platform.

use std::time::Instant;

use anyhow::Context;
use chrono::TimeDelta;
use transport::{Clock, SystemClock};

use crate::{client, figure::Figure, options::Options, world::World};

pub(crate) async fn run(options: &Options) -> anyhow::Result<Vec<Figure>> {
    let posts = options.posts.unwrap_or(10_000);
    let latency_ms = options.latency_ms.unwrap_or(100);
    let world = World::start(options.accounts.unwrap_or(500), latency_ms, options.calls).await?;
    let due = SystemClock.now() - TimeDelta::minutes(1);
    world.schedule(0, posts, |_| due).await?;

    let first = client::post_all(&world, "first bare", posts).await?;
    let before = world.store.metrics();
    let began = Instant::now();
    let summary = world.tick().await?;
    let took = began.elapsed();
    let after = world.store.metrics();
    let peak = peak_memory_mib()?;
    anyhow::ensure!(usize::try_from(summary.published)? == posts, "not all went out: {summary:?}");
    // Once before and once after, and the better one counts: what else the machine does must not flatter us.
    let last = client::post_all(&world, "last bare", posts).await?;

    let requests = after.requests.values().sum::<u64>() - before.requests.values().sum::<u64>();
    let writes = after.document_writes - before.document_writes;
    let count = posts as f64;
    Ok(vec![
        Figure::new("posts_per_s", count / took.as_secs_f64(), "posts/s")
            .against(count / first.min(last).as_secs_f64()),
        Figure::new("firestore_requests_per_post", requests as f64 / count, ""),
        Figure::new("writes_per_post", writes as f64 / count, ""),
        Figure::new("peak_memory_mib", peak, "MiB"),
    ])
}

/// The most this process had resident so far, sandbox and store included.
fn peak_memory_mib() -> anyhow::Result<f64> {
    let status =
        std::fs::read_to_string("/proc/self/status").context("this system has no /proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024.0)
}
