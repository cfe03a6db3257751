//! Queries.

use serde_json::{Value, json};
use transport::Random;

use crate::world::{World, int, text, time};

fn field(field: &str, op: &str, value: Value) -> Value {
    json!({ "fieldFilter": { "field": { "fieldPath": field }, "op": op, "value": value } })
}

fn unary(field: &str, op: &str) -> Value {
    json!({ "unaryFilter": { "field": { "fieldPath": field }, "op": op } })
}

fn composite(op: &str, filters: &[Value]) -> Value {
    json!({ "compositeFilter": { "op": op, "filters": filters } })
}

fn order(field: &str, direction: &str) -> Value {
    json!({ "field": { "fieldPath": field }, "direction": direction })
}

/// One document per kind of value in `v`, ids in Firestore's order, and one without `v`.
async fn one_of_each(world: &World) -> Vec<String> {
    let values = [
        json!({"nullValue": null}),
        json!({"booleanValue": false}),
        json!({"booleanValue": true}),
        json!({"doubleValue": "NaN"}),
        json!({"doubleValue": "-Infinity"}),
        int(-1),
        json!({"doubleValue": 0.5}),
        int(1),
        json!({"doubleValue": 1.0}),
        json!({"doubleValue": 9_007_199_254_740_992.0}),
        int(9_007_199_254_740_993),
        json!({"doubleValue": "Infinity"}),
        time("1960-01-01T00:00:00Z"),
        time("2025-01-01T00:00:00.000001Z"),
        text(""),
        text("a"),
        text("é"),
        text("\u{fffd}"),
        text("😀"),
        json!({"bytesValue": "AA=="}),
        json!({"referenceValue": world.name("posts/a")}),
        json!({"geoPointValue": {"latitude": 1.0, "longitude": 1.0}}),
        json!({"arrayValue": {}}),
        json!({"arrayValue": {"values": [int(1), json!({"nullValue": null})]}}),
        json!({"mapValue": {}}),
        json!({"mapValue": {"fields": {"a": int(1)}}}),
    ];
    let mut ids = Vec::new();
    let mut writes = vec![json!({ "update": { "name": world.name("posts/none"), "fields": {} } })];
    for (index, value) in values.into_iter().enumerate() {
        let id = format!("d{index:02}");
        writes.push(
            json!({ "update": { "name": world.name(&format!("posts/{id}")), "fields": { "v": value } } }),
        );
        ids.push(id);
    }
    world.commit(writes.into()).await;
    ids
}

pub(crate) async fn order_across_kinds(world: World) {
    let mut ids = one_of_each(&world).await;
    assert_eq!(world.ids(json!({ "orderBy": [order("v", "ASCENDING")] })).await, ids);
    ids.reverse();
    assert_eq!(world.ids(json!({ "orderBy": [order("v", "DESCENDING")] })).await, ids);
    assert_eq!(world.ids(json!({})).await.len(), ids.len() + 1, "without an order also what lacks the field");
}

pub(crate) async fn filters(world: World) {
    one_of_each(&world).await;
    let check = async |filter: Value, expected: &str| {
        assert_eq!(world.ids(json!({ "where": filter })).await.join(" "), expected, "{filter}");
    };
    check(field("v", "EQUAL", int(1)), "d07 d08").await;
    check(field("v", "EQUAL", json!({"doubleValue": 1.0})), "d07 d08").await;
    check(field("v", "EQUAL", int(9_007_199_254_740_992)), "d09").await;
    check(field("v", "LESS_THAN_OR_EQUAL", int(1)), "d04 d05 d06 d07 d08").await;
    check(field("v", "LESS_THAN", int(1)), "d04 d05 d06").await;
    check(field("v", "GREATER_THAN", int(1)), "d09 d10 d11").await;
    check(field("v", "GREATER_THAN_OR_EQUAL", text("a")), "d15 d16 d17 d18").await;
    check(field("v", "LESS_THAN_OR_EQUAL", time("2025-01-01T00:00:00.000001999Z")), "d12 d13").await;
    check(
        field("v", "IN", json!({"arrayValue": {"values": [text("a"), json!({"booleanValue": true})]}})),
        "d02 d15",
    )
    .await;
    check(unary("v", "IS_NULL"), "d00").await;
    check(unary("v", "IS_NAN"), "d03").await;
    check(field("v", "ARRAY_CONTAINS", json!({"doubleValue": 1.0})), "d23").await;
    check(field("v", "ARRAY_CONTAINS_ANY", json!({"arrayValue": {"values": [int(7), int(1)]}})), "d23").await;
    check(composite("OR", &[field("v", "LESS_THAN", int(0)), field("v", "EQUAL", text("a"))]), "d04 d05 d15")
        .await;
    let not_a = world.ids(json!({ "where": field("v", "NOT_EQUAL", text("a")) })).await;
    assert!(
        !not_a.contains(&"d00".to_owned()) && !not_a.contains(&"none".to_owned()) && not_a.len() == 24,
        "{not_a:?}"
    );
    let not_in = json!({"arrayValue": {"values": [text("a"), int(1)]}});
    let not_in = world.ids(json!({ "where": field("v", "NOT_IN", not_in) })).await;
    assert_eq!(not_in.len(), 22, "{not_in:?}");
    let (_, answer) = world.post("runAggregationQuery", json!({ "structuredAggregationQuery": {
        "structuredQuery": { "from": [{ "collectionId": "posts" }], "where": field("v", "LESS_THAN", int(1)) },
        "aggregations": [{ "count": {} }, { "alias": "two", "count": { "upTo": "2" } }],
    }})).await;
    assert_eq!(
        answer[0]["result"]["aggregateFields"],
        json!({ "field_1": int(3), "two": int(2) }),
        "{answer}"
    );
    let (_, empty) = world
        .post("runQuery", json!({ "structuredQuery": { "from": [{ "collectionId": "nothing" }] } }))
        .await;
    assert_eq!(empty.as_array().unwrap().len(), 1, "{empty}");
    assert!(empty[0]["readTime"].is_string() && empty[0].get("document").is_none());
}

