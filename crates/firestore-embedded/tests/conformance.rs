//! One suite of Firestore's semantics, held against the embedded server always and against Google's
//! emulator when `FIRESTORE_EMULATOR_HOST` names one. Known differences are in `DIFFERENCES.md`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

#[path = "conformance/documents.rs"]
mod documents;
#[path = "conformance/queries.rs"]
mod queries;
#[path = "conformance/race.rs"]
mod race;
#[path = "conformance/typed.rs"]
mod typed;
#[path = "conformance/world.rs"]
mod world;

use world::World;

async fn all(world: &impl Fn() -> World) {
    documents::values(world()).await;
    documents::masks(world()).await;
    documents::preconditions(world()).await;
    documents::no_op_keeps_the_version(world()).await;
    documents::batch_write(world()).await;
    documents::transforms(world()).await;
    documents::refusals(world()).await;
    queries::order_across_kinds(world()).await;
    queries::filters(world()).await;
    queries::cursors_and_limits(world()).await;
    queries::due_posts(world()).await;
    queries::refusals(world()).await;
    queries::random_queries_agree_with_a_model(world()).await;
    typed::round_trip(world()).await;
    typed::errors(world()).await;
    race::every_post_is_claimed_once(world()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn embedded_conformance() {
    all(&World::embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emulator_conformance() {
    #[expect(clippy::disallowed_methods, reason = "the variable that Google's tools use for this")]
    let (host, ci) = (std::env::var("FIRESTORE_EMULATOR_HOST").ok(), std::env::var("CI").ok());
    let Some(host) = host.filter(|host| !host.is_empty()) else {
        println!("skipped: FIRESTORE_EMULATOR_HOST is not set");
        assert_ne!(
            ci.as_deref(),
            Some("true"),
            "CI has to start the emulator and set FIRESTORE_EMULATOR_HOST"
        );
        return;
    };
    all(&|| World::emulator(&host)).await;
}
