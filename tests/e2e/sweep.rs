//! The crash sweep: for every external call of a delivery, once with the request lost, once with the answer
//! lost, once with the process dying on the answer. Then ticks go on. Exactly one post, and the document says so.

use chrono::TimeDelta;
use social_core::{
    platform::PlatformId,
    post::Status,
    publish::{Policy, State},
};

use crate::world::{Mishap, World};

const TICKS: u32 = 15;

/// Ticks every minute, the first one with the mishap, until the post is settled. What the wire of the first
/// process saw.
async fn run(world: &World, mishap: Option<(usize, Mishap)>) -> Vec<&'static str> {
    let first = world.process_with(mishap, Policy::default());
    let mut process = first.clone();
    for _ in 0..TICKS {
        let began = world.clock.now();
        if process.tick().await.is_none() {
            process = world.process();
        }
        if matches!(world.post("a").await.status, Status::Published | Status::Failed) {
            break;
        }
        world.clock.sleep_until(began + TimeDelta::seconds(60)).await;
    }
    first.wire.log()
}

async fn check(image: bool, token_lives: TimeDelta, mishap: Option<(usize, Mishap)>) -> Vec<&'static str> {
    let world = World::new(1);
    world.seed_profile("p1", "ada").await;
    world.connect("p1", "acme", token_lives).await;
    // X's own refusal of duplicates would hide a second call.
    world.sandbox.x_admin().configure(|options| options.duplicate_window = TimeDelta::zero());
    let due = world.clock.now() + TimeDelta::seconds(20);
    world.write_post("a", "Fresh beans are in", image, due).await;
    let log = run(&world, mishap).await;
    let context = format!("{mishap:?} of {log:?}");
    let timeline = world.sandbox.x().timeline("acme");
    assert_eq!(timeline.len(), 1, "{context}: {timeline:?}");
    assert!(timeline[0].created_at >= due, "{context}: early");
    if image {
        assert_eq!(timeline[0].media[0].alt_text.as_deref(), Some("A cup"), "{context}");
    }
    let post = world.post("a").await;
    assert_eq!(post.status, Status::Published, "{context}: {post:?}");
    let delivery = &post.deliveries[&PlatformId::Twitter];
    let State::Published { receipt } = &delivery.state else { panic!("{context}: {delivery:?}") };
    assert_eq!(receipt.remote_id, timeline[0].id, "{context}");
    assert!(delivery.attempts <= Policy::default().max_attempts, "{context}: {delivery:?}");
    assert!(post.lease.is_none() && post.due_at.is_none(), "{context}: {post:?}");
    log
}

async fn sweep(image: bool, token_lives: TimeDelta) {
    let calls = check(image, token_lives, None).await;
    assert!(calls.contains(&"x.posts.create"), "{calls:?}");
    for at in 0..calls.len() {
        for mishap in [Mishap::RequestLost, Mishap::AnswerLost, Mishap::Death] {
            check(image, token_lives, Some((at, mishap))).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_goes_out_once_whatever_is_lost() {
    sweep(false, TimeDelta::hours(2)).await;
}

#[tokio::test(start_paused = true)]
async fn an_image_goes_out_once_whatever_is_lost() {
    sweep(true, TimeDelta::hours(2)).await;
}

/// With a token about to expire the sweep goes through the refresh as well. When the answer to the refresh is
/// lost for good, X has killed the single-use token: then the old access token still serves.
#[tokio::test(start_paused = true)]
async fn a_text_goes_out_once_through_a_refresh() {
    let calls = check(false, TimeDelta::minutes(11), None).await;
    let refresh = calls.iter().position(|call| *call == "oauth2.token");
    assert!(refresh.is_some(), "{calls:?}");
    sweep(false, TimeDelta::minutes(11)).await;
}
