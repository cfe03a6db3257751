//! The sandbox's own switches over HTTP, for one that runs as a separate program.
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::{get, post};
use chrono::Duration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::faults::Fault;
use crate::sandbox::Sandbox;
use crate::x::Processing;

pub(crate) fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/faults", post(add_fault).delete(clear_faults))
        .route("/clock", post(advance))
        .route("/state", get(state))
        .route("/x", post(change_x))
        .with_state(sandbox)
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| Answer::json(400, &json!({"error": error.to_string()})))
}

/// One fault, or a list of them.
async fn add_fault(State(sandbox): State<Sandbox>, body: Bytes) -> Answer {
    let faults = match read::<Value>(&body) {
        Ok(Value::Array(_)) => read::<Vec<Fault>>(&body),
        Ok(_) => read::<Fault>(&body).map(|fault| vec![fault]),
        Err(refusal) => Err(refusal),
    };
    match faults {
        Ok(faults) => {
            faults.into_iter().for_each(|fault| sandbox.faults().add(fault));
            snapshot(&sandbox)
        }
        Err(refusal) => refusal,
    }
}

async fn clear_faults(State(sandbox): State<Sandbox>) -> Answer {
    sandbox.faults().clear();
    snapshot(&sandbox)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_seconds: i64,
}

async fn advance(State(sandbox): State<Sandbox>, body: Bytes) -> Answer {
    match read::<Advance>(&body) {
        Ok(Advance { advance_seconds }) => match Duration::try_seconds(advance_seconds) {
            Some(by) => {
                sandbox.advance(by);
                snapshot(&sandbox)
            }
            None => Answer::json(400, &json!({"error": "advanceSeconds is out of range"})),
        },
        Err(refusal) => refusal,
    }
}

/// What the platform's staff, its billing and its users can do; one or several at once.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ChangeX {
    suspend: Option<String>,
    unsuspend: Option<String>,
    disconnect: Option<String>,
    processing: Option<Processing>,
    credits_micro_usd: Option<i64>,
    add_account: Option<String>,
}

async fn change_x(State(sandbox): State<Sandbox>, body: Bytes) -> Answer {
    let change = match read::<ChangeX>(&body) {
        Ok(change) => change,
        Err(refusal) => return refusal,
    };
    let admin = sandbox.x_admin();
    change.suspend.iter().for_each(|name| admin.suspend(name));
    change.unsuspend.iter().for_each(|name| admin.unsuspend(name));
    change.disconnect.iter().for_each(|name| admin.disconnect(name));
    change.processing.into_iter().for_each(|outcome| admin.next_processing(outcome));
    change.credits_micro_usd.into_iter().for_each(|credits| admin.set_credits(Some(credits)));
    change.add_account.iter().for_each(|name| {
        admin.add_account(name, name);
    });
    snapshot(&sandbox)
}

async fn state(State(sandbox): State<Sandbox>) -> Answer {
    snapshot(&sandbox)
}

fn snapshot(sandbox: &Sandbox) -> Answer {
    let body = json!({"now": sandbox.now(), "faults": sandbox.faults().list(), "x": sandbox.x().summary()});
    Answer::json(200, &body)
}
