//! The same servers through `firestore-rest`: two crates written apart that check each other.

use chrono::{DateTime, Utc};
use firestore_rest::{
    Direction, DocumentPath, Error, Filter, Op, Precondition, Query, Transform, Value, Write, to_fields,
};
use serde::{Deserialize, Serialize};

use crate::world::World;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Post {
    status: String,
    #[serde(with = "firestore_rest::timestamp")]
    scheduled_time: DateTime<Utc>,
    #[serde(with = "firestore_rest::bytes")]
    sealed: Vec<u8>,
    attempts: i64,
}

fn post(at: &str) -> Post {
    Post {
        status: "scheduled".into(),
        scheduled_time: at.parse().unwrap(),
        sealed: vec![0, 255],
        attempts: 0,
    }
}

fn path(id: &str) -> DocumentPath {
    DocumentPath::new("posts", id).unwrap()
}

pub(crate) async fn round_trip(world: World) {
    let client = world.client();
    let first = post("2025-01-01T00:00:00.123456Z");
    let version = client.create(&path("a"), to_fields(&first).unwrap()).await.unwrap();
    client.create(&path("b"), to_fields(&post("2025-01-01T00:01:00Z")).unwrap()).await.unwrap();
    client.create(&path("c"), to_fields(&post("2026-01-01T00:00:00Z")).unwrap()).await.unwrap();
    let stored = client.get(&path("a")).await.unwrap().unwrap();
    assert_eq!(stored.to::<Post>().unwrap(), first);
    assert_eq!(stored.update_time, version);
    assert!(client.get(&path("zz")).await.unwrap().is_none());

    let now: DateTime<Utc> = "2025-01-02T00:00:00Z".parse().unwrap();
    let due = Query::collection("posts")
        .filter(Filter::field("status", Op::Equal, "scheduled"))
        .filter(Filter::field("scheduledTime", Op::LessOrEqual, now))
        .order_by("scheduledTime", Direction::Ascending);
    assert_eq!(client.count(&due).await.unwrap(), 2);
    let page = client.run_query(&due.clone().select(&[]).limit(1)).await.unwrap();
    assert!(page.read_time.is_some());
    assert_eq!((page.documents[0].path.id(), page.documents[0].fields.len()), ("a", 0));
    let after = vec![first.scheduled_time.into(), client.reference(&path("a"))];
    let rest = client.run_query(&due.start_after(after)).await.unwrap();
    assert_eq!(rest.documents.iter().map(|post| post.path.id()).collect::<Vec<_>>(), ["b"]);

    let claim = Write::merge(
        path("a"),
        vec!["status".into()],
        [("status".into(), "publishing".into())].into(),
        Precondition::UpdateTime(version.clone()),
    )
    .transform("attempts", Transform::Increment(1));
    let results = client
        .batch_write(vec![claim.clone(), Write::delete(path("zz"), Precondition::Exists(true))])
        .await
        .unwrap();
    assert!(matches!(results.as_slice(), [Ok(at), Err(Error::NotFound)] if *at != version), "{results:?}");
    let again = client.batch_write(vec![claim]).await.unwrap();
    assert!(matches!(again.as_slice(), [Err(Error::FailedPrecondition { .. })]), "{again:?}");
    assert_eq!(client.get(&path("a")).await.unwrap().unwrap().get("attempts"), Some(&Value::Integer(1)));
}

pub(crate) async fn errors(world: World) {
    let client = world.client();
    client.create(&path("a"), [].into()).await.unwrap();
    let taken = client.create(&path("a"), [].into()).await.unwrap_err();
    assert!(matches!(taken, Error::AlreadyExists), "{taken:?}");
    let gone =
        client.patch(&path("zz"), &["x".into()], [].into(), Precondition::Exists(true)).await.unwrap_err();
    assert!(matches!(gone, Error::NotFound), "{gone:?}");
    let nested = vec![Value::Array(vec![])].into();
    let bad = client.create(&path("b"), [("x".to_owned(), nested)].into()).await.unwrap_err();
    assert!(matches!(bad, Error::InvalidArgument { .. }), "{bad:?}");
    let query = Query::collection("posts").filter(Filter::field("x", Op::In, Vec::new()));
    let stream = client.run_query(&query).await.unwrap_err();
    assert!(matches!(stream, Error::InvalidArgument { .. }), "{stream:?}");
}
