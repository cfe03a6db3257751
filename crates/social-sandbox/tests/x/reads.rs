//! Timelines, deletion, users/me.
use chrono::Duration;

use crate::harness::{world, world_with};

const ACME: &str = "/x/2/users/1700000000000000001/tweets";

#[tokio::test]
async fn timeline_pages_from_the_newest() {
    let world = world();
    let token = world.token("acme");
    world.get(&token, &format!("{ACME}?max_results=4")).await.is(400, "max_results");
    world.get(&token, &format!("{ACME}?max_results=101")).await.is(400, "max_results");
    assert_eq!(world.get(&token, ACME).await.text(), r#"{"meta":{"result_count":0}}"#);
    let mut ids = vec![];
    for number in 0..7 {
        ids.push(world.say(&token, &format!("number {number} acme.com")).await);
        world.wait(1);
    }
    let spent = world.sandbox.x().spent_micro_usd();
    let page = world.get(&token, &format!("{ACME}?max_results=5&post.fields=entities,nonsense")).await.json();
    assert_eq!(page["data"][0]["id"], *ids[6]);
    assert!(page["data"][0].get("nonsense").is_none());
    assert_eq!(page["data"][0]["entities"]["urls"][0]["expanded_url"], "http://acme.com");
    assert_eq!(world.sandbox.x().spent_micro_usd() - spent, 25_000);
    let next = page["meta"]["next_token"].as_str().unwrap();
    let page = world.get(&token, &format!("{ACME}?max_results=5&pagination_token={next}")).await.json();
    assert_eq!(page["meta"]["result_count"], 2);
    let page = world.get(&token, &format!("{ACME}?since_id={}", ids[4])).await.json();
    assert_eq!((&page["meta"]["result_count"], &page["data"][1]["id"]), (&2.into(), &ids[5].clone().into()));
    let page = world.get(&token, &format!("{ACME}?end_time=2026-11-23T10:00:02Z")).await.json();
    assert_eq!(page["meta"]["newest_id"], *ids[1]);
    world.get(&token, &format!("{ACME}?start_time=yesterday")).await.is(400, "start_time");
}

#[tokio::test]
async fn timeline_may_lag() {
    let world = world_with(|options| options.timeline_lag = Duration::seconds(5));
    let token = world.token("acme");
    world.say(&token, "soon").await;
    world.get(&token, ACME).await.is(200, "\"result_count\":0");
    assert_eq!(world.sandbox.x().all_posts().len(), 1);
    world.wait(5);
    world.get(&token, ACME).await.is(200, "\"result_count\":1");
}

#[tokio::test]
async fn only_the_author_deletes() {
    let world = world();
    let (acme, premium) = (world.token("acme"), world.token("premium"));
    let path = format!("/x/2/tweets/{}", world.say(&acme, "mine").await);
    world.bare("DELETE", &premium, &path).await.is(403, "You are not authorized to delete this Tweet.");
    world.get(&premium, &path).await.is(200, "mine");
    world.bare("DELETE", &acme, &path).await.is(200, r#"{"data":{"deleted":true}}"#);
    world.bare("DELETE", &acme, &path).await.is(404, "resource-not-found");
    world.get(&premium, &path).await.is(200, "resource-not-found");
    assert!(world.sandbox.x().timeline("acme").is_empty());
    for _ in 0..48 {
        world.bare("DELETE", &acme, "/x/2/tweets/1").await.is(404, "");
    }
    world.bare("DELETE", &acme, "/x/2/tweets/1").await.is(429, "Too Many Requests");
}

#[tokio::test]
async fn users_me_honours_fields() {
    let world = world();
    let (acme, premium) = (world.token("acme"), world.token("premium"));
    let plain = world.get(&acme, "/x/2/users/me/").await.json();
    assert_eq!(plain["data"].as_object().unwrap().len(), 3);
    world.get(&acme, "/x/2/users/me?user.fields=subscription_type,shoe_size").await.is(200, "\"None\"");
    assert_eq!(world.sandbox.x().spent_micro_usd(), 10_000, "once a day");
    world
        .get(&premium, "/x/2/users/me?user.fields=subscription_type,verified_type")
        .await
        .is(200, "\"Premium\"");
    for _ in 0..73 {
        world.get(&acme, "/x/2/users/me").await.is(200, "");
    }
    world.get(&acme, "/x/2/users/me").await.is(429, "");
}
