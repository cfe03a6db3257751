//! The one transition function of a delivery. No I/O, no clock, no randomness of its own.

use chrono::{DateTime, TimeDelta, Utc};

use super::{Delivery, Fence, Policy, Receipt, State};
use crate::{
    platform::{Disposition, Failure, Look, Progress, Staged},
    problem::{Actor, Problem},
};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The author asked (again): scheduled, or edited before the fence. Carries the new revision.
    Asked {
        revision: String,
    },
    /// A staging step succeeded.
    Staged(Staged),
    /// A staging step, or getting ready for the call, failed; nothing public happened.
    Refused(Failure),
    /// About to write the fence.
    Fence(Fence),
    /// The public call was begun at this instant, for a post due at `scheduled_at`, and answered.
    Fired {
        at: DateTime<Utc>,
        scheduled_at: DateTime<Utc>,
        outcome: Result<Receipt, Failure>,
    },
    /// Found in `firing` by somebody who did not make the call.
    Abandoned,
    Looked(Result<Look, Failure>),
    /// Past the lateness limit before any call.
    TooLate,
    Cancelled,
    /// A person said: it is there.
    Adopted(Receipt),
    /// A person said: send it again.
    SendAgain {
        revision: String,
    },
}

/// The delivery after `event`. An event that makes no sense in a state changes nothing; above all, nothing
/// leads from a taken fence back to a call but a definite refusal, proven absence, or a person's word.
pub fn step(
    delivery: &Delivery,
    event: &Event,
    now: DateTime<Utc>,
    policy: &Policy,
    jitter: f64,
) -> Delivery {
    let mut next = delivery.clone();
    match &delivery.state {
        State::Pending { .. } => before_the_fence(&mut next, Progress::default(), event, now, policy, jitter),
        State::Staging { progress, .. } | State::Staged { progress, .. } => {
            before_the_fence(&mut next, progress.clone(), event, now, policy, jitter);
        }
        State::Firing { progress, fence } => firing(&mut next, progress, fence, event, now, policy, jitter),
        State::Unknown { .. } => unknown(&mut next, event, now, policy),
        State::Failed { .. } | State::Missed { .. } | State::Cancelled { .. } => match event {
            Event::Asked { revision } | Event::SendAgain { revision } => ask(&mut next, revision),
            Event::Adopted(receipt) => next.state = State::Published { receipt: receipt.clone() },
            Event::Staged(_)
            | Event::Refused(_)
            | Event::Fence(_)
            | Event::Fired { .. }
            | Event::Abandoned
            | Event::Looked(_)
            | Event::TooLate
            | Event::Cancelled => {}
        },
        State::Published { .. } => {}
    }
    next
}

fn ask(next: &mut Delivery, revision: &str) {
    *next = Delivery::new(revision.to_owned());
}

fn before_the_fence(
    next: &mut Delivery,
    progress: Progress,
    event: &Event,
    now: DateTime<Utc>,
    policy: &Policy,
    jitter: f64,
) {
    match event {
        Event::Asked { revision } => {
            if *revision != next.revision {
                ask(next, revision);
            }
        }
        Event::Staged(Staged::More { progress, due_at }) => {
            next.state = State::Staging { progress: progress.clone(), due_at: *due_at };
        }
        Event::Staged(Staged::Ready { progress, good_until }) => {
            next.state =
                State::Staged { progress: progress.clone(), good_until_at: *good_until, due_at: None };
        }
        Event::Refused(failure) => refused(next, failure, progress, now, policy, jitter),
        Event::Fence(fence) => {
            if next.attempts < policy.max_attempts {
                next.attempts += 1;
                next.state = State::Firing { progress, fence: fence.clone() };
            } else {
                fail(next, exhausted(), now);
            }
        }
        Event::TooLate => {
            next.error = Some(next.error.clone().unwrap_or_else(too_late));
            next.state = State::Missed { missed_at: now };
        }
        Event::Cancelled => next.state = State::Cancelled { cancelled_at: now },
        Event::Adopted(receipt) => next.state = State::Published { receipt: receipt.clone() },
        Event::Fired { .. } | Event::Abandoned | Event::Looked(_) | Event::SendAgain { .. } => {}
    }
}

fn firing(
    next: &mut Delivery,
    progress: &Progress,
    fence: &Fence,
    event: &Event,
    now: DateTime<Utc>,
    policy: &Policy,
    jitter: f64,
) {
    match event {
        Event::Fired { at, scheduled_at, outcome } => {
            next.fired_at = Some(*at);
            next.lateness_ms = Some((*at - *scheduled_at).num_milliseconds());
            match outcome {
                Ok(receipt) => next.state = State::Published { receipt: receipt.clone() },
                Err(failure) => match failure.disposition {
                    Disposition::Unknown => lost(next, progress, fence, &failure.problem, now, policy),
                    // Refused because it is there: ours if we called before, somebody else's if not.
                    Disposition::Duplicate if fence.attempt > 1 => {
                        lost(next, progress, fence, &failure.problem, now, policy);
                    }
                    Disposition::NotSent
                    | Disposition::WaitUntil(_)
                    | Disposition::Unauthorized
                    | Disposition::Restage
                    | Disposition::Rejected
                    | Disposition::Duplicate => {
                        // Definitely no effect: the attempt did not count as a public call.
                        next.attempts = next.attempts.saturating_sub(1);
                        refused(next, failure, progress.clone(), now, policy, jitter);
                    }
                },
            }
        }
        Event::Abandoned => {
            let problem = Problem::new(
                "publish.interrupted",
                Actor::Platform,
                "publishing was interrupted right after it began",
                "Nothing to do: we are looking whether the post is there",
            );
            lost(next, progress, fence, &problem, now, policy);
        }
        Event::Adopted(receipt) => next.state = State::Published { receipt: receipt.clone() },
        Event::Asked { .. }
        | Event::Staged(_)
        | Event::Refused(_)
        | Event::Fence(_)
        | Event::Looked(_)
        | Event::TooLate
        | Event::Cancelled
        | Event::SendAgain { .. } => {}
    }
}

