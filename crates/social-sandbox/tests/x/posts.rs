//! What makes a post public and what is refused.
use serde_json::{Value, json};
use social_sandbox::x::App;

use crate::harness::{REDIRECT, world, world_with};

const GENERIC: &str = "You are not permitted to perform this action.";

#[tokio::test]
async fn a_post_is_answered_shortened_and_shown_as_sent() {
    let world = world();
    let token = world.token("acme");
    let picture = world.image(&token).await;
    let reply = world
        .post(&token, json!({"text": "a & b https://acme.test.com/x", "media": {"media_ids": [picture]}}))
        .await;
    let data = reply.is(201, "edit_history_post_ids").json()["data"].clone();
    let text = data["text"].as_str().unwrap();
    assert!(
        text.starts_with("a &amp; b https://t.co/") && text.matches("https://t.co/").count() == 2,
        "{text}"
    );
    let seen = world.sandbox.x().timeline("ACME");
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].text, "a & b https://acme.test.com/x");
    assert_eq!(seen[0].media[0].bytes, 4);
    let id = data["id"].as_str().unwrap();
    assert_eq!(seen[0].permalink, format!("https://x.com/acme/status/{id}"));
    assert_eq!((id.parse::<u64>().unwrap() >> 22) + 1_288_834_974_657, 1_795_428_000_000);
    let audience = world.get("", "/x/audience/acme").await;
    audience.is(200, "permalink").is(200, "altText").is(200, "createdAt");

    let world = world_with(|options| options.edit_history_old_name = true);
    let token = world.token("acme");
    world.post(&token, json!({"text": "old"})).await.is(201, "edit_history_tweet_ids");
}

#[tokio::test]
async fn the_schema_is_closed() {
    let world = world();
    let token = world.token("acme");
    let poll = |options: Value, minutes: i64| json!({"text": "p", "poll": {"options": options, "duration_minutes": minutes}});
    for (body, fragment) in [
        (json!({}), "$.text: is missing but it is required"),
        (json!({"text": ""}), "$.text"),
        (json!({"text": 1}), "string expected"),
        (json!({"text": "a", "idempotency_key": "k"}), "$.idempotency_key: is not defined"),
        (json!({"text": "a", "media": {"media_ids": ["1"], "alt": 1}}), "$.media.alt: is not defined"),
        (json!({"text": "a", "media": {"media_ids": []}}), "1 to 4 items"),
        (json!({"text": "a", "media": {"media_ids": ["1", "2", "3", "4", "5"]}}), "1 to 4 items"),
        (json!({"text": "a", "media": {"media_ids": ["3_1900000000000000001"]}}), "regex pattern"),
        (
            json!({"text": "a", "media": {"media_ids": ["1900000000000000001"]}}),
            "Your media IDs are invalid.",
        ),
        (json!({"text": "a", "reply": {}}), "$.reply.in_reply_to_tweet_id: is missing but it is required"),
        (json!({"text": "a", "reply": {"in_reply_to_tweet_id": ""}}), "regex pattern"),
        (json!({"text": "a", "reply_settings": "everyone"}), "enumeration"),
        (json!({"text": "a", "made_with_ai": "yes"}), "boolean expected"),
        (poll(json!(["one"]), 60), "2 to 4"),
        (poll(json!(["one", "x".repeat(26)]), 60), "25 characters"),
        (poll(json!(["one", "two"]), 4), "10080"),
        (poll(json!(["one", "two"]), 10_081), "10080"),
        (
            json!({"text": "a", "quote_tweet_id": "1", "media": {"media_ids": ["1"]}}),
            "You can only provide one of",
        ),
    ] {
        world.post(&token, body).await.is(400, fragment).is(400, "invalid-request");
    }
    let request = axum::http::Request::post("/x/2/tweets").header("authorization", format!("Bearer {token}"));
    let reply = world.send(request.body("text=a".into()).unwrap()).await;
    reply.is(400, "Requests with bodies must have content-type of application/json.");
    world.post(&token, poll(json!(["one", "two"]), 60)).await.is(201, "");
    let body = json!({"text": "b", "reply_settings": "mentionedUsers", "made_with_ai": true});
    world.post(&token, body).await.is(201, "");
    assert_eq!(world.sandbox.x().timeline("acme").len(), 2);
}

