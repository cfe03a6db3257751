use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::*;
use crate::problem::{Actor, Problem};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn problem(code: &str) -> Problem {
    Problem::new(code, Actor::Platform, "m", "a")
}

fn failure(disposition: Disposition) -> Failure {
    let code = if disposition == Disposition::Duplicate { "x.duplicate" } else { "x.test" };
    Failure::new(disposition, problem(code))
}

fn receipt() -> Receipt {
    Receipt {
        remote_id: "1".to_owned(),
        permalink: "https://x.com/a/status/1".to_owned(),
        answered_at: at(1),
    }
}

fn fence(attempt: u32) -> Fence {
    Fence { holder: "h".to_owned(), fenced_at: at(0), attempt, text: String::new() }
}

fn fired(outcome: Result<Receipt, Failure>) -> Event {
    Event::Fired { at: at(1), scheduled_at: at(1), outcome }
}

fn run(events: &[Event]) -> Delivery {
    let mut delivery = Delivery::new("r1".to_owned());
    for (index, event) in events.iter().enumerate() {
        let now = at(10 * index as i64);
        delivery = step(&delivery, event, now, &Policy::default(), 0.0);
    }
    delivery
}

#[test]
fn a_lost_answer_is_looked_for_and_not_called_again() {
    let delivery = run(&[Event::Fence(fence(1)), fired(Err(failure(Disposition::Unknown)))]);
    assert!(matches!(delivery.state, State::Unknown { due_at: Some(_), .. }), "{delivery:?}");
    let found = step(&delivery, &Event::Looked(Ok(Look::Found(receipt()))), at(9), &Policy::default(), 0.0);
    assert_eq!(found.state, State::Published { receipt: receipt() });
}

#[test]
fn only_repeated_absence_allows_a_second_call() {
    let absent = Event::Looked(Ok(Look::Absent));
    let lost = [Event::Fence(fence(1)), fired(Err(failure(Disposition::Unknown)))];
    let twice = run(&[&lost[..], &[absent.clone(), absent.clone()]].concat());
    assert!(matches!(twice.state, State::Unknown { .. }), "{twice:?}");
    let thrice = run(&[&lost[..], &[absent.clone(), absent.clone(), absent]].concat());
    assert!(matches!(thrice.state, State::Staged { .. }), "{thrice:?}");
    assert_eq!(thrice.attempts, 1);
}

#[test]
fn failed_looks_prove_nothing() {
    let blind = Event::Looked(Err(failure(Disposition::NotSent)));
    let mut events = vec![Event::Fence(fence(1)), fired(Err(failure(Disposition::Unknown)))];
    events.extend(std::iter::repeat_n(blind, 9));
    let delivery = run(&events);
    assert!(matches!(delivery.state, State::Unknown { due_at: None, .. }), "{delivery:?}");
    assert!(delivery.is_settled() && delivery.is_fenced());
}

#[test]
fn a_duplicate_refusal_is_final_at_first_and_proof_on_a_repeat() {
    let first = run(&[Event::Fence(fence(1)), fired(Err(failure(Disposition::Duplicate)))]);
    assert!(matches!(first.state, State::Failed { .. }), "{first:?}");
    let mut repeat = run(&[Event::Fence(fence(2)), fired(Err(failure(Disposition::Duplicate)))]);
    for _ in 0..9 {
        repeat = step(&repeat, &Event::Looked(Ok(Look::Absent)), at(99), &Policy::default(), 0.0);
    }
    assert!(matches!(repeat.state, State::Unknown { due_at: None, .. }), "{repeat:?}");
}

#[test]
fn after_the_fence_cancelling_and_editing_change_nothing() {
    let fenced = run(&[Event::Fence(fence(1))]);
    for event in [Event::Cancelled, Event::TooLate, Event::Asked { revision: "r2".to_owned() }] {
        assert_eq!(step(&fenced, &event, at(5), &Policy::default(), 0.0), fenced, "{event:?}");
    }
    let pending = run(&[Event::Cancelled]);
    assert!(matches!(pending.state, State::Cancelled { .. }));
}

