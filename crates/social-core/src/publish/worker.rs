//! One post's way through a tick: prepare, wait, fence, call, look, write down; again until nothing is left
//! to do before the tick ends.
//!
//! Every round takes the plan from the stored post, so that a worker that starts from what a dead one left
//! does the same as one that went through. After every step that changed something the post is written
//! under its version; a lost race ends this worker's part, never the post.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::{Delivery, Event, Fence, Lease, Plan, Publisher, State, plan, save::Saved, step, writer::Writer};
use crate::{
    connection::Profile,
    platform::{Cx, Disposition, Failure, PlatformId, Progress},
    post::{Post, Status},
    problem::{Actor, Problem},
    tokens::{self, Access, Need},
};

/// Leave to make one public call. Only the worker makes it, right after the fence was written.
#[derive(Debug)]
pub struct FirePermit(());

/// What came of a post in this tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Worked {
    Published,
    Failed,
    /// Prepared, waiting or being resolved; a later tick goes on.
    Waiting,
    /// Another tick has it, or its author took it back.
    Left,
    /// The store did not let us; a later tick goes on.
    Stuck,
}

#[derive(Debug)]
pub(super) struct Worker {
    pub(super) publisher: Publisher,
    pub(super) writer: Writer,
    pub(super) calls: Arc<Semaphore>,
    pub(super) holder: String,
    pub(super) deadline: DateTime<Utc>,
}

impl Worker {
    pub(super) async fn run(&self, post: &mut Post, mut profile: Option<Profile>) -> Worked {
        let mut refused_tokens: BTreeMap<PlatformId, i64> = BTreeMap::new();
        let mut read_again = true;
        for _ in 0..ROUNDS {
            let now = self.now();
            if !self.is_ours_to_do(post, now) {
                return Worked::Left;
            }
            if std::mem::take(&mut read_again) {
                self.prepare(post, now);
            }
            let policy = &self.publisher.policy;
            let late = now > post.scheduled_at + policy.late_limit && self.give_up_late(post, now);
            let next =
                if late { Plan::Done } else { plan(post, |id| self.needs_staging(post, id), now, policy) };
            if profile.is_none() && matches!(next, Plan::Stage(_) | Plan::Look(_) | Plan::Fire { .. }) {
                match self.publisher.store.profile(&post.profile_id).await {
                    Ok(found) => profile = found,
                    Err(_) => return Worked::Stuck,
                }
            }
            let saved = match next {
                Plan::Done => self.save(post).await,
                Plan::Wait(until) if until > self.deadline => {
                    return match self.release(post, until).await {
                        Saved::Yes => Worked::Waiting,
                        Saved::Changed | Saved::Lost => Worked::Left,
                        Saved::Trouble => Worked::Stuck,
                    };
                }
                Plan::Wait(until) => {
                    self.publisher.clock.sleep_until(until).await;
                    Saved::Yes
                }
                Plan::Stage(platforms) => match self.claim(post).await {
                    Saved::Yes => {
                        self.stage(post, profile.as_ref(), &platforms, &mut refused_tokens).await;
                        self.save(post).await
                    }
                    other => other,
                },
                Plan::Look(platforms) => match self.claim(post).await {
                    Saved::Yes => {
                        self.look(post, profile.as_ref(), &platforms, &mut refused_tokens).await;
                        self.save(post).await
                    }
                    other => other,
                },
                Plan::Fire { at, platforms } => {
                    self.fire(post, profile.as_ref(), at, &platforms, &mut refused_tokens).await
                }
            };
            match saved {
                Saved::Yes => match post.status {
                    Status::Published => return Worked::Published,
                    Status::Failed => return Worked::Failed,
                    _ => {}
                },
                Saved::Changed => {
                    read_again = true;
                    profile = None;
                }
                Saved::Lost => return Worked::Left,
                Saved::Trouble => return Worked::Stuck,
            }
            // A refused token is replaced under the profile's version: read it again.
            if !refused_tokens.is_empty() {
                profile = None;
            }
        }
        Worked::Waiting
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.publisher.clock.now()
    }

    fn is_ours_to_do(&self, post: &Post, now: DateTime<Utc>) -> bool {
        let open = matches!(post.status, Status::Scheduled | Status::Publishing);
        let held =
            post.lease.as_ref().is_some_and(|lease| lease.holder != self.holder && lease.until_at > now);
        open && !held
    }

    pub(super) fn is_mine(&self, post: &Post) -> bool {
        post.lease.as_ref().is_some_and(|lease| lease.holder == self.holder)
    }

    fn needs_staging(&self, post: &Post, id: PlatformId) -> bool {
        self.publisher.platforms.get(id).is_some_and(|platform| platform.needs_staging(&post.content))
    }