pub(crate) async fn cursors_and_limits(world: World) {
    for (id, n) in [("a", 1), ("b", 1), ("c", 1), ("d", 2), ("e", 3)] {
        world.put(id, json!({ "n": int(n), "m": int(0) })).await;
    }
    let check = async |query: Value, expected: &str| {
        assert_eq!(world.ids(query.clone()).await.join(""), expected, "{query}");
    };
    let both = json!([order("n", "ASCENDING"), order("__name__", "ASCENDING")]);
    let down = json!([order("n", "DESCENDING"), order("__name__", "DESCENDING")]);
    let at_b = json!([int(1), { "referenceValue": world.name("posts/b") }]);
    check(json!({ "orderBy": both, "startAt": { "values": at_b } }), "cde").await;
    check(json!({ "orderBy": both, "startAt": { "values": at_b, "before": true } }), "bcde").await;
    check(json!({ "orderBy": down, "startAt": { "values": at_b } }), "a").await;
    check(json!({ "orderBy": down, "startAt": { "values": at_b, "before": true }, "limit": 1 }), "b").await;
    check(json!({ "orderBy": both, "startAt": { "values": [int(1)] } }), "de").await;
    check(json!({ "orderBy": both, "endAt": { "values": [int(2)] } }), "abcd").await;
    check(json!({ "orderBy": both, "endAt": { "values": [int(2)], "before": true } }), "abc").await;
    check(json!({ "orderBy": both, "limit": 2, "offset": 1 }), "bc").await;
    check(json!({ "orderBy": both, "limit": 0 }), "").await;
    check(json!({ "orderBy": [order("n", "DESCENDING")], "limit": 2 }), "ed").await;
    check(json!({ "orderBy": [order("n", "ASCENDING"), order("__name__", "DESCENDING")] }), "cbade").await;
    let (_, answer) = world.post("runQuery", json!({ "structuredQuery": {
        "from": [{ "collectionId": "posts" }], "select": { "fields": [{ "fieldPath": "m" }] }, "limit": 1,
    }})).await;
    assert_eq!(answer[0]["document"]["fields"], json!({ "m": int(0) }));
    assert!(answer[0]["document"]["updateTime"].is_string());
}

