use std::{collections::VecDeque, sync::Mutex};

use async_trait::async_trait;
use chrono::DateTime;
use serde_json::Value as Json;
use transport::{Request, TokioClock, Transport};

use super::*;
use crate::Transform;

type Answer = Result<(u16, String), TransportError>;

/// Gives the answers in turn and keeps the requests.
#[derive(Debug)]
struct Script {
    answers: Mutex<VecDeque<Answer>>,
    requests: Mutex<Vec<(&'static str, Json)>>,
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request) -> Result<Response, TransportError> {
        let operation = request.extensions().get::<Operation>().unwrap().0;
        self.requests.lock().unwrap().push((operation, serde_json::from_slice(request.body()).unwrap()));
        let (status, body) =
            self.answers.lock().unwrap().pop_front().expect("an answer for every request")?;
        Ok(http::Response::builder().status(status).body(body.into()).unwrap())
    }
}

fn client(answers: impl IntoIterator<Item = Answer>) -> (Client, Arc<Script>) {
    let script =
        Arc::new(Script { answers: Mutex::new(answers.into_iter().collect()), requests: Mutex::default() });
    let options = ClientOptions {
        base_url: "http://firestore/v1".into(),
        project: "p".into(),
        database: "(default)".into(),
        auth: Auth::EmulatorOwner,
    };
    let clock = Arc::new(TokioClock::starting_at(DateTime::UNIX_EPOCH));
    (Client::new(script.clone(), clock, Random::seeded(1), options), script)
}

fn ok(body: &str) -> Answer {
    Ok((200, body.into()))
}

fn refused(code: u16, status: &str) -> Answer {
    Ok((code, json!({ "error": { "code": code, "message": "m", "status": status } }).to_string()))
}

fn lost() -> Answer {
    Err(TransportError::Lost("reset".into()))
}

fn path(id: &str) -> DocumentPath {
    DocumentPath::new("posts", id).unwrap()
}

fn claim(id: &str) -> Write {
    Write::merge(path(id), vec![], Fields::new(), Precondition::UpdateTime(UpdateTime("t".into())))
        .transform("n", Transform::Increment(1))
}

fn increment(id: &str) -> Write {
    Write::merge(path(id), vec![], Fields::new(), Precondition::None).transform("n", Transform::Increment(1))
}

const COMMITTED: &str = r#"{"writeResults":[{"updateTime":"t1"}],"commitTime":"t1"}"#;

#[tokio::test(start_paused = true)]
async fn a_commit_is_repeated_as_far_as_that_cannot_do_it_twice() {
    let check = async |write: Write, answers: Vec<Answer>, code: &str, sent: usize| {
        let (client, script) = client(answers);
        let outcome = client.commit(vec![write]).await;
        assert_eq!(outcome.as_ref().err().map_or("OK", Error::code), code);
        assert_eq!(script.requests.lock().unwrap().len(), sent);
    };
    check(claim("a"), vec![lost(), ok(COMMITTED)], "OK", 2).await;
    check(claim("a"), vec![lost(), refused(400, "FAILED_PRECONDITION")], "FAILED_PRECONDITION", 2).await;
    check(claim("a"), vec![refused(503, "UNAVAILABLE"), refused(409, "ABORTED"), ok(COMMITTED)], "OK", 3)
        .await;
    check(claim("a"), vec![refused(500, "INTERNAL"), refused(500, "INTERNAL")], "INTERNAL", 2).await;
    check(claim("a"), (0..5).map(|_| refused(429, "RESOURCE_EXHAUSTED")).collect(), "RESOURCE_EXHAUSTED", 5)
        .await;
    check(claim("a"), vec![refused(409, "ALREADY_EXISTS")], "ALREADY_EXISTS", 1).await;
    check(increment("a"), vec![lost()], "NO_ANSWER", 1).await;
    check(increment("a"), vec![refused(504, "DEADLINE_EXCEEDED")], "DEADLINE_EXCEEDED", 1).await;
    let not_sent = || Err(TransportError::NotSent("refused".into()));
    check(increment("a"), vec![not_sent(), refused(409, "ABORTED"), ok(COMMITTED)], "OK", 3).await;
}

#[tokio::test(start_paused = true)]
async fn an_error_is_found_wherever_a_stream_has_it() {
    let error = r#"{"error":{"code":400,"message":"needs an index","status":"FAILED_PRECONDITION"}}"#;
    let element = r#"{"document":{"name":"projects/p/databases/d/documents/posts/a","createTime":"t","updateTime":"t"}}"#;
    for (status, body) in [
        (400, error.to_owned()),
        (400, format!("[{error}]")),
        (200, format!("[{element},{error}]")),
        (200, error.to_owned()),
    ] {
        let (client, _) = client([Ok((status, body.clone()))]);
        let outcome = client.run_query(&Query::collection("posts")).await;
        assert!(
            matches!(&outcome, Err(Error::FailedPrecondition { message }) if message == "needs an index"),
            "{body}: {outcome:?}"
        );
    }
    let (client, _) = client([Ok((404, "Not Found".into()))]);
    let outcome = client.get(&path("a")).await;
    assert!(matches!(&outcome, Err(Error::Unreadable { status: 404, snippet }) if snippet == "Not Found"));
}

#[tokio::test(start_paused = true)]
async fn a_field_called_error_is_no_error() {
    let element = r#"[{"document":{"name":"projects/p/databases/d/documents/posts/a","fields":{"error":{"stringValue":"x"}},"createTime":"t","updateTime":"t"}}]"#;
    let (client, _) = client([ok(element)]);
    assert_eq!(client.run_query(&Query::collection("posts")).await.unwrap().documents.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn single_writes_of_a_batch_are_sent_again() {
    let (client, script) = client([
        ok(
            r#"{"writeResults":[{"updateTime":"t1"},{},{}],"status":[{},{"code":10},{"code":9,"message":"m"}]}"#,
        ),
        ok(r#"{"writeResults":[{}],"status":[{"code":14}]}"#),
        ok(r#"{"writeResults":[{"updateTime":"t2"}],"status":[{}]}"#),
    ]);
    let results = client.batch_write(vec![claim("a"), claim("b"), claim("c")]).await.unwrap();
    assert!(
        matches!(&results[..], [Ok(a), Ok(b), Err(Error::FailedPrecondition { .. })] if a.as_str() == "t1" && b.as_str() == "t2"),
        "{results:?}"
    );
    let requests = script.requests.lock().unwrap();
    assert_eq!(
        requests.iter().map(|(_, body)| body["writes"].as_array().unwrap().len()).collect::<Vec<_>>(),
        [3, 1, 1]
    );
    assert!(requests.iter().all(|(operation, _)| *operation == "firestore.batchWrite"));
}

#[tokio::test(start_paused = true)]
async fn a_batch_keeps_what_was_answered_before_a_failure() {
    let writes: Vec<Write> = (0..MAX_WRITES + 1).map(|index| claim(&index.to_string())).collect();
    let answer = json!({ "writeResults": vec![json!({ "updateTime": "t" }); MAX_WRITES], "status": vec![json!({}); MAX_WRITES] });
    let (client, _) = client([ok(&answer.to_string()), refused(403, "PERMISSION_DENIED")]);
    let results = client.batch_write(writes).await.unwrap();
    assert!(results[..MAX_WRITES].iter().all(Result::is_ok));
    assert!(matches!(results[MAX_WRITES], Err(Error::PermissionDenied)));
}