fn any_event() -> impl Strategy<Value = Event> {
    let disposition = prop_oneof![
        Just(Disposition::NotSent),
        Just(Disposition::WaitUntil(at(1_000_000))),
        Just(Disposition::Unauthorized),
        Just(Disposition::Restage),
        Just(Disposition::Rejected),
        Just(Disposition::Duplicate),
        Just(Disposition::Unknown),
    ];
    let staged = Progress(serde_json::json!({"media": ["1"]}));
    prop_oneof![
        Just(Event::Asked { revision: "r1".to_owned() }),
        Just(Event::Staged(Staged::More { progress: staged.clone(), due_at: None })),
        Just(Event::Staged(Staged::Ready { progress: staged, good_until: None })),
        disposition.clone().prop_map(|d| Event::Refused(failure(d))),
        (1_u32..4).prop_map(|attempt| Event::Fence(fence(attempt))),
        Just(fired(Ok(receipt()))),
        disposition.prop_map(|d| fired(Err(failure(d)))),
        Just(Event::Abandoned),
        Just(Event::Looked(Ok(Look::Found(receipt())))),
        Just(Event::Looked(Ok(Look::Absent))),
        Just(Event::Looked(Ok(Look::Ambiguous))),
        Just(Event::Looked(Err(failure(Disposition::NotSent)))),
        Just(Event::TooLate),
        Just(Event::Cancelled),
    ]
}

proptest! {
    /// Whatever happens in whatever order: no call without a fence and one call per fence, a lost call is
    /// never followed by another without three looks that say "absent", and what is published stays.
    #[test]
    fn invariants_hold(events in prop::collection::vec(any_event(), 1..60)) {
        let policy = Policy::default();
        let mut delivery = Delivery::new("r1".to_owned());
        let mut absences_since_lost = 0;
        let mut lost_and_open = false;
        for (index, event) in events.iter().enumerate() {
            let before = delivery.clone();
            delivery = step(&before, event, at(index as i64), &policy, 0.5);
            match (&before.state, &delivery.state) {
                (State::Published { .. }, _) => prop_assert_eq!(&before, &delivery),
                (from, State::Firing { .. }) if !matches!(from, State::Firing { .. }) => {
                    prop_assert!(matches!(event, Event::Fence(_)));
                    prop_assert!(!lost_and_open || absences_since_lost >= policy.absent_looks);
                    prop_assert_eq!(delivery.attempts, before.attempts + 1);
                }
                (State::Firing { .. }, State::Unknown { .. }) => {
                    lost_and_open = true;
                    absences_since_lost = 0;
                }
                (State::Unknown { .. }, State::Staged { .. }) => {
                    prop_assert!(absences_since_lost + 1 >= policy.absent_looks);
                }
                _ => {}
            }
            if matches!(event, Event::Looked(Ok(Look::Absent))) {
                absences_since_lost += 1;
            }
            prop_assert!(delivery.attempts <= policy.max_attempts);
            prop_assert!(delivery.tries <= policy.max_tries);
        }
    }

    /// Left to the engine, every delivery settles: looks and repeats run out.
    #[test]
    fn always_ends(dispositions in prop::collection::vec(0_u8..5, 40)) {
        let policy = Policy::default();
        let mut delivery = Delivery::new("r1".to_owned());
        let mut choices = dispositions.into_iter().cycle();
        for index in 0..200 {
            if delivery.is_settled() {
                return Ok(());
            }
            let choice = choices.next().unwrap_or(0);
            let event = match &delivery.state {
                State::Pending { .. } | State::Staging { .. } | State::Staged { .. } => {
                    Event::Fence(fence(delivery.attempts + 1))
                }
                State::Firing { .. } => fired(Err(failure(match choice {
                    0 => Disposition::NotSent,
                    1 => Disposition::Unauthorized,
                    2 => Disposition::Restage,
                    _ => Disposition::Unknown,
                }))),
                _ => Event::Looked(if choice < 3 { Ok(Look::Absent) } else { Err(failure(Disposition::NotSent)) }),
            };
            delivery = step(&delivery, &event, at(index), &policy, 0.5);
        }
        prop_assert!(delivery.is_settled(), "{delivery:?}");
    }
}
