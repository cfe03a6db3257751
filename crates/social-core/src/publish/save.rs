//! Writing down how a post stands, under its version: the lease, the fence, the results, and letting go. A lost
//! race and a lost answer are told apart by reading the post again.

use super::{Delivery, Lease, overall, worker::Worker};
use crate::{
    post::{Post, Status},
    store::{Found, PostChange, SaveError},
};
use chrono::{DateTime, Utc};

/// How often a result is written before it is left to be looked for.
const SAVES: u32 = 8;

/// What came of a write.
pub(super) enum Saved {
    Yes,
    /// Changed by somebody: the post was read again and is as it stands now.
    Changed,
    Lost,
    Trouble,
}

impl Worker {
    /// Takes the lease, or keeps it when enough of it is left.
    pub(super) async fn claim(&self, post: &mut Post) -> Saved {
        let now = self.now();
        let enough = now + self.publisher.policy.lease / 2;
        if post.lease.as_ref().is_some_and(|lease| lease.holder == self.holder && lease.until_at > enough) {
            return Saved::Yes;
        }
        let until_at = now + self.publisher.policy.lease;
        let mut change = PostChange::of(&post.id, &post.version);
        let lease = Lease { holder: self.holder.clone(), until_at };
        change.lease = Some(Some(lease.clone()));
        if post.status == Status::Publishing {
            change.due_at = Some(Some(until_at));
            post.due_at = Some(until_at);
        }
        match self.writer.save(change).await {
            Ok(version) => {
                post.version = version;
                post.lease = Some(lease);
                Saved::Yes
            }
            Err(error) => {
                self.read_again(post, error, |_, fresh| {
                    // Ours after all: the answer to our own write was lost.
                    fresh.lease.as_ref() == Some(&lease)
                })
                .await
            }
        }
    }

    /// Writes the fence. Nothing is called unless this says yes.
    pub(super) async fn save_fence(&self, post: &mut Post) -> Saved {
        let change = self.change(post);
        match self.writer.save(change).await {
            Ok(version) => {
                post.version = version;
                Saved::Yes
            }
            // The answer to our own write was lost, and nobody wrote since: the fence is ours, and no call was
            // made behind it. An author's edit in between reads as changed, and what is fenced is then looked for.
            Err(error) => self.read_again(post, error, same_fence).await,
        }
    }

    /// Writes how the deliveries stand; the final status and no lease once all are settled. Repeated as long
    /// as the lease lasts, because what is not written has to be looked for.
    pub(super) async fn save(&self, post: &mut Post) -> Saved {
        for attempt in 0..SAVES {
            let change = self.change(post);
            let error = match self.writer.save(change.clone()).await {
                Ok(version) => {
                    post.version = version;
                    self.take_over(post, &change);
                    return Saved::Yes;
                }
                Err(error) => error,
            };
            if matches!(error, SaveError::Store(_)) {
                self.publisher.clock.sleep(std::time::Duration::from_millis(200 << attempt.min(4))).await;
            }
            let fresh = match self.publisher.store.post(&post.id).await {
                Ok(Some(Found::Post(fresh))) => fresh,
                Ok(Some(Found::Unreadable(_)) | None) => return Saved::Lost,
                Err(_) => continue,
            };
            if fresh.version == post.version {
                continue;
            }
            if written(&fresh, &change) {
                post.version = fresh.version;
                self.take_over(post, &change);
                return Saved::Yes;
            }
            let mine = self.is_mine(&fresh) || fresh.lease.is_none() && !self.is_mine(post);
            if !mine {
                return Saved::Lost;
            }
            if post.deliveries.values().any(Delivery::is_fenced) {
                // The author wrote while we called: what happened stays true, and goes on top.
                post.version = fresh.version;
            } else {
                *post = *fresh;
                return Saved::Changed;
            }
        }
        Saved::Trouble
    }

    /// Lets go until `until`. Writes nothing where nothing was taken.
    pub(super) async fn release(&self, post: &mut Post, until: DateTime<Utc>) -> Saved {
        if !self.is_mine(post) {
            return Saved::Yes;
        }
        let mut change = PostChange::of(&post.id, &post.version);
        change.lease = Some(None);
        if post.status == Status::Publishing {
            change.due_at = Some(Some(until));
        }
        match self.writer.save(change).await {
            Ok(version) => {
                post.version = version;
                post.lease = None;
                Saved::Yes
            }
            // Then the lease runs out by itself.
            Err(SaveError::Conflict | SaveError::Exists) => Saved::Changed,
            Err(SaveError::Store(_)) => Saved::Trouble,
        }
    }

    fn change(&self, post: &Post) -> PostChange {
        let mut change = PostChange::of(&post.id, &post.version);
        change.deliveries.clone_from(&post.deliveries);
        change.settled_at = Some(None);
        let status = overall(&post.deliveries);
        match status {
            Status::Publishing => {
                // Preparing leaves the author's word as it is, so that the post stays editable.
                change.status = Some(post.status.clone()).filter(|status| *status == Status::Publishing);
                change.lease = Some(post.lease.clone());
                change.due_at = Some(post.due_at);
            }
            Status::Scheduled | Status::Published | Status::Failed | Status::Cancelled | Status::Other(_) => {
                let now = self.now();
                if status == Status::Published {
                    change.published_at = Some(now);
                }
                change.status = Some(status);
                change.lease = Some(None);
                change.due_at = Some(None);
                change.settled_at = Some(Some(now));
            }
        }
        change
    }

    fn take_over(&self, post: &mut Post, change: &PostChange) {
        if let Some(status) = &change.status {
            post.status = status.clone();
        }
        if let Some(lease) = &change.lease {
            post.lease.clone_from(lease);
        }
        if let Some(due_at) = change.due_at {
            post.due_at = due_at;
        }
        if let Some(settled_at) = change.settled_at {
            post.settled_at = settled_at;
        }
    }

    /// After a write that did not go through: the post as it stands now. `ours` recognises our own write whose
    /// answer was lost.
    async fn read_again(
        &self,
        post: &mut Post,
        error: SaveError,
        ours: impl Fn(&Post, &Post) -> bool,
    ) -> Saved {
        if let SaveError::Store(error) = &error {
            tracing::warn!(post = post.id, %error, "the store did not take a write");
        }
        match self.publisher.store.post(&post.id).await {
            Ok(Some(Found::Post(fresh))) if ours(post, &fresh) => {
                post.version = fresh.version.clone();
                post.lease.clone_from(&fresh.lease);
                Saved::Yes
            }
            Ok(Some(Found::Post(fresh)))
                if matches!(error, SaveError::Store(_)) && fresh.version == post.version =>
            {
                Saved::Trouble
            }
            Ok(Some(Found::Post(fresh))) => {
                *post = *fresh;
                Saved::Changed
            }
            Ok(Some(Found::Unreadable(_)) | None) => Saved::Lost,
            Err(_) => Saved::Trouble,
        }
    }
}

fn same_fence(ours: &Post, fresh: &Post) -> bool {
    ours.lease == fresh.lease
        && ours.content == fresh.content
        && ours.scheduled_at == fresh.scheduled_at
        && ours.deliveries == fresh.deliveries
}

/// Whether `fresh` holds what `change` says: our own write, whose answer was lost.
fn written(fresh: &Post, change: &PostChange) -> bool {
    change.deliveries.iter().all(|(platform, delivery)| fresh.deliveries.get(platform) == Some(delivery))
        && change.lease.as_ref().is_none_or(|lease| *lease == fresh.lease)
        && change.status.as_ref().is_none_or(|status| *status == fresh.status)
}
