//! The API's answers to good and bad requests.

use bytes::Bytes;
use chrono::TimeDelta;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use social_core::post::Status;

use crate::world::{PROFILE, USER, World};

#[tokio::test(start_paused = true)]
async fn a_post_is_checked_when_it_is_scheduled() {
    let world = World::connected().await;
    let process = world.process();
    let bearer = format!("Bearer {}", world.token(USER));
    let headers = [("authorization", bearer.as_str())];
    let at = (world.clock.now() + TimeDelta::hours(1)).to_rfc3339();
    let post = |fields: Value| {
        let mut body =
            json!({"profileId": PROFILE, "content": "Hello", "platforms": ["x"], "scheduledTime": at});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        body
    };
    for (name, body, status, code) in [
        ("empty", post(json!({"content": " "})), 422, "x.empty"),
        ("too long", post(json!({"content": "春".repeat(141)})), 422, "x.text_too_long"),
        ("no platform", post(json!({"platforms": []})), 422, "post.unreadable"),
        ("unknown platform", post(json!({"platforms": ["myspace"]})), 422, "post.unreadable"),
        ("not set up", post(json!({"platforms": ["tiktok"]})), 422, "platform.unavailable"),
        ("option", post(json!({"options": {"twitter": {"poll": 1}}})), 422, "x.unknown_option"),
        ("no time", post(json!({"scheduledTime": null})), 400, "scheduled_time.required"),
        ("naive time", post(json!({"scheduledTime": "2026-11-24T10:00:00"})), 400, "scheduled_time.invalid"),
        ("no such field", post(json!({"contents": "x"})), 400, "body.unknown_field"),
        ("foreign profile", post(json!({"profileId": "nope"})), 404, "profile.not_found"),
        ("not an object", json!([]), 400, "body.not_json"),
    ] {
        let (given, body, _) = process.ask(Method::POST, "/api/posts", &headers, body).await;
        let found = body["violations"][0]["code"].as_str().or(body["code"].as_str());
        assert_eq!((given.as_u16(), found), (status, Some(code)), "{name}: {body}");
        assert!(body["action"].as_str().is_some_and(|action| !action.is_empty()), "{name}: {body}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_schedules_once() {
    let world = World::connected().await;
    let process = world.process();
    let bearer = format!("Bearer {}", world.token(USER));
    let headers = [("authorization", bearer.as_str()), ("idempotency-key", "k-1")];
    let at = (world.clock.now() + TimeDelta::hours(1)).to_rfc3339();
    let body = json!({"profileId": PROFILE, "content": "Hello", "platforms": ["x"], "scheduledTime": at});
    let (first, one, _) = process.ask(Method::POST, "/api/posts", &headers, body.clone()).await;
    let (second, two, _) = process.ask(Method::POST, "/api/posts", &headers, body.clone()).await;
    assert_eq!((first, second), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(one["id"], two["id"]);
    let mut other = body;
    other["content"] = json!("Something else");
    let (third, three, _) = process.ask(Method::POST, "/api/posts", &headers, other).await;
    assert_eq!((third, &three["code"]), (StatusCode::CONFLICT, &json!("idempotency.reused")));
}

/// The next minute's tick would be late for it, so it is begun right after the answer.
#[tokio::test(start_paused = true)]
async fn a_post_due_in_seconds_goes_out_on_the_second() {
    let world = World::connected().await;
    let process = world.process();
    let bearer = format!("Bearer {}", world.token(USER));
    let at = world.clock.now() + TimeDelta::seconds(8);
    let body = json!({"profileId": PROFILE, "content": "Now", "platforms": ["x"], "scheduledTime": at.timestamp_millis()});
    let (_, created, _) = process.ask(Method::POST, "/api/posts", &[("authorization", &bearer)], body).await;
    world.wait(12).await;
    let post = world.post(created["id"].as_str().unwrap()).await;
    assert_eq!(post.status, Status::Published);
    let timeline = world.sandbox.x().timeline("acme");
    assert!(timeline[0].created_at >= at && timeline[0].created_at < at + TimeDelta::seconds(1));
}

#[tokio::test(start_paused = true)]
async fn every_route_minds_method_length_and_secret() {
    let world = World::connected().await;
    let process = world.process();
    for path in ["/api/cron/publish", "/api/posts", "/api/connections", "/api/auth/x", "/api/posts/a"] {
        let (status, body, headers) = process.ask(Method::PUT, path, &[], Value::Null).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}: {body}");
        assert!(headers.contains_key("allow"));
        assert_eq!(headers["cache-control"], "no-store");
    }
    for bearer in ["", "Bearer ", "Bearer wrong", "Basic x"] {
        let (status, ..) =
            process.ask(Method::GET, "/api/cron/publish", &[("authorization", bearer)], Value::Null).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{bearer:?}");
    }
    assert_eq!(process.cron().await.0, StatusCode::OK);
    let long = Bytes::from(vec![b' '; 300 * 1024]);
    let (status, ..) = process.ask_raw(Method::POST, "/api/posts", &[], long).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test(start_paused = true)]
async fn only_the_app_s_origins_are_let_in() {
    let world = World::connected().await;
    let process = world.process();
    let origin = |origin: &'static str| [("origin", origin)];
    let (status, _, headers) =
        process.ask(Method::OPTIONS, "/api/posts", &origin("https://app.test"), Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(headers["access-control-allow-origin"], "https://app.test");
    let (_, _, headers) =
        process.ask(Method::OPTIONS, "/api/posts", &origin("https://evil.test"), Value::Null).await;
    assert!(!headers.contains_key("access-control-allow-origin"));
}

/// Another's post looks like none.
#[tokio::test(start_paused = true)]
async fn a_post_is_its_owner_s_business() {
    let world = World::connected().await;
    world.write_post("a", "Mine", false, world.clock.now() + TimeDelta::hours(1)).await;
    let process = world.process();
    for (uid, expected) in [(USER, 200), ("mallory", 404)] {
        let bearer = format!("Bearer {}", world.token(uid));
        let (status, body, _) =
            process.ask(Method::GET, "/api/posts/a", &[("authorization", &bearer)], Value::Null).await;
        assert_eq!(status.as_u16(), expected, "{uid}: {body}");
    }
}
