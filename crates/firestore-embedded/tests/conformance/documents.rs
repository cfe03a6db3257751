//! Documents and writes.

use serde_json::{Value, json};

use crate::world::{World, int, refusal, text, time};

pub(crate) async fn values(world: World) {
    let reference = json!({ "referenceValue": world.name("posts/p1") });
    // What is sent, and what comes back where it differs.
    let rows: Vec<(Value, Option<Value>)> = vec![
        (json!({"nullValue": null}), None),
        (json!({"nullValue": "NULL_VALUE"}), Some(json!({"nullValue": null}))),
        (json!({"booleanValue": true}), None),
        (int(i64::MIN), None),
        (json!({"integerValue": 7}), Some(int(7))),
        (json!({"doubleValue": 1.5}), None),
        (json!({"doubleValue": "NaN"}), None),
        (json!({"doubleValue": "-Infinity"}), None),
        (time("2025-01-02T03:04:05.123456Z"), None),
        (time("2025-01-02T03:04:05Z"), None),
        (time("2025-01-02T03:04:05.123456789Z"), Some(time("2025-01-02T03:04:05.123456Z"))),
        (time("1960-01-02T03:04:05.123456789Z"), Some(time("1960-01-02T03:04:05.123456Z"))),
        (time("2025-01-02T05:04:05.5+02:00"), Some(time("2025-01-02T03:04:05.500Z"))),
        (text("a\u{0}é😀"), None),
        (json!({"bytesValue": "AAEC/w=="}), None),
        (json!({"bytesValue": "AAEC_w"}), Some(json!({"bytesValue": "AAEC/w=="}))),
        (reference, None),
        (json!({"geoPointValue": {"latitude": 1.5, "longitude": -2.5}}), None),
        (json!({"geoPointValue": {"latitude": 0, "longitude": 0}}), Some(json!({"geoPointValue": {}}))),
        (json!({"arrayValue": {"values": [int(1), text("x")]}}), None),
        (json!({"arrayValue": {"values": []}}), Some(json!({"arrayValue": {}}))),
        (json!({"mapValue": {"fields": {"x.com": int(1)}}}), None),
        (json!({"mapValue": {"fields": {}}}), Some(json!({"mapValue": {}}))),
    ];
    for (sent, expected) in rows {
        world.put("p1", json!({ "v": sent })).await;
        assert_eq!(world.document("p1").await["fields"]["v"], *expected.as_ref().unwrap_or(&sent), "{sent}");
    }
    world.put("p1", json!({})).await;
    assert!(world.document("p1").await.get("fields").is_none());
}

pub(crate) async fn masks(world: World) {
    let name = world.name("posts/p1");
    let check = async |mask: Option<Value>, fields: Value, expected: Value| {
        world.put("p1", json!({"a": int(1), "b": {"mapValue": {"fields": {"x": int(1)}}}})).await;
        let mut write = json!({ "update": { "name": name, "fields": fields } });
        if let Some(mask) = mask {
            write["updateMask"] = mask;
        }
        world.commit(json!([write])).await;
        let document = world.document("p1").await;
        assert_eq!(document.get("fields").cloned().unwrap_or(json!({})), expected);
    };
    let b = json!({"mapValue": {"fields": {"x": int(1)}}});
    check(None, json!({"c": int(2)}), json!({"c": int(2)})).await;
    check(Some(json!({})), json!({"c": int(2)}), json!({"a": int(1), "b": b})).await;
    check(
        Some(json!({"fieldPaths": ["a", "c"]})),
        json!({"c": int(2), "d": int(3)}),
        json!({"b": b, "c": int(2)}),
    )
    .await;
    check(Some(json!({"fieldPaths": ["b.x"]})), json!({}), json!({"a": int(1), "b": {"mapValue": {}}})).await;
    check(
        Some(json!({"fieldPaths": ["a.y"]})),
        json!({"a": {"mapValue": {"fields": {"y": int(5)}}}}),
        json!({"a": {"mapValue": {"fields": {"y": int(5)}}}, "b": b}),
    )
    .await;
    // A nested deletion on a new document makes an empty one.
    world
        .commit(
            json!([{ "update": { "name": world.name("posts/new") }, "updateMask": {"fieldPaths": ["q.r"]} }]),
        )
        .await;
    assert!(world.document("new").await.get("fields").is_none());
}

