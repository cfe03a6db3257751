//! Publishing as its author sees it.

use chrono::TimeDelta;
use http::Method;
use serde_json::{Value, json};
use social_core::{
    platform::PlatformId,
    post::Status,
    publish::{Policy, State},
};
use social_sandbox::{Fault, FaultAction};

use crate::world::World;

fn delivery(post: &social_core::post::Post) -> &social_core::publish::Delivery {
    &post.deliveries[&PlatformId::Twitter]
}

fn code(post: &social_core::post::Post) -> String {
    delivery(post).error.as_ref().map(|problem| problem.code.clone()).unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn two_ticks_at_once_publish_200_posts_once_each() {
    let world = World::connected().await;
    world.sandbox.x_admin().configure(|options| options.user_post_limit = 1_000);
    let due = world.clock.now() + TimeDelta::seconds(20);
    for n in 0..200 {
        world.write_post(&format!("n{n}"), &format!("Post number {n}"), false, due).await;
    }
    let (one, two) = (world.process(), world.process());
    let (one, two) = tokio::join!(one.tick(), two.tick());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.published + two.published, 200, "{one:?} {two:?}");
    assert_eq!(world.sandbox.x().calls("x.posts.create"), 200);
    let mut texts = world.texts();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), 200);
}

#[tokio::test(start_paused = true)]
async fn an_edit_between_staging_and_the_fence_is_honoured() {
    let world = World::connected().await;
    let due = world.clock.now() + TimeDelta::minutes(5);
    world.write_post("a", "First words", true, due).await;
    world.process().tick().await;
    assert_eq!(delivery(&world.post("a").await).state_name(), "staged");
    assert_eq!(world.post("a").await.status, Status::Scheduled);
    world.write("posts/a", json!({"content": {"stringValue": "Second words"}})).await;
    world.clock.sleep_until(due - TimeDelta::seconds(30)).await;
    world.process().tick().await;
    assert_eq!(world.texts(), ["Second words"]);
}

