//! Every fault, and the switches over HTTP.
use std::io::{Read, Write};
use std::net::TcpStream;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use social_sandbox::{Fault, FaultAction, FaultBody, RateLimitForm};

use crate::harness::{World, world};

const POST: &str = "x.posts.create";

#[tokio::test]
async fn each_fault_answers_and_acts_as_it_says() {
    let after = true;
    let body = || FaultBody::Json(json!({"why": "ordered"}));
    let rate = |form| FaultAction::RateLimited { reset_secs: 60, form };
    for (action, status, fragment, posted) in [
        (FaultAction::FailBefore { status: 500, body: body() }, 500, "ordered", 0),
        (FaultAction::FailAfter { status: 504, body: FaultBody::Empty }, 504, "", 1),
        (FaultAction::DropBefore, 500, "", 0),
        (FaultAction::DropAfter, 500, "", 1),
        (rate(RateLimitForm::Problem), 429, "\"title\":\"Too Many Requests\"", 0),
        (rate(RateLimitForm::Legacy), 429, "\"code\":88", 0),
        (rate(RateLimitForm::Typed), 429, "rate-limit-exceeded", 0),
        (FaultAction::Unauthorized, 401, "about:blank", 0),
        (FaultAction::Unavailable { html: false, after: false }, 503, "\"Service Unavailable\"", 0),
        (FaultAction::Unavailable { html: true, after }, 503, "<html>", 1),
        (FaultAction::Html502 { after }, 502, "<html>", 1),
        (FaultAction::CreatedWithoutData, 201, "errors", 1),
    ] {
        let world = world();
        let token = world.token("acme");
        let dropped = matches!(action, FaultAction::DropBefore | FaultAction::DropAfter);
        world.sandbox.faults().add(Fault::next(POST, action));
        let reply = world.post(&token, json!({"text": "once"})).await;
        reply.is(status, fragment);
        assert_eq!(reply.dropped, dropped);
        assert_eq!(world.sandbox.x().timeline("acme").len(), posted, "{reply:?}");
        if status == 429 {
            assert_eq!(reply.header("x-rate-limit-reset"), Some("1795428060"));
            assert_eq!(reply.header("retry-after"), None);
        }
        assert_eq!(world.sandbox.faults().remaining(), 0);
        let again = world.post(&token, json!({"text": "once"})).await;
        assert_eq!(again.status, if posted == 0 { 201 } else { 403 });
        assert_eq!(world.sandbox.x().calls(POST), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn late_answers_outlast_the_caller() {
    let world = world();
    let token = world.token("acme");
    let patience = std::time::Duration::from_secs(5);
    world.sandbox.faults().add(Fault::next(POST, FaultAction::DelayAfter { ms: 9000 }));
    let reply = tokio::time::timeout(patience, world.post(&token, json!({"text": "late"}))).await;
    assert!(reply.is_err());
    assert_eq!(world.sandbox.x().timeline("acme").len(), 1);
    world.sandbox.faults().add(Fault::next(POST, FaultAction::Delay { ms: 9000 }));
    let reply = tokio::time::timeout(patience, world.post(&token, json!({"text": "never"}))).await;
    assert!(reply.is_err());
    assert_eq!(world.sandbox.x().timeline("acme").len(), 1);
    world.sandbox.x_admin().configure(|options| options.latency = chrono::Duration::milliseconds(250));
    let before = tokio::time::Instant::now();
    world.say(&token, "slow").await;
    assert_eq!(before.elapsed().as_millis(), 250);
}

#[tokio::test]
async fn faults_are_skipped_repeated_and_matched_by_prefix() {
    let world = world();
    let token = world.token("acme");
    let faults = world.sandbox.faults();
    faults.add(Fault { skip: 1, times: 2, ..Fault::next("x.users.*", FaultAction::Unauthorized) });
    assert_eq!(faults.remaining(), 2);
    let mut seen = vec![];
    for _ in 0..4 {
        seen.push(world.get(&token, "/x/2/users/me").await.status);
    }
    assert_eq!(seen, [200, 401, 401, 200]);
    faults.add(Fault::next("x.oauth2.token", FaultAction::Unavailable { html: true, after: false }));
    world.form(None, "/x/2/oauth2/token", &[]).await.is(503, "<html>");
    faults.add(Fault::next("x.oauth2.token", FaultAction::Unauthorized));
    world.form(None, "/x/2/oauth2/token", &[]).await.is(401, "unauthorized_client");
    faults.add(Fault::next(POST, FaultAction::DropAfter));
    faults.clear();
    assert_eq!(faults.remaining(), 0);
}

/// The same over a socket: the connection closes before a single byte of an answer.
#[tokio::test]
async fn a_dropped_answer_closes_the_connection() {
    let world = world();
    let token = world.token("acme");
    world.sandbox.faults().add(Fault::next(POST, FaultAction::DropAfter));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = world.sandbox.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let answer = tokio::task::spawn_blocking(move || {
        let body = r#"{"text":"gone"}"#;
        let mut stream = TcpStream::connect(address).unwrap();
        write!(
            stream,
            "POST /x/2/tweets HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = Vec::new();
        // A reset instead of an orderly end is a lost answer as well.
        let _ = stream.read_to_end(&mut answer);
        answer
    });
    assert_eq!(answer.await.unwrap(), b"");
    assert_eq!(world.sandbox.x().timeline("acme").len(), 1);
}

async fn control(world: &World, method: &str, path: &str, body: Value) -> (u16, Value) {
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_string())).unwrap();
    let reply = world.send(request).await;
    (reply.status, reply.json())
}

#[tokio::test]
async fn control_orders_faults_and_moves_the_clock() {
    let world = world();
    let token = world.token("acme");
    let fault = json!({"operation": POST, "times": 2, "action": {"rateLimited": {"resetSecs": 60, "form": "legacy"}}});
    let (status, state) = control(&world, "POST", "/control/faults", fault.clone()).await;
    assert_eq!((status, &state["faults"][0]["action"]), (200, &fault["action"]));
    world.post(&token, json!({"text": "a"})).await.is(429, "88");
    control(&world, "DELETE", "/control/faults", json!(null)).await;
    world.say(&token, "a").await;
    for action in [
        json!("dropBefore"),
        json!({"failAfter": {"status": 500, "body": {"html": "<p>"}}}),
        json!({"unavailable": {"after": true}}),
        json!({"html502": {}}),
        json!({"delayAfter": {"ms": 1}}),
    ] {
        let (status, _) =
            control(&world, "POST", "/control/faults", json!({"operation": "none", "action": action})).await;
        assert_eq!(status, 200, "{action}");
    }
    let (status, _) =
        control(&world, "POST", "/control/faults", json!({"operation": POST, "action": "explode"})).await;
    assert_eq!(status, 400);
    let (_, state) = control(&world, "POST", "/control/clock", json!({"advanceSeconds": 7200})).await;
    assert_eq!(state["now"], "2026-11-23T12:00:00Z");
    world.post(&token, json!({"text": "b"})).await.is(401, "");
    let (_, state) = control(&world, "GET", "/control/state", json!(null)).await;
    assert_eq!((&state["x"]["posts"], &state["x"]["calls"][POST]), (&json!(1), &json!(3)));
    let (_, state) =
        control(&world, "POST", "/control/x", json!({"suspend": "acme", "addAccount": "beans"})).await;
    assert_eq!(state["x"]["accounts"].as_array().unwrap().len(), 3);
}