pub(crate) async fn preconditions(world: World) {
    let write = |id: &str, precondition: Value| json!({ "writes": [{ "update": { "name": world.name(&format!("posts/{id}")), "fields": {} }, "currentDocument": precondition }] });
    world.put("p1", json!({})).await;
    let at = world.document("p1").await["updateTime"].clone();
    let other = json!({"updateTime": "2001-01-01T00:00:00Z"});
    assert_eq!(world.refusal("commit", write("zz", json!({"exists": true}))).await, "404 NOT_FOUND");
    assert_eq!(world.refusal("commit", write("p1", json!({"exists": false}))).await, "409 ALREADY_EXISTS");
    assert_eq!(world.refusal("commit", write("p1", other.clone())).await, "400 FAILED_PRECONDITION");
    assert_eq!(world.refusal("commit", write("zz", other)).await, "400 FAILED_PRECONDITION");
    let fine = json!({"updateTime": "2001-01-01T00:00:00.1234567Z"});
    assert_eq!(world.refusal("commit", write("p1", fine)).await, "400 INVALID_ARGUMENT");
    assert_eq!(world.post("commit", write("p1", json!({ "updateTime": at }))).await.0, 200);
    assert_eq!(world.post("commit", write("p1", json!({}))).await.0, 200);
    // All or nothing.
    let both = json!({ "writes": [
        { "update": { "name": world.name("posts/fresh"), "fields": {} } },
        { "delete": world.name("posts/none"), "currentDocument": { "exists": true } },
    ]});
    assert_eq!(world.refusal("commit", both).await, "404 NOT_FOUND");
    let (code, answer) = world.send("GET", "/posts/fresh", &Value::Null).await;
    assert_eq!(refusal(code, &answer), "404 NOT_FOUND");
}

pub(crate) async fn no_op_keeps_the_version(world: World) {
    world.put("p1", json!({"a": int(1)})).await;
    let before = world.document("p1").await["updateTime"].clone();
    let name = world.name("posts/p1");
    let set = |value: i64| json!({ "update": { "name": name, "fields": { "a": int(value) } } });
    let answer = world.commit(json!([set(1)])).await;
    assert_eq!(answer["writeResults"][0]["updateTime"], before);
    world.commit(json!([set(2), set(1)])).await;
    assert_eq!(world.document("p1").await["updateTime"], before);
    let (_, answer) = world.post("batchWrite", json!({ "writes": [set(1)] })).await;
    assert_eq!(answer["writeResults"][0]["updateTime"], before);
    let double = json!({ "update": { "name": name, "fields": { "a": { "doubleValue": 1.0 } } } });
    world.commit(json!([double])).await;
    assert_ne!(world.document("p1").await["updateTime"], before, "1.0 is not 1");
    world.commit(json!([{ "delete": name }])).await;
    world.put("p1", json!({"a": int(1)})).await;
    let document = world.document("p1").await;
    assert_eq!(document["createTime"], document["updateTime"], "created anew");
    // One commit, one version.
    let answer = world
        .commit(json!([
            { "update": { "name": world.name("posts/a"), "fields": {} } },
            { "update": { "name": world.name("posts/b"), "fields": {} } },
        ]))
        .await;
    assert_eq!(answer["writeResults"][0]["updateTime"], answer["writeResults"][1]["updateTime"]);
}

pub(crate) async fn batch_write(world: World) {
    world.put("p1", json!({"a": int(1)})).await;
    let update = |id: &str, precondition: Value| json!({ "update": { "name": world.name(&format!("posts/{id}")), "fields": { "a": int(2) } }, "currentDocument": precondition });
    let (status, answer) = world
        .post(
            "batchWrite",
            json!({ "writes": [
            update("p1", json!({"updateTime": "2001-01-01T00:00:00Z"})),
            update("p2", json!({"exists": false})),
            update("p3", json!({"exists": true})),
        ] }),
        )
        .await;
    assert_eq!(status, 200);
    let codes: Vec<_> =
        answer["status"].as_array().unwrap().iter().map(|status| status["code"].as_i64()).collect();
    assert_eq!(codes, [Some(9), None, Some(5)], "{answer}");
    assert_eq!(answer["writeResults"][0], json!({}));
    assert!(answer["writeResults"][1]["updateTime"].is_string());
    assert_eq!(world.document("p1").await["fields"]["a"], int(1));
    assert_eq!(world.document("p2").await["fields"]["a"], int(2));
    let twice = json!({ "writes": [update("p8", json!({})), update("p8", json!({}))] });
    assert_eq!(world.refusal("batchWrite", twice).await, "400 INVALID_ARGUMENT");
    let malformed = json!({ "writes": [update("p8", json!({})), { "update": { "name": world.name("posts/p9"), "fields": { "a": {} } } }] });
    assert_eq!(world.refusal("batchWrite", malformed).await, "400 INVALID_ARGUMENT");
    assert_eq!(world.send("GET", "/posts/p8", &Value::Null).await.0, 404, "nothing of a malformed batch");
}

