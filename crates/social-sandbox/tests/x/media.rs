//! Uploads: one shot, segments, processing over time, alt text, ownership.
use chrono::Duration;
use serde_json::json;
use social_sandbox::x::{App, Processing};

use crate::harness::{world, world_with};

const BAD_IDS: &str = "Your media IDs are invalid.";
const MIB: usize = 1024 * 1024;

#[tokio::test]
async fn one_shot_takes_images_up_to_five_mib() {
    let world = world();
    let token = world.token("acme");
    let path = "/x/2/media/upload";
    let image = [("media_category", "tweet_image")];
    let reply = world.multipart(&token, path, &image, &vec![7; 5 * MIB]).await.json();
    assert_eq!(reply["data"]["expires_after_secs"], 86_400);
    assert!(reply["data"]["media_key"].as_str().unwrap().starts_with("3_"));
    world.multipart(&token, path, &image, &vec![7; 5 * MIB + 1]).await.is(400, "File size exceeds");
    let large = world.multipart(&token, path, &image, &vec![7; 6 * MIB]).await;
    assert!(large.is(413, "").body.is_empty());
    world.multipart(&token, path, &[("media_category", "tweet_video")], b"x").await.is(400, "media_category");
    world.multipart(&token, path, &[("command", "INIT")], b"x").await.is(400, "$.command: is not defined");
    let body = json!({"media": "AAEC", "media_category": "tweet_image"});
    let id = world.json(&token, path, &body).await.json()["data"]["id"].clone();
    assert_eq!(world.sandbox.x().media_bytes(id.as_str().unwrap()).unwrap().as_ref(), [0, 1, 2]);
}

#[tokio::test]
async fn initialize_checks_kind_and_size_and_wants_json() {
    let world = world();
    let token = world.token("acme");
    let path = "/x/2/media/upload/initialize";
    let body = |media_type: &str, category: &str, bytes: usize| json!({"media_type": media_type, "media_category": category, "total_bytes": bytes});
    for (body, status) in [
        (body("video/mp4", "tweet_video", 512 * MIB), 200),
        (body("video/mp4", "tweet_video", 512 * MIB + 1), 400),
        (body("image/gif", "tweet_gif", 15 * MIB), 200),
        (body("image/gif", "tweet_gif", 15 * MIB + 1), 400),
        (body("image/png", "tweet_image", 5 * MIB + 1), 400),
        (body("image/png", "tweet_video", 10), 400),
        (body("video/avi", "tweet_video", 10), 400),
        (body("video/mp4", "TweetVideo", 10), 400),
        (json!({"media_type": "video/mp4", "total_bytes": 1}), 400),
        (json!({"media_type": "video/mp4", "media_category": "tweet_video"}), 400),
        (
            json!({"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": 1, "name": "x"}),
            400,
        ),
    ] {
        world.json(&token, path, &body).await.is(status, "");
    }
    let form = [("media_type", "video/mp4"), ("media_category", "tweet_video"), ("total_bytes", "1")];
    world.multipart(&token, path, &form, b"").await.is(400, "content-type of application/json");
}

#[tokio::test]
async fn segments_must_be_whole_and_add_up() {
    let world = world();
    let token = world.token("acme");
    let begin = async |bytes: usize| {
        let body = json!({"media_type": "video/mp4", "media_category": "tweet_video", "total_bytes": bytes});
        let reply = world.json(&token, "/x/2/media/upload/initialize", &body).await.json();
        reply["data"]["id"].as_str().unwrap().to_owned()
    };
    let id = begin(4).await;
    world.segment(&token, &id, "1000", b"ab").await.is(400, "0 to 999");
    world.segment(&token, &id, "-1", b"ab").await.is(400, "0 to 999");
    world.segment(&token, "12", "0", b"ab").await.is(400, "BadRequest: Not found");
    world.segment(&token, &id, "0", b"ab").await.is(200, "expires_at");
    world.finalize(&token, &id).await.is(400, "add up");
    world.segment(&token, &id, "2", b"cd").await.is(200, "");
    world.finalize(&token, &id).await.is(400, "add up");
    let id = begin(4).await;
    world.segment(&token, &id, "0", b"xx").await.is(200, "");
    world.segment(&token, &id, "0", b"ab").await.is(200, "");
    world.segment(&token, &id, "1", b"cd").await.is(200, "");
    let path = format!("/x/2/media/upload/{id}/finalize");
    world.bare("POST", &token, &path).await.is(400, "");
    world.json(&token, &path, &json!([])).await.is(400, "Request body must be a JSON object.");
    world.finalize(&token, &id).await.is(200, "pending");
    assert_eq!(world.sandbox.x().media_bytes(&id).unwrap().as_ref(), b"abcd", "sent again means replaced");
    let id = begin(4 * MIB).await;
    let refused = world.segment(&token, &id, "0", &vec![0; 5 * MIB]).await;
    assert!(refused.is(413, "").body.is_empty());
    world.segment(&token, &id, "0", &vec![0; 4 * MIB]).await.is(200, "");
    world.sandbox.x_admin().configure(|options| {
        options.strict_append_1mib = true;
        options.append_answers_204 = true;
        options.finalize_requires_body = false;
    });
    world.segment(&token, &id, "0", &vec![0; 2 * MIB]).await.is(413, "");
    let id = begin(MIB).await;
    world.segment(&token, &id, "0", &vec![0; MIB]).await.is(204, "");
    world.bare("POST", &token, &format!("/x/2/media/upload/{id}/finalize")).await.is(200, "pending");
    let json = json!({"segment_index": 0, "media": "AAEC"});
    let path = format!("/x/2/media/upload/{}/append", begin(3).await);
    world.json(&token, &path, &json).await.is(400, "multipart/form-data");
    world.sandbox.x_admin().configure(|options| options.append_accepts_json = true);
    world.json(&token, &path, &json).await.is(204, "");
}

