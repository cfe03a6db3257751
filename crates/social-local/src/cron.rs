//! Calls the publish route each minute, as Vercel Cron does: the same path, method and headers, no retry, and a
//! new call also when the last one still runs.

use std::sync::Arc;

use transport::{Clock, HttpTransport, HttpTransportOptions, Limits, SystemClock, Transport};

use crate::stack::{CRON_SECRET, next_minute};

/// Ticks at once and then at every full minute, until dropped.
pub async fn run(base_url: String) {
    let http = Arc::new(HttpTransport::new(HttpTransportOptions::default()));
    let clock = SystemClock;
    let mut ticks = tokio::task::JoinSet::new();
    loop {
        let (http, base_url) = (Arc::clone(&http), base_url.clone());
        ticks.spawn(async move {
            if let Err(error) = tick(&http, &base_url).await {
                tracing::warn!(%error, "a tick was not answered");
            }
        });
        while ticks.try_join_next().is_some() {}
        clock.sleep_until(next_minute(clock.now())).await;
    }
}

async fn tick(http: &HttpTransport, base_url: &str) -> anyhow::Result<()> {
    let mut request = http::Request::get(format!("{base_url}/api/cron/publish"))
        .header("authorization", format!("Bearer {CRON_SECRET}"))
        .header("user-agent", "vercel-cron/1.0")
        .header("x-vercel-cron-schedule", "* * * * *")
        .body(bytes::Bytes::new())?;
    let limits = Limits { timeout: std::time::Duration::from_secs(120), ..Limits::default() };
    request.extensions_mut().insert(limits);
    let answer = http.send(request).await?;
    anyhow::ensure!(answer.status().is_success(), "status {}", answer.status());
    Ok(())
}