    /// Gives every platform its delivery, and tells each what the author wants now.
    fn prepare(&self, post: &mut Post, now: DateTime<Utc>) {
        let revision = post.content.revision();
        // We had settled it, and the author gave the word again: what did not go out is wanted anew.
        let again = post.status == Status::Scheduled && post.settled_at.take().is_some();
        let wanted = post.content.platforms.clone();
        for platform in &wanted {
            let delivery =
                post.deliveries.entry(*platform).or_insert_with(|| Delivery::new(revision.clone()));
            if again || !delivery.is_settled() {
                let event = Event::Asked { revision: revision.clone() };
                *delivery = step(delivery, &event, now, &self.publisher.policy, 0.0);
            }
        }
        // A platform the author took off the post before its fence.
        for (platform, delivery) in &mut post.deliveries {
            if !wanted.contains(platform) {
                *delivery = step(delivery, &Event::Cancelled, now, &self.publisher.policy, 0.0);
            }
        }
    }

    /// `true` if a delivery was missed.
    fn give_up_late(&self, post: &mut Post, now: DateTime<Utc>) -> bool {
        let mut changed = false;
        for delivery in post.deliveries.values_mut() {
            let next = step(delivery, &Event::TooLate, now, &self.publisher.policy, 0.0);
            changed |= next != *delivery;
            *delivery = next;
        }
        changed
    }

    fn apply(&self, post: &mut Post, platform: PlatformId, event: &Event) {
        let now = self.now();
        let jitter = self.publisher.random.fraction();
        if let Some(delivery) = post.deliveries.get_mut(&platform) {
            *delivery = step(delivery, event, now, &self.publisher.policy, jitter);
        }
    }

    async fn access(
        &self,
        post: &Post,
        profile: Option<&Profile>,
        platform: PlatformId,
        refused: &BTreeMap<PlatformId, i64>,
    ) -> Result<Access, Failure> {
        let Some(profile) = profile else {
            return Err(Failure::new(Disposition::Rejected, missing_profile()));
        };
        let until = self.now().max(post.scheduled_at.min(self.now() + self.publisher.policy.stage_horizon));
        let need = refused.get(&platform).map_or(Need::Until(until), |expires_at| Need::NotThis(*expires_at));
        self.publisher.tokens.access(profile, platform, need).await
    }

    async fn stage(
        &self,
        post: &mut Post,
        profile: Option<&Profile>,
        platforms: &[PlatformId],
        refused: &mut BTreeMap<PlatformId, i64>,
    ) {
        let steps = platforms.iter().map(|platform| {
            let (post, refused) = (&*post, &*refused);
            async move {
                let event = match self.stage_one(post, profile, *platform, refused).await {
                    Ok(staged) => Event::Staged(staged),
                    Err(failure) => Event::Refused(failure),
                };
                (*platform, event)
            }
        });
        for (platform, event) in join_all(steps).await {
            if let Event::Refused(failure) = &event {
                self.note_refused_token(profile, platform, failure, refused);
            } else {
                refused.remove(&platform);
            }
            self.apply(post, platform, &event);
        }
    }

    async fn stage_one(
        &self,
        post: &Post,
        profile: Option<&Profile>,
        platform: PlatformId,
        refused: &BTreeMap<PlatformId, i64>,
    ) -> Result<crate::platform::Staged, Failure> {
        let adapter =
            self.publisher.platforms.get(platform).ok_or_else(|| tokens::not_available(platform))?;
        let known = profile.and_then(|profile| tokens::readable(profile, platform).ok());
        if let Some(problem) = adapter.check(&post.content, known).into_iter().next() {
            return Err(Failure::new(Disposition::Rejected, problem));
        }
        let access = self.access(post, profile, platform, refused).await?;
        let progress = post.deliveries.get(&platform).and_then(progress_of).unwrap_or_default();
        adapter.stage(&self.cx(post, &access), &progress).await
    }

    async fn look(
        &self,
        post: &mut Post,
        profile: Option<&Profile>,
        platforms: &[PlatformId],
        refused: &mut BTreeMap<PlatformId, i64>,
    ) {
        for platform in platforms {
            let Some(delivery) = post.deliveries.get(platform) else { continue };
            let (progress, fence) = match &delivery.state {
                State::Firing { .. } => {
                    self.apply(post, *platform, &Event::Abandoned);
                    continue;
                }
                State::Unknown { progress, fence, .. } => (progress.clone(), fence.clone()),
                _ => continue,
            };
            let looked = match self.access(post, profile, *platform, refused).await {
                Ok(access) => match self.publisher.platforms.get(*platform) {
                    Some(adapter) => adapter.look(&self.cx(post, &access), &progress, &fence).await,
                    None => Err(tokens::not_available(*platform)),
                },
                Err(failure) => Err(failure),
            };
            if let Err(failure) = &looked {
                self.note_refused_token(profile, *platform, failure, refused);
            } else {
                refused.remove(platform);
            }
            self.apply(post, *platform, &Event::Looked(looked));
        }
    }