/// The query of due posts, whatever kind their time has, through the composite index.
pub(crate) async fn due_posts(world: World) {
    let posts = [
        ("a", "scheduled", Some(time("2025-01-01T00:00:00Z"))),
        ("b", "scheduled", Some(time("2025-01-01T00:10:00Z"))),
        ("c", "scheduled", Some(int(5))),
        ("d", "scheduled", Some(int(50))),
        ("e", "scheduled", Some(text("2025-01-01"))),
        ("f", "scheduled", Some(json!({"nullValue": null}))),
        ("g", "scheduled", Some(json!({"booleanValue": true}))),
        ("h", "scheduled", None),
        ("i", "published", Some(time("2025-01-01T00:00:00Z"))),
        ("j", "scheduled", Some(time("2024-12-31T00:00:00Z"))),
    ];
    for (id, status, at) in posts {
        let mut fields = json!({ "status": text(status) });
        if let Some(at) = at {
            fields["scheduledTime"] = at;
        }
        world.put(id, fields).await;
    }
    let due = composite(
        "AND",
        &[
            field("status", "EQUAL", text("scheduled")),
            composite(
                "OR",
                &[
                    field("scheduledTime", "LESS_THAN_OR_EQUAL", time("2025-01-01T00:05:00Z")),
                    field("scheduledTime", "LESS_THAN_OR_EQUAL", int(10)),
                    field("scheduledTime", "GREATER_THAN_OR_EQUAL", text("")),
                    unary("scheduledTime", "IS_NULL"),
                    field(
                        "scheduledTime",
                        "IN",
                        json!({"arrayValue": {"values": [{"booleanValue": true}, {"booleanValue": false}]}}),
                    ),
                ],
            ),
        ],
    );
    let orders = json!([order("scheduledTime", "ASCENDING"), order("__name__", "ASCENDING")]);
    let ids = world.ids(json!({ "where": due, "orderBy": orders })).await;
    assert_eq!(ids.join(""), "fgcjae");
    assert_eq!(world.ids(json!({ "where": due, "orderBy": orders, "limit": 3 })).await.join(""), "fgc");
    let after = json!({ "values": [int(5), { "referenceValue": world.name("posts/c") }], "before": false });
    assert_eq!(world.ids(json!({ "where": due, "orderBy": orders, "startAt": after })).await.join(""), "jae");
    let (status, claimed) = world.post("commit", json!({ "writes": [{
        "update": { "name": world.name("posts/a"), "fields": { "status": text("publishing") } }, "updateMask": { "fieldPaths": ["status"] },
    }] })).await;
    assert_eq!(status, 200, "{claimed}");
    assert_eq!(world.ids(json!({ "where": due, "orderBy": orders })).await.join(""), "fgcje");
}

pub(crate) async fn refusals(world: World) {
    world.put("a", json!({ "n": int(1) })).await;
    let values = |count: i64| json!({"arrayValue": {"values": (0..count).map(int).collect::<Vec<_>>()}});
    let all = |query: Value| {
        let mut query = query;
        query["from"] = json!([{ "collectionId": "posts" }]);
        json!({ "structuredQuery": query })
    };
    for bad in [
        json!({ "limit": -1 }),
        json!({ "limit": { "value": 1 } }),
        json!({ "orderBy": [order("n", "ASCENDING")], "startAt": { "values": [int(1), { "referenceValue": world.name("posts/a") }] } }),
        json!({ "where": field("n", "LESS_THAN", int(1)), "orderBy": [order("__name__", "ASCENDING")] }),
        json!({ "where": field("n", "IN", values(0)) }),
        json!({ "where": field("n", "IN", values(31)) }),
        json!({ "where": field("n", "NOT_IN", values(11)) }),
        json!({ "where": composite("AND", &[field("n", "IN", values(6)), field("m", "IN", values(6))]) }),
        json!({ "where": field("__name__", "EQUAL", text("a")) }),
        json!({ "where": {} }),
    ] {
        assert_eq!(world.refusal("runQuery", all(bad.clone())).await, "400 INVALID_ARGUMENT", "{bad}");
    }
}

/// Random documents and filters against a scan in the test itself: an index must never change a result.
pub(crate) async fn random_queries_agree_with_a_model(world: World) {
    let random = Random::seeded(11);
    let draw = |bound: f64| {
        #[expect(clippy::cast_possible_truncation, reason = "small and whole after rounding down")]
        let drawn = (random.fraction() * bound).floor() as i64;
        drawn
    };
    let mut posts = Vec::new();
    let mut writes = Vec::new();
    for index in 0..150 {
        let (status, at) = (draw(3.0), draw(20.0));
        let id = format!("p{index:03}");
        writes.push(json!({ "update": { "name": world.name(&format!("posts/{id}")), "fields": { "status": int(status), "scheduledTime": int(at) } } }));
        posts.push((at, id, status));
    }
    posts.sort();
    world.commit(writes.into()).await;
    for _ in 0..40 {
        let (status, low, high, limit) = (draw(3.0), draw(20.0), draw(20.0), draw(15.0) + 1);
        let descending = draw(2.0) == 1;
        let direction = if descending { "DESCENDING" } else { "ASCENDING" };
        let mut filters = vec![
            field("scheduledTime", "LESS_THAN", int(high)),
            field("scheduledTime", "GREATER_THAN_OR_EQUAL", int(low)),
        ];
        let any = draw(3.0) == 0;
        if !any {
            filters.push(field("status", "EQUAL", int(status)));
        }
        let mut expected: Vec<&str> = posts
            .iter()
            .filter(|(at, _, own)| (any || *own == status) && (low..high).contains(at))
            .map(|(_, id, _)| id.as_str())
            .collect();
        if descending {
            expected.reverse();
        }
        expected.truncate(usize::try_from(limit).unwrap());
        let query = json!({ "where": composite("AND", &filters), "orderBy": [order("scheduledTime", direction)], "limit": limit });
        assert_eq!(world.ids(query.clone()).await, expected, "{query}");
    }
}
