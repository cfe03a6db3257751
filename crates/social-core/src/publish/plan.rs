//! What there is to do for a post, computed from what is stored. Level-triggered: whoever looks at the same
//! document at the same time comes to the same answer.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Delivery, Policy, State};
use crate::{
    platform::PlatformId,
    post::{Post, Status},
};

/// What one delivery wants next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Prepare, not before this instant (`None`: at once).
    Stage(Option<DateTime<Utc>>),
    /// Make the public call, not before this instant.
    Fire(DateTime<Utc>),
    /// Found in `firing`: somebody died.
    Recover,
    /// Look for a lost call, not before this instant.
    Look(DateTime<Utc>),
    Nothing,
}

/// What the post wants next; platforms that can go together do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    Stage(Vec<PlatformId>),
    Fire { at: DateTime<Utc>, platforms: Vec<PlatformId> },
    Look(Vec<PlatformId>),
    Wait(DateTime<Utc>),
    Done,
}

pub fn action(delivery: &Delivery, needs_staging: bool, scheduled_at: DateTime<Utc>) -> Action {
    match &delivery.state {
        State::Pending { due_at } => {
            if needs_staging {
                Action::Stage(*due_at)
            } else {
                Action::Fire(due_at.map_or(scheduled_at, |due_at| due_at.max(scheduled_at)))
            }
        }
        State::Staging { due_at, .. } => Action::Stage(*due_at),
        State::Staged { good_until_at, due_at, .. } => {
            let at = due_at.map_or(scheduled_at, |due_at| due_at.max(scheduled_at));
            if good_until_at.is_some_and(|good_until| good_until <= at) {
                Action::Stage(None)
            } else {
                Action::Fire(at)
            }
        }
        State::Firing { .. } => Action::Recover,
        State::Unknown { due_at: Some(due_at), .. } => Action::Look(*due_at),
        State::Unknown { due_at: None, .. }
        | State::Published { .. }
        | State::Failed { .. }
        | State::Missed { .. }
        | State::Cancelled { .. } => Action::Nothing,
    }
}

/// The next thing for `post`. What is ready at its time goes before what is still to be prepared.
pub fn plan(
    post: &Post,
    needs_staging: impl Fn(PlatformId) -> bool,
    now: DateTime<Utc>,
    policy: &Policy,
) -> Plan {
    let actions: Vec<(PlatformId, Action)> = post
        .deliveries
        .iter()
        .map(|(id, delivery)| (*id, action(delivery, needs_staging(*id), post.scheduled_at)))
        .collect();
    let pick = |wanted: &dyn Fn(&Action) -> bool| -> Vec<PlatformId> {
        actions.iter().filter(|(_, action)| wanted(action)).map(|(id, _)| *id).collect()
    };
    let close = |at: &DateTime<Utc>| *at <= now + policy.fence_lead;
    let fire = pick(&|action| matches!(action, Action::Fire(at) if close(at)));
    if !fire.is_empty() {
        let at = actions
            .iter()
            .filter_map(|(id, action)| match action {
                Action::Fire(at) if fire.contains(id) => Some(*at),
                _ => None,
            })
            .max();
        return Plan::Fire { at: at.unwrap_or(now), platforms: fire };
    }
    let look = pick(&|action| match action {
        Action::Recover => true,
        Action::Look(at) => *at <= now,
        Action::Stage(_) | Action::Fire(_) | Action::Nothing => false,
    });
    if !look.is_empty() {
        return Plan::Look(look);
    }
    let stage = pick(&|action| matches!(action, Action::Stage(at) if at.is_none_or(|at| at <= now)));
    if !stage.is_empty() {
        return Plan::Stage(stage);
    }
    let next = actions
        .iter()
        .filter_map(|(_, action)| match action {
            Action::Fire(at) => Some(*at - policy.fence_lead),
            Action::Look(at) | Action::Stage(Some(at)) => Some(*at),
            Action::Stage(None) | Action::Recover | Action::Nothing => None,
        })
        .min();
    next.map_or(Plan::Done, Plan::Wait)
}

/// The post's status as its deliveries have it. A cancelled one was not wanted in the end.
pub fn overall(deliveries: &BTreeMap<PlatformId, Delivery>) -> Status {
    let wanted = || deliveries.values().filter(|delivery| !matches!(delivery.state, State::Cancelled { .. }));
    if wanted().any(|delivery| !delivery.is_settled()) {
        Status::Publishing
    } else if wanted().next().is_some()
        && wanted().all(|delivery| matches!(delivery.state, State::Published { .. }))
    {
        Status::Published
    } else {
        Status::Failed
    }
}
