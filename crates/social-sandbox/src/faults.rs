//! Faults as data: what goes wrong, for which operation, after how many calls, how often.
use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Answer;
use crate::clock::sleep_ms;

/// One order: `{"operation":"x.posts.create","skip":0,"times":1,"action":"dropAfter"}`.
///
/// `operation` may end in `*` to match every operation that begins so.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    pub operation: String,
    /// Calls of the operation that pass before this fault is due.
    #[serde(default)]
    pub skip: u32,
    #[serde(default = "once")]
    pub times: u32,
    pub action: FaultAction,
}

/// What happens instead of, or on top of, the ordinary course of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum FaultAction {
    /// The answer is this one, and nothing happened.
    FailBefore { status: u16, body: FaultBody },
    /// The call takes effect, and the answer is this one.
    FailAfter { status: u16, body: FaultBody },
    /// The connection closes without an answer, and nothing happened.
    DropBefore,
    /// The call takes effect, then the connection closes without an answer.
    DropAfter,
    /// The call waits before it takes effect. A caller that hangs up in time prevents the effect.
    Delay { ms: u64 },
    /// The call takes effect at once and is answered late.
    DelayAfter { ms: u64 },
    /// 429; the window is said to open again in `reset_secs`.
    RateLimited {
        reset_secs: i64,
        #[serde(default)]
        form: RateLimitForm,
    },
    /// 401 although the credential is good.
    Unauthorized,
    /// 503, as the platform's JSON or as the edge's page, with or without the effect.
    Unavailable {
        #[serde(default)]
        html: bool,
        #[serde(default)]
        after: bool,
    },
    /// 502 with the edge's page.
    Html502 {
        #[serde(default)]
        after: bool,
    },
    /// The effect happens and the answer is a success that does not say what was made.
    CreatedWithoutData,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultBody {
    Empty,
    Json(Value),
    Html(String),
    Text(String),
}

/// The shapes in which a platform says "too many".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RateLimitForm {
    /// The current error object.
    #[default]
    Problem,
    /// The older list of codes (X: `errors[0].code` 88).
    Legacy,
    /// The error object with a type of its own (X: `rate-limit-exceeded`).
    Typed,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// The next call of `operation` fails so.
    pub fn next(operation: impl Into<String>, action: FaultAction) -> Self {
        Self { operation: operation.into(), skip: 0, times: 1, action }
    }

    fn matches(&self, operation: &str) -> bool {
        match self.operation.strip_suffix('*') {
            Some(prefix) => operation.starts_with(prefix),
            None => self.operation == operation,
        }
    }
}

/// The orders that still stand, in the order in which they were given.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    orders: Arc<Mutex<VecDeque<Fault>>>,
}

impl Faults {
    pub fn add(&self, fault: Fault) {
        if fault.times > 0 {
            self.lock().push_back(fault);
        }
    }

    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many failures are still due, over all orders.
    pub fn remaining(&self) -> usize {
        self.lock().iter().map(|fault| fault.times as usize).sum()
    }

    pub(crate) fn list(&self) -> Vec<Fault> {
        self.lock().iter().cloned().collect()
    }

    /// A call counts towards the `skip` of every order that is not yet due; the first that is due fires.
    fn take(&self, operation: &str) -> Option<FaultAction> {
        let mut orders = self.lock();
        let mut fired = None;
        for (index, fault) in orders.iter_mut().enumerate().filter(|(_, fault)| fault.matches(operation)) {
            if fault.skip > 0 {
                fault.skip -= 1;
            } else if fired.is_none() {
                fault.times -= 1;
                fired = Some((index, fault.action.clone()));
            }
        }
        let (index, action) = fired?;
        if orders[index].times == 0 {
            orders.remove(index);
        }
        Some(action)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Fault>> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How one platform words the failures that are not spelled out in the order.
pub(crate) trait Wording {
    fn rate_limited(&self, operation: &str, reset_secs: i64, form: RateLimitForm) -> Answer;
    fn unauthorized(&self, operation: &str) -> Answer;
    fn unavailable(&self, operation: &str) -> Answer;
    fn without_data(&self, operation: &str) -> Answer;
}

/// Runs one call under the fault that is due for it, if any.
pub(crate) async fn under_faults<F>(
    faults: &Faults,
    wording: &impl Wording,
    operation: &str,
    call: F,
) -> Answer
where
    F: Future<Output = Answer>,
{
    let Some(action) = faults.take(operation) else { return call.await };
    let without_data = action == FaultAction::CreatedWithoutData;
    let (answer, after) = match action {
        FaultAction::Delay { ms } => {
            sleep_ms(ms).await;
            return call.await;
        }
        FaultAction::DelayAfter { ms } => {
            let answer = call.await;
            sleep_ms(ms).await;
            return answer;
        }
        FaultAction::FailBefore { status, body } => (body.answer(status), false),
        FaultAction::FailAfter { status, body } => (body.answer(status), true),
        FaultAction::DropBefore => (Answer::dropped(), false),
        FaultAction::DropAfter => (Answer::dropped(), true),
        FaultAction::RateLimited { reset_secs, form } => {
            (wording.rate_limited(operation, reset_secs, form), false)
        }
        FaultAction::Unauthorized => (wording.unauthorized(operation), false),
        FaultAction::Unavailable { html: true, after } => {
            (edge_page(503, "503 Service Temporarily Unavailable"), after)
        }
        FaultAction::Unavailable { html: false, after } => (wording.unavailable(operation), after),
        FaultAction::Html502 { after } => (edge_page(502, "502 Bad Gateway"), after),
        FaultAction::CreatedWithoutData => (wording.without_data(operation), true),
    };
    if !after {
        return answer;
    }
    let happened = call.await;
    // A refusal has no data to leave out.
    if without_data && happened.status >= 400 { happened } else { answer }
}

fn edge_page(status: u16, title: &str) -> Answer {
    Answer::html(
        status,
        format!("<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"),
    )
}

impl FaultBody {
    fn answer(&self, status: u16) -> Answer {
        match self {
            Self::Empty => Answer::empty(status),
            Self::Json(body) => Answer::json(status, body),
            Self::Html(body) => Answer::html(status, body.clone()),
            Self::Text(body) => Answer::text(status, body.clone()),
        }
    }
}
