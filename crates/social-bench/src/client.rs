//! The limit: a client with no store, no fence and no record, that only posts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use transport::{HttpTransport, HttpTransportOptions, Transport};

use crate::world::{World, text};

/// Posts `count` different texts, as many at once as the engine would; how long it took.
pub(crate) async fn post_all(world: &World, kind: &'static str, count: usize) -> anyhow::Result<Duration> {
    let http = Arc::new(HttpTransport::new(HttpTransportOptions::default()));
    let next = Arc::new(AtomicUsize::new(0));
    let url = Arc::new(format!("{}/2/tweets", world.x_url));
    let tokens = Arc::new(world.tokens.clone());
    let began = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..world.policy().calls.min(count) {
        let (http, next, url, tokens) = (http.clone(), next.clone(), url.clone(), tokens.clone());
        tasks.spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::SeqCst);
                if index >= count {
                    return Ok(());
                }
                let body = serde_json::json!({"text": text(kind, index)}).to_string();
                let request = http::Request::post(url.as_str())
                    .header("authorization", format!("Bearer {}", tokens[index % tokens.len()]))
                    .header("content-type", "application/json")
                    .body(Bytes::from(body))?;
                let answer = http.send(request).await?;
                let status = answer.status();
                anyhow::ensure!(status.as_u16() == 201, "the sandbox answered {status}");
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(began.elapsed())
}
