//! The built publish function, started as the platform starts it, against the sandbox and the emulator: one
//! scheduled post goes out once. `PUBLISH_BINARY` names the binary (`tools/vercel/check.sh` builds it);
//! `FIRESTORE_EMULATOR_HOST` a Firestore emulator, without it the embedded store serves.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use chrono::TimeDelta;
use serde_json::json;
use social_core::{
    platform::PlatformId,
    post::{Content, Status},
    store::{Found, NewPost},
};
use social_local::stack::{CRON_SECRET, PROFILE, PROJECT, Stack, StackOptions, USER};
use transport::{Clock, HttpTransport, HttpTransportOptions, Limits, SystemClock, Transport};

struct Function(Child);

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn the_built_function_publishes_a_post_once() {
    let (binary, emulator) = environment();
    let Some(binary) = binary else {
        println!("skipped: PUBLISH_BINARY does not name a built publish function");
        return;
    };
    let options = StackOptions { firestore_emulator: emulator };
    let (stack, listener) = Stack::bind(0, options).await.unwrap();
    let serving = tokio::spawn(stack.clone().serve(listener, std::future::pending()));
    stack.seed().await.unwrap();
    social_local::demo::connect(&stack).await.unwrap();

    let clock = SystemClock;
    let id = format!("deployed-{}", clock.now().timestamp_millis());
    let text = format!("From the built function, {id}");
    let content: Content =
        serde_json::from_value(json!({"content": text, "platforms": ["twitter"]})).unwrap();
    let scheduled_at = clock.now() + TimeDelta::seconds(6);
    let post = NewPost {
        id: id.clone(),
        profile_id: PROFILE.to_owned(),
        user_id: USER.to_owned(),
        content,
        scheduled_at,
    };
    stack.app.store.create_post(&post).await.unwrap();

    let port = free_port();
    let _function = start(&binary, port, &stack);
    let http = HttpTransport::new(HttpTransportOptions::default());
    let tick = || {
        let mut request = http::Request::get(format!("http://127.0.0.1:{port}/api/cron/publish"))
            .header("authorization", format!("Bearer {CRON_SECRET}"))
            .header("user-agent", "vercel-cron/1.0")
            .body(bytes::Bytes::new())
            .unwrap();
        request.extensions_mut().insert(Limits { timeout: Duration::from_secs(100), ..Limits::default() });
        request
    };
    let mut first = http.send(tick()).await;
    for _ in 0..50 {
        if first.is_ok() {
            break;
        }
        clock.sleep(Duration::from_millis(100)).await;
        first = http.send(tick()).await;
    }
    let answer = first.unwrap();
    assert!(answer.status().is_success(), "{}", String::from_utf8_lossy(answer.body()));
    // A second tick finds nothing left.
    assert!(http.send(tick()).await.unwrap().status().is_success());

    let Some(Found::Post(post)) = stack.app.store.post(&id).await.unwrap() else { panic!("no post") };
    assert_eq!(post.status, Status::Published, "{post:?}");
    let seen: Vec<_> =
        stack.sandbox.x().timeline("acme").into_iter().filter(|post| post.text == text).collect();
    assert_eq!(seen.len(), 1);
    assert!(seen[0].created_at >= scheduled_at);
    println!("lateness of the built function: {:?} ms", post.deliveries[&PlatformId::Twitter].lateness_ms);
    serving.abort();
}

#[expect(clippy::disallowed_methods, reason = "a test that is told what to test")]
fn environment() -> (Option<String>, Option<String>) {
    let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let binary = get("PUBLISH_BINARY");
    assert!(binary.is_some() || get("REQUIRE_DEPLOYED").is_none(), "PUBLISH_BINARY is not set");
    (binary, get("FIRESTORE_EMULATOR_HOST"))
}

fn start(binary: &str, port: u16, stack: &Stack) -> Function {
    let config = &stack.app.config;
    let x = config.x.as_ref().unwrap();
    let child = Command::new(binary)
        .env_clear()
        .env("VERCEL_DEV_PORT", port.to_string())
        .env("PUBLIC_URL", &config.public_url)
        .env("APP_ORIGINS", config.app_origins.join(","))
        .env("CRON_SECRET", CRON_SECRET)
        .env("TOKEN_KEYS", config.token_keys.expose())
        .env("FIREBASE_PROJECT_ID", PROJECT)
        .env("FIRESTORE_EMULATOR_HOST", config.firestore_emulator.as_deref().unwrap())
        .env("X_CLIENT_ID", &x.client_id)
        .env("X_CLIENT_SECRET", x.client_secret.expose())
        .env("X_API_URL", &x.api_url)
        .env("X_AUTHORIZE_URL", &x.authorize_url)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    Function(child)
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
