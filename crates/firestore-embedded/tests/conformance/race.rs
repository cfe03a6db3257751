//! Four claimers, a thousand due posts, each post claimed exactly once.

use std::{collections::BTreeMap, sync::Arc};

use firestore_rest::{
    Client, DocumentPath, Error, Fields, Filter, Op, Precondition, Query, Transform, Value, Write,
};

use crate::world::World;

const POSTS: usize = 1000;
const CLAIMERS: usize = 4;

pub(crate) async fn every_post_is_claimed_once(world: World) {
    let client = world.client();
    let writes = (0..POSTS).map(|index| {
        let path = DocumentPath::new("posts", format!("p{index:04}")).unwrap();
        Write::replace(path, Fields::from([("status".into(), "scheduled".into())]), Precondition::None)
    });
    assert!(client.batch_write(writes.collect()).await.unwrap().iter().all(Result::is_ok));

    let start = Arc::new(tokio::sync::Barrier::new(CLAIMERS));
    let claimers: Vec<_> = (0..CLAIMERS)
        .map(|claimer| {
            let (client, start) = (world.client(), Arc::clone(&start));
            tokio::spawn(async move {
                start.wait().await;
                claim(&client, &format!("claimer-{claimer}")).await
            })
        })
        .collect();
    let mut owners = BTreeMap::new();
    for claimer in claimers {
        for path in claimer.await.unwrap() {
            assert!(owners.insert(path.clone(), ()).is_none(), "{path} was claimed twice");
        }
    }
    assert_eq!(owners.len(), POSTS);
    let stored = client.run_query(&Query::collection("posts")).await.unwrap();
    assert!(stored.documents.iter().all(|post| post.get("attempts") == Some(&Value::Integer(1))));
}

async fn claim(client: &Client, owner: &str) -> Vec<DocumentPath> {
    let due = Query::collection("posts")
        .filter(Filter::field("status", Op::Equal, "scheduled"))
        .limit(500)
        .select(&[]);
    let mut won = Vec::new();
    loop {
        let found = client.run_query(&due).await.unwrap().documents;
        if found.is_empty() {
            return won;
        }
        for chunk in found.chunks(100) {
            let claims = chunk.iter().map(|post| {
                let fields =
                    Fields::from([("status".into(), "publishing".into()), ("owner".into(), owner.into())]);
                let mask = vec!["status".into(), "owner".into()];
                Write::merge(&post.path, mask, fields, Precondition::UpdateTime(post.update_time.clone()))
                    .transform("attempts", Transform::Increment(1))
            });
            let results = client.batch_write(claims.collect()).await.unwrap();
            for (post, result) in chunk.iter().zip(results) {
                match result {
                    Ok(_) => won.push(post.path.clone()),
                    Err(Error::FailedPrecondition { .. }) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }
}