    fn note_refused_token(
        &self,
        profile: Option<&Profile>,
        platform: PlatformId,
        failure: &Failure,
        refused: &mut BTreeMap<PlatformId, i64>,
    ) {
        let known = profile.and_then(|profile| tokens::readable(profile, platform).ok());
        if failure.disposition == Disposition::Unauthorized
            && let Some(connection) = known
        {
            refused.insert(platform, connection.expires_at);
        }
    }

    /// Waits, fences, waits for the second, calls, writes down.
    async fn fire(
        &self,
        post: &mut Post,
        profile: Option<&Profile>,
        at: DateTime<Utc>,
        platforms: &[PlatformId],
        refused: &mut BTreeMap<PlatformId, i64>,
    ) -> Saved {
        // Everything that can go wrong without a call goes wrong before the fence.
        let mut ready = Vec::new();
        for platform in platforms {
            let known = profile.and_then(|profile| tokens::readable(profile, *platform).ok());
            let checked = match self.publisher.platforms.get(*platform) {
                None => Err(tokens::not_available(*platform)),
                Some(adapter) => match adapter.check(&post.content, known).into_iter().next() {
                    Some(problem) => Err(Failure::new(Disposition::Rejected, problem)),
                    None => self
                        .access(post, profile, *platform, refused)
                        .await
                        .map(|access| (adapter.clone(), access)),
                },
            };
            match checked {
                Ok((adapter, access)) => ready.push((*platform, adapter, access)),
                Err(failure) => self.apply(post, *platform, &Event::Refused(failure)),
            }
        }
        if ready.is_empty() {
            return self.save(post).await;
        }
        let fenced_at = self.now();
        for (platform, ..) in &ready {
            let attempt = post.deliveries.get(platform).map_or(1, |delivery| delivery.attempts + 1);
            let fence = Fence {
                holder: self.holder.clone(),
                fenced_at: fenced_at.max(at),
                attempt,
                text: post.content.text.clone(),
            };
            self.apply(post, *platform, &Event::Fence(fence));
        }
        post.status = Status::Publishing;
        let until_at = fenced_at.max(at) + self.publisher.policy.lease;
        post.lease = Some(Lease { holder: self.holder.clone(), until_at });
        post.due_at = Some(until_at);
        match self.save_fence(post).await {
            Saved::Yes => {}
            other => return other,
        }
        self.publisher.clock.sleep_until(at).await;
        let scheduled_at = post.scheduled_at;
        let calls = ready.iter().map(|(platform, adapter, access)| {
            let post = &*post;
            async move {
                let progress = post.deliveries.get(platform).and_then(progress_of).unwrap_or_default();
                let fenced = post
                    .deliveries
                    .get(platform)
                    .is_some_and(|delivery| matches!(delivery.state, State::Firing { .. }));
                if !fenced {
                    return None;
                }
                let _call = self.calls.acquire().await;
                let began = self.now();
                // The lease may have run out while waiting for a free call: then the post is not ours any more.
                if began >= until_at {
                    return None;
                }
                let outcome = adapter.fire(&self.cx(post, access), &progress, FirePermit(())).await;
                Some((*platform, Event::Fired { at: began, scheduled_at, outcome }))
            }
        });
        let outcomes: Vec<_> = join_all(calls).await;
        for (platform, event) in outcomes.into_iter().flatten() {
            if let Event::Fired { outcome: Err(failure), .. } = &event {
                self.note_refused_token(profile, platform, failure, refused);
            } else {
                refused.remove(&platform);
            }
            self.apply(post, platform, &event);
        }
        self.save(post).await
    }

    fn cx<'a>(&'a self, post: &'a Post, access: &'a Access) -> Cx<'a> {
        Cx {
            http: &self.publisher.http,
            media: &self.publisher.media,
            clock: &self.publisher.clock,
            random: &self.publisher.random,
            access_token: &access.token,
            connection: &access.connection,
            content: &post.content,
        }
    }
}

/// Rounds a post may take in one tick; far more than any way through needs.
const ROUNDS: u32 = 64;

fn progress_of(delivery: &Delivery) -> Option<Progress> {
    match &delivery.state {
        State::Staging { progress, .. }
        | State::Staged { progress, .. }
        | State::Firing { progress, .. }
        | State::Unknown { progress, .. } => Some(progress.clone()),
        State::Pending { .. }
        | State::Published { .. }
        | State::Failed { .. }
        | State::Missed { .. }
        | State::Cancelled { .. } => None,
    }
}

fn missing_profile() -> Problem {
    Problem::new(
        "profile.missing",
        Actor::Author,
        "the post's profile does not exist",
        "Create the post again in a profile that exists",
    )
}