#[tokio::test]
async fn length_depends_on_the_subscription() {
    let world = world();
    let (acme, premium) = (world.token("acme"), world.token("premium"));
    world.post(&acme, json!({"text": "a".repeat(280)})).await.is(201, "");
    world.post(&acme, json!({"text": "b".repeat(281)})).await.is(403, GENERIC);
    world.post(&acme, json!({"text": "語".repeat(141)})).await.is(403, GENERIC);
    let linked = format!("{} https://acme.com/{}", "c".repeat(256), "d".repeat(400));
    world.post(&acme, json!({ "text": linked })).await.is(201, "");
    let id = world.say(&premium, &"e".repeat(25_000)).await;
    world.post(&premium, json!({"text": "f".repeat(25_001)})).await.is(403, GENERIC);
    let read = world.get(&premium, &format!("/x/2/tweets/{id}?post.fields=note_post")).await.json();
    assert_eq!(read["data"]["note_post"]["text"].as_str().unwrap().len(), 25_000);
    assert!(read["data"]["text"].as_str().unwrap().chars().count() <= 280);
}

#[tokio::test]
async fn repeated_text_is_refused_within_the_window() {
    let world = world();
    let (acme, premium) = (world.token("acme"), world.token("premium"));
    let literal = "You are not allowed to create a Tweet with duplicate content.";
    let id = world.say(&acme, "same").await;
    world.post(&acme, json!({"text": "same"})).await.is(403, literal);
    world.say(&premium, "same").await;
    world.bare("DELETE", &acme, &format!("/x/2/tweets/{id}")).await.is(200, "\"deleted\":true");
    world.post(&acme, json!({"text": "same"})).await.is(403, literal);
    world.wait(24 * 3600);
    let acme = world.token("acme");
    world.say(&acme, "same").await;
}

#[tokio::test]
async fn replies_and_quotes_follow_the_rules_of_2026() {
    let world = world();
    let (acme, premium) = (world.token("acme"), world.token("premium"));
    let reply = |text: &str, parent: &str| json!({"text": text, "reply": {"in_reply_to_tweet_id": parent}});
    let (foreign, calling) = (world.say(&premium, "hello").await, world.say(&premium, "hello @Acme!").await);
    world
        .post(&acme, reply("1", &foreign))
        .await
        .is(403, "not-authorized-for-resource")
        .is(403, "Authorization Error");
    let spent = world.sandbox.x().spent_micro_usd();
    world.post(&acme, reply("2", &calling)).await.is(201, "");
    assert_eq!(world.sandbox.x().spent_micro_usd() - spent, 10_000, "summoned");
    world.post(&acme, reply("3", "1")).await.is(403, "deleted or not visible to you");
    let own = world.say(&acme, "thread").await;
    let spent = world.sandbox.x().spent_micro_usd();
    world.post(&acme, reply("4", &own)).await.is(201, "");
    assert_eq!(world.sandbox.x().spent_micro_usd() - spent, 15_000);
    assert_eq!(world.sandbox.x().timeline("acme")[0].reply_to.as_deref(), Some(own.as_str()));
    world.sandbox.x_admin().configure(|options| options.self_reply_allowed = false);
    world.post(&acme, reply("5", &own)).await.is(403, GENERIC);
    world.post(&acme, json!({"text": "q", "quote_tweet_id": calling})).await.is(403, "reply to or quote");
    world.sandbox.x_admin().configure(|options| {
        options.allow_quotes = true;
        options.self_reply_allowed = true;
        options.visibility_lag = chrono::Duration::seconds(3);
    });
    world.post(&acme, json!({"text": "q", "quote_tweet_id": calling})).await.is(201, "");
    let own = world.say(&acme, "another").await;
    world.post(&acme, reply("6", &own)).await.is(403, "deleted or not visible to you");
    world.wait(3);
    world.post(&acme, reply("6", &own)).await.is(201, "");
    world.post(&acme, json!({"text": "$ACME and $BEAN"})).await.is(403, "maximum of one cashtag");
}