#[tokio::test]
async fn processing_follows_the_clock_and_not_the_polls() {
    let world = world();
    let token = world.token("acme");
    let id = world.video(&token, &[b"ab", b"c"]).await;
    let with = |id: &str, text: &str| json!({"text": text, "media": {"media_ids": [id]}});
    for _ in 0..5 {
        let info = world.processing(&token, &id).await;
        assert_eq!(info, json!({"state": "pending", "check_after_secs": 1}));
    }
    world.post(&token, with(&id, "early")).await.is(400, BAD_IDS);
    world.wait(1);
    let info = world.processing(&token, &id).await;
    assert_eq!((info["state"].as_str(), info["check_after_secs"].as_i64()), (Some("in_progress"), Some(2)));
    world.wait(2);
    assert_eq!(world.processing(&token, &id).await["state"], "succeeded");
    world.post(&token, with(&id, "ready")).await.is(201, "");
    assert_eq!(world.sandbox.x().timeline("acme")[0].media[0].kind, "video");

    for outcome in [Processing::Fails, Processing::Stuck, Processing::RefusedAtPost] {
        world.sandbox.x_admin().next_processing(outcome);
        let id = world.video(&token, &[b"abc"]).await;
        world.wait(600);
        let info = world.processing(&token, &id).await;
        let (state, error) = match outcome {
            Processing::Fails => ("failed", true),
            Processing::Stuck => ("in_progress", true),
            _ => ("succeeded", false),
        };
        assert_eq!((info["state"].as_str(), info["error"].is_object()), (Some(state), error));
        world.post(&token, with(&id, "never")).await.is(400, BAD_IDS);
    }
    world.get(&token, "/x/2/media/upload?command=STATUS&media_id=12").await.is(400, "BadRequest: Not found");
    world.get(&token, "/x/2/media/upload?command=INIT&media_id=12").await.is(400, "command");
}

#[tokio::test]
async fn ids_belong_to_their_owner_and_expire() {
    let world = world_with(|options| options.apps.push(App::public("other", &[])));
    let (acme, premium) = (world.token("acme"), world.token("premium"));
    let id = world.image(&acme).await;
    let with = |ids: &[&str], text: &str| json!({"text": text, "media": {"media_ids": ids}});
    world.post(&premium, with(&[&id], "foreign")).await.is(400, BAD_IDS);
    let mut ids = vec![];
    for _ in 0..3 {
        ids.push(world.image(&acme).await);
    }
    let video = world.video(&acme, &[b"abc"]).await;
    world.wait(3);
    world.post(&acme, with(&[&id, &video], "mixed")).await.is(400, BAD_IDS);
    world.post(&acme, with(&[&id, &ids[0], &ids[1], &ids[2]], "four")).await.is(201, "");
    world.post(&acme, json!({"media": {"media_ids": [video]}})).await.is(201, "");
    world.sandbox.advance(Duration::seconds(86_400));
    let acme = world.token("acme");
    world.post(&acme, with(&[&id], "late")).await.is(400, BAD_IDS);
}

#[tokio::test]
async fn alt_text_has_a_limit_and_is_seen() {
    let world = world();
    let token = world.token("acme");
    let id = world.image(&token).await;
    let alt = |id: &str, text: &str| json!({"id": id, "metadata": {"alt_text": {"text": text}}});
    let path = "/x/2/media/metadata";
    world.json(&token, path, &alt(&id, &"é".repeat(1001))).await.is(400, "1000");
    world.json(&token, path, &alt("12", "x")).await.is(400, "Not found");
    world.json(&token, path, &alt(&id, &"é".repeat(1000))).await.is(200, "associated_metadata");
    world.json(&token, path, &alt(&id, "A cup")).await.is(200, "");
    world.post(&token, json!({"text": "", "media": {"media_ids": [id]}})).await.is(201, "t.co");
    assert_eq!(world.sandbox.x().timeline("acme")[0].media[0].alt_text.as_deref(), Some("A cup"));
}