/// The author changes it while the tick holds it in memory, seconds before.
#[tokio::test(start_paused = true)]
async fn an_edit_a_moment_before_the_fence_is_honoured() {
    let world = World::connected().await;
    let due = world.clock.now() + TimeDelta::seconds(40);
    world.write_post("a", "First words", false, due).await;
    let process = world.process();
    let (_, ()) = tokio::join!(process.tick(), async {
        world.clock.sleep_until(due - TimeDelta::seconds(6)).await;
        world.write("posts/a", json!({"content": {"stringValue": "Second words"}})).await;
    });
    assert_eq!(world.texts(), ["Second words"]);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_post_stays_away_and_a_fenced_one_is_too_late() {
    let world = World::connected().await;
    let due = world.clock.now() + TimeDelta::seconds(40);
    world.write_post("a", "Not after all", false, due).await;
    world.write_post("b", "Certainly", false, due).await;
    let process = world.process();
    let bearer = format!("Bearer {}", world.token("ada"));
    let headers = [("authorization", bearer.as_str())];
    let (_, ()) = tokio::join!(process.tick(), async {
        world.clock.sleep_until(due - TimeDelta::seconds(10)).await;
        let (status, body, _) = process.ask(Method::DELETE, "/api/posts/a", &headers, Value::Null).await;
        assert_eq!((status.as_u16(), &body["status"]), (200, &json!("cancelled")), "{body}");
        world.clock.sleep_until(due - TimeDelta::seconds(1)).await;
        for method in [Method::DELETE, Method::PATCH] {
            let (status, body, _) =
                process.ask(method, "/api/posts/b", &headers, json!({"content": "Changed"})).await;
            assert_eq!((status.as_u16(), &body["code"]), (409, &json!("post.too_late")), "{body}");
        }
    });
    assert_eq!(world.texts(), ["Certainly"]);
    assert_eq!(world.post("a").await.status, Status::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_new_time_before_the_fence_is_honoured() {
    let world = World::connected().await;
    let due = world.clock.now() + TimeDelta::seconds(40);
    world.write_post("a", "Later, please", false, due).await;
    let process = world.process();
    let bearer = format!("Bearer {}", world.token("ada"));
    let later = due + TimeDelta::minutes(30);
    let (_, ()) = tokio::join!(process.tick(), async {
        world.clock.sleep_until(due - TimeDelta::seconds(10)).await;
        let body = json!({"scheduledTime": later.to_rfc3339()});
        let (status, body, _) =
            process.ask(Method::PATCH, "/api/posts/a", &[("authorization", &bearer)], body).await;
        assert_eq!(status.as_u16(), 200, "{body}");
    });
    assert!(world.texts().is_empty());
    world.clock.sleep_until(later - TimeDelta::seconds(30)).await;
    world.process().tick().await;
    let timeline = world.sandbox.x().timeline("acme");
    assert_eq!(timeline.len(), 1);
    assert!(timeline[0].created_at >= later);
}

#[tokio::test(start_paused = true)]
async fn what_is_far_too_late_is_missed_and_said() {
    let world = World::connected().await;
    world.write_post("a", "Old news", false, world.clock.now() - TimeDelta::hours(2)).await;
    world.process().tick().await;
    let post = world.post("a").await;
    assert_eq!(post.status, Status::Failed);
    assert!(matches!(delivery(&post).state, State::Missed { .. }), "{post:?}");
    assert_eq!(code(&post), "publish.missed");
    assert!(world.texts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_failed_post_scheduled_again_sends_what_did_not_go_out() {
    let world = World::connected().await;
    let due = world.clock.now() + TimeDelta::seconds(10);
    world.write_post("a", "The same", false, due).await;
    world.write_post("b", "The same", false, due + TimeDelta::seconds(1)).await;
    world.process().tick().await;
    let refused = world.post("b").await;
    assert_eq!((refused.status.clone(), code(&refused)), (Status::Failed, "x.duplicate".to_owned()));
    world
        .write(
            "posts/b",
            json!({"status": {"stringValue": "scheduled"}, "content": {"stringValue": "Another"}}),
        )
        .await;
    world.process().tick().await;
    assert_eq!(world.post("b").await.status, Status::Published);
    // The word for go on what is out already changes nothing.
    world.write("posts/b", json!({"status": {"stringValue": "scheduled"}})).await;
    world.process().tick().await;
    assert_eq!(world.post("b").await.status, Status::Published);
    assert_eq!(world.texts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_false_401_does_not_disconnect() {
    let world = World::connected().await;
    world.sandbox.faults().add(Fault {
        operation: "x.posts.create".to_owned(),
        skip: 0,
        times: 1,
        action: FaultAction::Unauthorized,
    });
    world.write_post("a", "Still here", false, world.clock.now() + TimeDelta::seconds(5)).await;
    world.process().tick().await;
    assert_eq!(world.post("a").await.status, Status::Published, "{:?}", world.post("a").await);
    assert_eq!(world.texts(), ["Still here"]);
}

#[tokio::test(start_paused = true)]
async fn a_rate_limit_is_waited_for_as_told() {
    let world = World::connected().await;
    world.sandbox.faults().add(Fault {
        operation: "x.posts.create".to_owned(),
        skip: 0,
        times: 1,
        action: FaultAction::RateLimited { reset_secs: 400, form: Default::default() },
    });
    let due = world.clock.now() + TimeDelta::seconds(5);
    world.write_post("a", "In a while", false, due).await;
    world.process().tick().await;
    assert_eq!(world.post("a").await.status, Status::Publishing);
    assert_eq!(code(&world.post("a").await), "x.rate_limited");
    let before = world.sandbox.x().calls("x.posts.create");
    for _ in 0..12 {
        world.wait(60).await;
        world.process().tick().await;
    }
    assert_eq!(world.post("a").await.status, Status::Published);
    assert_eq!(world.sandbox.x().calls("x.posts.create"), before + 1);
}

/// A clear 503 is no clear answer: it may have happened.
#[tokio::test(start_paused = true)]
async fn a_503_after_the_effect_is_found_and_not_repeated() {
    for after in [false, true] {
        let world = World::connected().await;
        world.sandbox.faults().add(Fault {
            operation: "x.posts.create".to_owned(),
            skip: 0,
            times: 1,
            action: FaultAction::Unavailable { html: true, after },
        });
        world.write_post("a", "Once only", false, world.clock.now() + TimeDelta::seconds(5)).await;
        for _ in 0..6 {
            world.process().tick().await;
            world.wait(30).await;
        }
        assert_eq!(world.post("a").await.status, Status::Published, "after: {after}");
        assert_eq!(world.texts(), ["Once only"], "after: {after}");
    }
}

/// When X cannot be read for hours either, the author is told the truth: unknown, and no second call was made.
#[tokio::test(start_paused = true)]
async fn what_cannot_be_looked_up_stays_unknown_and_is_not_repeated() {
    let world = World::connected().await;
    let fault =
        |operation: &str, times, action| Fault { operation: operation.to_owned(), skip: 0, times, action };
    world.sandbox.faults().add(fault("x.posts.create", 1, FaultAction::DropAfter));
    world.sandbox.faults().add(fault(
        "x.timeline",
        1_000,
        FaultAction::Unavailable { html: false, after: false },
    ));
    world.write_post("a", "Who knows", false, world.clock.now() + TimeDelta::seconds(5)).await;
    for _ in 0..80 {
        world.process().tick().await;
        world.wait(60).await;
    }
    let post = world.post("a").await;
    assert_eq!(post.status, Status::Failed);
    assert_eq!(delivery(&post).state_name(), "unknown");
    assert_eq!(world.sandbox.x().calls("x.posts.create"), 1);
    // Asking again does not send it blindly.
    world.write("posts/a", json!({"status": {"stringValue": "scheduled"}})).await;
    world.process().tick().await;
    assert_eq!(world.sandbox.x().calls("x.posts.create"), 1);
}

#[tokio::test(start_paused = true)]
async fn documents_of_wrong_types_are_reported_on_the_post() {
    let world = World::connected().await;
    let due = world.clock.now() - TimeDelta::seconds(5);
    let wrong = [
        ("time-text", json!({"scheduledTime": {"stringValue": "tomorrow"}})),
        ("time-null", json!({"scheduledTime": {"nullValue": null}})),
        ("platforms-text", json!({"platforms": {"stringValue": "twitter"}})),
        ("platforms-unknown", json!({"platforms": {"arrayValue": {"values": [{"stringValue": "myspace"}]}}})),
        ("content-number", json!({"content": {"integerValue": "7"}})),
        ("media-text", json!({"media": {"stringValue": "cat.jpg"}})),
        ("profile-number", json!({"profileId": {"integerValue": "1"}})),
        ("deliveries-text", json!({"deliveries": {"stringValue": "x"}})),
    ];
    for (id, fields) in &wrong {
        world.write_post(id, "Hello", false, due).await;
        world.write(&format!("posts/{id}"), fields.clone()).await;
    }
    world.write_post("good", "The good one", false, due).await;
    world.write_post("millis", "By number", false, due).await;
    let millis = due.timestamp_millis().to_string();
    world.write("posts/millis", json!({"scheduledTime": {"integerValue": millis}})).await;
    let summary = world.process().tick().await.unwrap();
    assert_eq!(summary.unreadable as usize, wrong.len(), "{summary:?}");
    let process = world.process();
    for (id, _) in &wrong {
        let raw = process.app.store.post(id).await.unwrap().unwrap();
        assert!(matches!(raw, social_core::store::Found::Unreadable(_)), "{id}");
    }
    assert_eq!(world.post("good").await.status, Status::Published);
    assert_eq!(world.post("millis").await.status, Status::Published);
    // Reported once, not every minute.
    assert_eq!(world.process().tick().await.unwrap().found, 0);
}

#[tokio::test(start_paused = true)]
async fn media_at_fault_is_named() {
    for (url, expected) in [
        ("https://media.test/missing.jpg", "media.refused"),
        ("https://media.test/page.jpg", "media.unknown_type"),
        ("https://media.test/sample.mp4", "x.media_type"),
        ("http://media.test/sample.jpg", "media.bad_address"),
        ("nonsense", "media.bad_address"),
        ("https://media.test/large.jpg", "media.too_large"),
        ("https://nowhere.test/a.jpg", "media.unreachable"),
        ("https://media.test/down.jpg", "media.refused"),
    ] {
        let world = World::connected().await;
        world.write_post("a", "Look", true, world.clock.now() + TimeDelta::seconds(30)).await;
        let media = json!({"media": {"arrayValue": {"values": [{"mapValue": {"fields": {
            "url": {"stringValue": url}, "type": {"stringValue": "image"}}}}]}}});
        world.write("posts/a", media).await;
        for _ in 0..30 {
            world.process().tick().await;
            world.wait(60).await;
        }
        let post = world.post("a").await;
        assert_eq!(
            (post.status.clone(), code(&post)),
            (Status::Failed, expected.to_owned()),
            "{url}: {post:?}"
        );
        assert_eq!(delivery(&post).error.as_ref().unwrap().media, Some(0), "{url}");
        assert!(world.texts().is_empty(), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_post_without_a_connection_or_platform_says_so() {
    let world = World::new(1);
    world.seed_profile("p1", "ada").await;
    world.write_post("a", "Hello", false, world.clock.now()).await;
    world.process().tick().await;
    assert_eq!(code(&world.post("a").await), "connection.missing");
    world.write_post("b", "Hello", false, world.clock.now()).await;
    world
        .write("posts/b", json!({"platforms": {"arrayValue": {"values": [{"stringValue": "instagram"}]}}}))
        .await;
    world.process().tick().await;
    let post = world.post("b").await;
    assert_eq!(post.deliveries[&PlatformId::Instagram].error.as_ref().unwrap().code, "platform.unavailable");
}

#[tokio::test(start_paused = true)]
async fn an_idle_tick_is_two_queries() {
    let world = World::connected().await;
    world.write_post("a", "Far ahead", false, world.clock.now() + TimeDelta::days(3)).await;
    let process = world.process_with(None, Policy::default());
    process.tick().await;
    assert_eq!(process.wire.log(), ["firestore.runQuery", "firestore.runQuery"]);
}

/// Twenty ticks at once with a token that has expired: one refresh, nobody disconnected.
#[tokio::test(start_paused = true)]
async fn a_single_use_refresh_token_is_used_once() {
    let world = World::new(1);
    world.seed_profile("p1", "ada").await;
    world.connect("p1", "acme", TimeDelta::seconds(-1)).await;
    for n in 0..20 {
        world.write_post(&format!("n{n}"), &format!("Number {n}"), false, world.clock.now()).await;
    }
    let (one, two) = (world.process(), world.process());
    tokio::join!(one.tick(), two.tick());
    assert_eq!(world.sandbox.x().refreshes("acme"), 1);
    assert_eq!(world.texts().len(), 20);
}

/// No query finds a field that is not there; the sweep of every quarter of an hour does.
#[tokio::test(start_paused = true)]
async fn posts_without_a_time_are_found_too() {
    let world = World::connected().await;
    world.write_post("a", "When?", false, world.clock.now()).await;
    world.write("posts/timeless", json!({
        "profileId": {"stringValue": "p1"}, "content": {"stringValue": "Hello"}, "status": {"stringValue": "scheduled"},
        "platforms": {"arrayValue": {"values": [{"stringValue": "x"}]}},
    })).await;
    world.write_post("stranded", "Left behind", false, world.clock.now()).await;
    world.write("posts/stranded", json!({"status": {"stringValue": "publishing"}})).await;
    let mut unreadable = 0;
    for _ in 0..17 {
        unreadable += world.process().tick().await.unwrap().unreadable;
        world.wait(60).await;
    }
    assert_eq!(unreadable, 1);
    let timeless = world.process().app.store.post("timeless").await.unwrap().unwrap();
    let social_core::store::Found::Unreadable(timeless) = timeless else { panic!("{timeless:?}") };
    assert!(timeless.problem.message.contains("scheduledTime"), "{timeless:?}");
    assert_eq!(world.post("stranded").await.status, Status::Published);
}

/// The author sees "publishing" and rewrites the text: what was sent is still what is looked for.
#[tokio::test(start_paused = true)]
async fn an_edit_while_the_outcome_is_unknown_does_not_send_it_twice() {
    let world = World::connected().await;
    world.sandbox.x_admin().configure(|options| options.duplicate_window = TimeDelta::zero());
    world.sandbox.faults().add(Fault::next("x.posts.create", FaultAction::DropAfter));
    world.sandbox.faults().add(Fault {
        times: 3,
        ..Fault::next("x.timeline", FaultAction::Unavailable { html: false, after: false })
    });
    world.write_post("a", "First words", false, world.clock.now() + TimeDelta::seconds(5)).await;
    world.process().tick().await;
    assert_eq!(delivery(&world.post("a").await).state_name(), "unknown");
    world.write("posts/a", json!({"content": {"stringValue": "Second words"}})).await;
    for _ in 0..20 {
        world.wait(60).await;
        world.process().tick().await;
    }
    assert_eq!(world.texts(), ["First words"]);
    assert_eq!(world.post("a").await.status, Status::Published);
}