fn lost(
    next: &mut Delivery,
    progress: &Progress,
    fence: &Fence,
    problem: &Problem,
    now: DateTime<Utc>,
    policy: &Policy,
) {
    next.error = Some(problem.clone());
    next.state = State::Unknown {
        progress: progress.clone(),
        fence: fence.clone(),
        since_at: now,
        looks: 0,
        absent: 0,
        due_at: policy.looks.first().map(|delay| now + *delay),
    };
}

fn unknown(next: &mut Delivery, event: &Event, now: DateTime<Utc>, policy: &Policy) {
    let State::Unknown { progress, fence, since_at, looks, absent, due_at } = &mut next.state else { return };
    match event {
        Event::Looked(Ok(Look::Found(receipt))) | Event::Adopted(receipt) => {
            if next.fired_at.is_none() {
                next.fired_at = Some(fence.fenced_at);
            }
            next.state = State::Published { receipt: receipt.clone() };
        }
        Event::Looked(Ok(Look::Ambiguous)) => *due_at = None,
        Event::Looked(outcome) => {
            *looks += 1;
            if outcome.is_ok() {
                *absent += 1;
            }
            let repeatable = *absent >= policy.absent_looks && next.attempts < policy.max_attempts;
            // A refusal as duplicate proved that something is there: never call again on top of that.
            let proven = next.error.as_ref().is_some_and(|problem| problem.code.ends_with(".duplicate"));
            if repeatable && !proven {
                next.state =
                    State::Staged { progress: progress.clone(), good_until_at: None, due_at: Some(now) };
            } else {
                *due_at = usize::try_from(*looks)
                    .ok()
                    .and_then(|index| policy.looks.get(index))
                    .map(|delay| (*since_at + *delay).max(now + TimeDelta::seconds(5)));
            }
        }
        Event::SendAgain { revision } => {
            // Only once looking was given up: the button is locked while we are resolving it.
            if due_at.is_none() {
                let revision = revision.clone();
                ask(next, &revision);
            }
        }
        Event::Asked { .. }
        | Event::Staged(_)
        | Event::Refused(_)
        | Event::Fence(_)
        | Event::Fired { .. }
        | Event::Abandoned
        | Event::TooLate
        | Event::Cancelled => {}
    }
}

/// A definite refusal before or at the call: wait and repeat, or fail.
fn refused(
    next: &mut Delivery,
    failure: &Failure,
    progress: Progress,
    now: DateTime<Utc>,
    policy: &Policy,
    jitter: f64,
) {
    next.tries += 1;
    next.error = Some(failure.problem.clone());
    let backoff = TimeDelta::seconds(5 << next.tries.min(6)) * 3 / 4
        + TimeDelta::milliseconds((jitter * 5_000.0) as i64);
    let at = match failure.disposition {
        Disposition::Rejected | Disposition::Duplicate => None,
        // Waiting as told is not a failed try of ours: the lateness limit ends it.
        Disposition::WaitUntil(at) => {
            next.tries -= 1;
            Some(at.max(now + TimeDelta::seconds(1)))
        }
        Disposition::Unauthorized | Disposition::Restage => Some(now + TimeDelta::seconds(1)),
        Disposition::NotSent | Disposition::Unknown => Some(now + backoff),
    };
    match at {
        Some(at) if next.tries < policy.max_tries => {
            next.state = if progress == Progress::default() || failure.disposition == Disposition::Restage {
                State::Pending { due_at: Some(at) }
            } else if matches!(next.state, State::Staging { .. }) {
                State::Staging { progress, due_at: Some(at) }
            } else {
                State::Staged { progress, good_until_at: None, due_at: Some(at) }
            };
        }
        Some(_) | None => fail(next, failure.problem.clone(), now),
    }
}

fn fail(next: &mut Delivery, problem: Problem, now: DateTime<Utc>) {
    next.error = Some(problem);
    next.state = State::Failed { failed_at: now };
}

fn exhausted() -> Problem {
    Problem::new(
        "publish.exhausted",
        Actor::Author,
        "the post was tried as often as is safe and is not on the platform",
        "Look at the account, then schedule the post again",
    )
}

fn too_late() -> Problem {
    Problem::new(
        "publish.missed",
        Actor::Author,
        "the post's time passed while it could not be sent, and it is too late to send it unasked",
        "Choose a new time, or publish it now",
    )
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