pub(crate) async fn transforms(world: World) {
    world.put("p1", json!({"n": int(3), "t": text("x"), "list": {"arrayValue": {"values": [int(1)]}}})).await;
    let answer = world
        .commit(json!([{
            "update": { "name": world.name("posts/p1"), "fields": {} },
            "updateMask": {},
            "updateTransforms": [
                { "fieldPath": "n", "increment": int(2) },
                { "fieldPath": "t", "increment": int(2) },
                { "fieldPath": "big", "maximum": { "doubleValue": 1.5 } },
                { "fieldPath": "list", "appendMissingElements": { "values": [{ "doubleValue": 1.0 }, int(2)] } },
                { "fieldPath": "list", "removeAllFromArray": { "values": [int(1)] } },
                { "fieldPath": "at", "setToServerValue": "REQUEST_TIME" },
            ],
        }]))
        .await;
    let results = answer["writeResults"][0]["transformResults"].as_array().unwrap().clone();
    let null = json!({"nullValue": null});
    assert_eq!(results[..5], [int(5), int(2), json!({"doubleValue": 1.5}), null.clone(), null]);
    let fields = world.document("p1").await["fields"].clone();
    assert_eq!(fields["list"], json!({"arrayValue": {"values": [int(2)]}}));
    assert_eq!(fields["at"], results[5]);
    assert!(fields["at"]["timestampValue"].as_str().unwrap().len() <= "2025-01-02T03:04:05.123Z".len());
}

pub(crate) async fn refusals(world: World) {
    let value = |value: Value| json!({ "writes": [{ "update": { "name": world.name("posts/p1"), "fields": { "a": value } } }] });
    let mut deep = int(1);
    for _ in 0..21 {
        deep = json!({ "mapValue": { "fields": { "a": deep } } });
    }
    for bad in [
        json!({}),
        json!({"stringValue": null}),
        json!({"stringValue": "", "booleanValue": true}),
        json!({"integerValue": "9223372036854775808"}),
        json!({"integerValue": 1.5}),
        json!({"timestampValue": "2025-01-01"}),
        json!({"arrayValue": {"values": [{"arrayValue": {}}]}}),
        json!({"mapValue": {"fields": {"__x__": int(1)}}}),
        json!({"mapValue": {"fields": {"": int(1)}}}),
        json!({"referenceValue": "posts/p1"}),
        deep,
    ] {
        assert_eq!(world.refusal("commit", value(bad.clone())).await, "400 INVALID_ARGUMENT", "{bad}");
    }
    for path in ["a b", "a..b", "a.", "1a", "é", "__x__", "m,n", ""] {
        let body = json!({ "writes": [{ "update": { "name": world.name("posts/p1") }, "updateMask": { "fieldPaths": [path] } }] });
        assert_eq!(world.refusal("commit", body).await, "400 INVALID_ARGUMENT", "{path}");
    }
    for name in ["posts/..", "posts/__x__", "posts"] {
        let body = json!({ "writes": [{ "delete": world.name(name) }] });
        assert_eq!(world.refusal("commit", body).await, "400 INVALID_ARGUMENT", "{name}");
    }
    let (code, answer) = world.send("POST", "/posts?documentId=p1", &json!({"fields": {}})).await;
    assert_eq!(code, 200, "{answer}");
    let (code, answer) = world.send("POST", "/posts?documentId=p1", &json!({"fields": {}})).await;
    assert_eq!(refusal(code, &answer), "409 ALREADY_EXISTS");
    assert_eq!(world.send("DELETE", "/posts/p1", &Value::Null).await, (200, json!({})));
    let (code, answer) = world.send("DELETE", "/posts/p1?currentDocument.exists=true", &Value::Null).await;
    assert_eq!(refusal(code, &answer), "404 NOT_FOUND");
}