#[tokio::test]
async fn windows_fill_and_open_again() {
    let world = world_with(|options| options.app_post_limit = 102);
    let token = world.token("acme");
    for number in 0..100 {
        world.say(&token, &number.to_string()).await;
    }
    let full = world.post(&token, json!({"text": "one more"})).await;
    full.is(429, "Too Many Requests").is(429, "about:blank");
    assert_eq!(full.header("x-rate-limit-limit"), Some("100"));
    assert_eq!(full.header("x-rate-limit-remaining"), Some("0"));
    assert_eq!(full.header("x-rate-limit-reset"), Some("1795428900"));
    assert_eq!(full.header("x-app-limit-24hour-remaining"), Some("2"));
    assert_eq!(full.header("x-user-limit-24hour-limit"), Some("102"));
    assert_eq!(full.header("retry-after"), None);
    world.wait(900);
    world.say(&token, "101").await;
    world.say(&token, "102").await;
    let full = world.post(&token, json!({"text": "103"})).await;
    full.is(429, "");
    assert_eq!(full.header("x-app-limit-24hour-remaining"), Some("0"));
    assert_eq!(full.header("x-rate-limit-remaining"), Some("98"));
    world.sandbox.x_admin().configure(|options| options.daily_limit_headers = false);
    let full = world.post(&token, json!({"text": "103"})).await;
    assert_eq!(full.header("x-app-limit-24hour-remaining"), None);
}

#[tokio::test]
async fn credits_run_out_with_healthy_headers() {
    let world = world_with(|options| options.credits_micro_usd = Some(210_000));
    let token = world.token("acme");
    world.say(&token, "plain").await;
    assert_eq!(world.sandbox.x().spent_micro_usd(), 15_000);
    world.say(&token, "see acme.com").await;
    assert_eq!(world.sandbox.x().spent_micro_usd(), 215_000);
    let empty = world.post(&token, json!({"text": "more"})).await;
    empty.is(402, "CreditsDepleted").is(402, "/problems/credits").is(402, "account_id");
    assert_eq!(empty.header("x-rate-limit-remaining"), Some("98"));
    world.sandbox.x_admin().set_credits(None);
    world.say(&token, "more").await;
}

#[tokio::test]
async fn standing_is_checked_before_the_post() {
    let world = world_with(|options| {
        options.problem_type_host = "api.twitter.com".to_owned();
        options.problem_content_type = true;
    });
    let token = world.token("acme");
    let admin = world.sandbox.x_admin();
    admin.suspend("acme");
    let reply = world.post(&token, json!({"text": "a"})).await;
    reply.is(403, "https://api.twitter.com/2/problems/user-suspended");
    assert_eq!(reply.header("content-type"), Some("application/problem+json"));
    admin.unsuspend("acme");
    admin.set_enrolled("sandbox-x-client", false);
    let reply = world.post(&token, json!({"text": "a"})).await;
    reply.is(403, "client-forbidden").is(403, "client-not-enrolled").is(403, "registration_url");
    admin.set_enrolled("sandbox-x-client", true);
    world.say(&token, "a").await;
    world.post("nonsense", json!({"text": "b"})).await.is(401, "Unauthorized").is(401, "about:blank");
    let basic = Some(("sandbox-x-client", "sandbox-x-secret"));
    let app_only = world.form(basic, "/x/oauth2/token", &[("grant_type", "client_credentials")]).await.json();
    let app_only = app_only["access_token"].as_str().unwrap();
    world.post(app_only, json!({"text": "b"})).await.is(403, "unsupported-authentication");
    admin.add_app(App::public("late", &[REDIRECT]));
    world.json(&token, "/x/1.1/media/upload.json", &json!({})).await.is(410, "");
}
