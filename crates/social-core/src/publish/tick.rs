//! The tick: works out from the documents what there is to do, and does it. Safe beside another tick, after
//! a missed one, and cut short at any point.

use std::sync::Arc;

use chrono::{DateTime, Timelike, Utc};
use serde::Serialize;
use tokio::{sync::Semaphore, task::JoinSet};
use transport::{Random, SharedClock, SharedTransport};

use super::{
    Policy,
    worker::{Worked, Worker},
    writer::Writer,
};
use crate::{
    connection::Profile,
    media::MediaFetcher,
    platform::Platforms,
    post::{Post, Status},
    store::{Cursor, Found, Page, PostChange, Store, StoreError, Unreadable},
    tokens::Tokens,
};

/// How often posts without a time are looked for; in between, a tick is two queries.
const SWEEP_MINUTES: u32 = 15;

/// What a publisher is made of.
#[derive(Clone, Debug)]
pub struct PublisherParts {
    pub store: Store,
    pub platforms: Platforms,
    pub tokens: Tokens,
    pub http: SharedTransport,
    pub media: MediaFetcher,
    pub clock: SharedClock,
    pub random: Random,
    pub policy: Policy,
}

/// A cheap handle.
#[derive(Clone, Debug)]
pub struct Publisher(Arc<PublisherParts>);

impl std::ops::Deref for Publisher {
    type Target = PublisherParts;

    fn deref(&self) -> &PublisherParts {
        &self.0
    }
}

/// The answer of a tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TickSummary {
    pub started_at: DateTime<Utc>,
    pub took_ms: i64,
    /// Documents that were due or to be prepared.
    pub found: u32,
    pub published: u32,
    pub failed: u32,
    /// Prepared, waiting for their time, or being resolved.
    pub waiting: u32,
    /// With another tick, or taken back by the author.
    pub left: u32,
    /// The store did not let us write; the next tick goes on.
    pub stuck: u32,
    /// Documents that cannot be read as posts; each says why.
    pub unreadable: u32,
    /// Cut off by the end of the tick.
    pub unfinished: u32,
    /// Of the public calls of this tick, against the posts' times.
    pub lateness_ms: Lateness,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Lateness {
    pub p50: Option<i64>,
    pub p99: Option<i64>,
    pub max: Option<i64>,
}

enum Ended {
    Worked { worked: Worked, lateness: Vec<i64> },
    Unreadable(bool),
}

impl Publisher {
    pub fn new(parts: PublisherParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Everything that is due or to be prepared. Ends by itself within the policy's budget.
    pub async fn tick(&self) -> Result<TickSummary, StoreError> {
        let started = self.clock.now();
        let page = self.policy.page;
        let until = started + self.policy.stage_horizon;
        let mut run = Run::new(self, started);
        let (due, resumable) = futures_util::future::try_join(
            self.store.due(until, page, None),
            self.store.resumable(started, page, None),
        )
        .await?;
        run.take_all(resumable, |after| self.store.resumable(started, page, Some(after))).await;
        run.take_all(due, |after| self.store.due(until, page, Some(after))).await;
        if started.minute() % SWEEP_MINUTES == SWEEP_MINUTES / 2 {
            // What fails here fails in the next sweep's hands; what is due is not held up by it.
            if let Err(error) = run.sweep().await {
                tracing::warn!(%error, "the sweep for posts without a time failed");
            }
        }
        Ok(run.finish().await)
    }

    /// One post, for whoever just scheduled it for the next minute. Does what the tick would do.
    pub async fn publish_one(&self, id: &str) -> Result<TickSummary, StoreError> {
        let mut run = Run::new(self, self.clock.now());
        let found: Vec<Found> = self.store.post(id).await?.into_iter().collect();
        run.take(Page { found, next: None }).await;
        Ok(run.finish().await)
    }

    /// Whether a post due at `at` would not be noticed in time by the next minute's tick.
    pub fn is_imminent(&self, at: DateTime<Utc>) -> bool {
        at <= self.clock.now() + self.policy.fire_window
    }
}

struct Run<'a> {
    publisher: &'a Publisher,
    started: DateTime<Utc>,
    deadline: DateTime<Utc>,
    worker: Arc<Worker>,
    in_flight: Arc<Semaphore>,
    tasks: JoinSet<Ended>,
    /// Ends, and with it the writer's requests, when the tick is dropped.
    writing: JoinSet<()>,
    summary: TickSummary,
    lateness: Vec<i64>,
}

impl<'a> Run<'a> {
    fn new(publisher: &'a Publisher, started: DateTime<Utc>) -> Self {
        let policy = &publisher.policy;
        let (writer, work) = Writer::new(publisher.store.clone(), publisher.clock.clone(), policy);
        let mut writing = JoinSet::new();
        writing.spawn(work);
        let deadline = started + policy.fire_window;
        let worker = Arc::new(Worker {
            publisher: publisher.clone(),
            writer,
            calls: Arc::new(Semaphore::new(policy.calls)),
            holder: format!("tick_{}", publisher.random.hex::<8>()),
            deadline,
        });
        Self {
            publisher,
            started,
            deadline,
            worker,
            in_flight: Arc::new(Semaphore::new(policy.in_flight)),
            tasks: JoinSet::new(),
            writing,
            summary: TickSummary { started_at: started, ..TickSummary::default() },
            lateness: Vec::new(),
        }
    }

    /// Sets to work on a page and all that follow; the next one is fetched meanwhile. A page that cannot be fetched
    /// is the next tick's: what was begun goes on.
    async fn take_all<F>(&mut self, first: Page, fetch: impl Fn(Cursor) -> F)
    where
        F: Future<Output = Result<Page, StoreError>>,
    {
        let mut page = Some(first);
        while let Some(current) = page {
            let after = current.next.clone().filter(|_| self.publisher.clock.now() <= self.deadline);
            let next = async {
                match after {
                    Some(after) => Some(fetch(after).await),
                    None => None,
                }
            };
            let (next, ()) = futures_util::future::join(next, self.take(current)).await;
            page = next.and_then(|next| {
                next.inspect_err(|error| tracing::warn!(%error, "a page could not be read")).ok()
            });
        }
    }

    /// Sets to work on a page.
    async fn take(&mut self, page: Page) {
        let soon = self.deadline + self.publisher.policy.fence_lead;
        let mut ids: Vec<String> = page
            .found
            .iter()
            .filter_map(|found| match found {
                Found::Post(post) if post.scheduled_at <= soon => Some(post.profile_id.clone()),
                Found::Post(_) | Found::Unreadable(_) => None,
            })
            .collect();
        ids.sort_unstable();
        ids.dedup();
        // Without them each worker reads its own: slower, and never wrong.
        let profiles = self.publisher.store.profiles(&ids).await.unwrap_or_default();
        for found in page.found {
            self.summary.found += 1;
            while let Some(ended) = self.tasks.try_join_next() {
                self.count(ended.ok());
            }
            let Ok(permit) = Arc::clone(&self.in_flight).acquire_owned().await else { break };
            let worker = Arc::clone(&self.worker);
            match found {
                Found::Post(post) => {
                    let profile = profiles.get(&post.profile_id).cloned();
                    self.tasks.spawn(async move {
                        let _permit = permit;
                        work(&worker, *post, profile).await
                    });
                }
                Found::Unreadable(unreadable) => {
                    self.tasks.spawn(async move {
                        let _permit = permit;
                        Ended::Unreadable(report(&worker, unreadable).await)
                    });
                }
            }
        }
    }

    /// Every quarter of an hour: posts that the queries cannot find, because a field is missing.
    async fn sweep(&mut self) -> Result<(), StoreError> {
        let store = &self.publisher.store;
        let found = store.untimed("scheduled", "scheduledTime").await?;
        let stranded = store.untimed("publishing", "dueAt").await?;
        for post in stranded.into_iter().filter_map(|found| match found {
            Found::Post(post) => Some(post),
            Found::Unreadable(_) => None,
        }) {
            let mut change = PostChange::of(&post.id, &post.version);
            change.due_at = Some(Some(self.started));
            // A lost race means that somebody is at it.
            let _ = self.worker.writer.save(change).await;
        }
        self.take(Page { found, next: None }).await;
        Ok(())
    }

    async fn finish(mut self) -> TickSummary {
        let end = self.started + self.publisher.policy.tick_budget;
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    Some(ended) => self.count(ended.ok()),
                    None => break,
                },
                () = self.publisher.clock.sleep_until(end) => {
                    self.summary.unfinished = u32::try_from(self.tasks.len()).unwrap_or(u32::MAX);
                    break;
                }
            }
        }
        self.tasks.abort_all();
        self.writing.abort_all();
        self.lateness.sort_unstable();
        let at = |share: f64| -> Option<i64> {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
            let index = ((self.lateness.len() as f64 * share).ceil() as usize).saturating_sub(1);
            self.lateness.get(index).copied()
        };
        self.summary.lateness_ms = Lateness { p50: at(0.5), p99: at(0.99), max: at(1.0) };
        self.summary.took_ms = (self.publisher.clock.now() - self.started).num_milliseconds();
        self.summary
    }

    /// A worker that panicked (`None`) leaves its post to the next tick like one that died.
    fn count(&mut self, ended: Option<Ended>) {
        let summary = &mut self.summary;
        match ended {
            Some(Ended::Worked { worked, lateness }) => {
                self.lateness.extend(lateness);
                match worked {
                    Worked::Published => summary.published += 1,
                    Worked::Failed => summary.failed += 1,
                    Worked::Waiting => summary.waiting += 1,
                    Worked::Left => summary.left += 1,
                    Worked::Stuck => summary.stuck += 1,
                }
            }
            Some(Ended::Unreadable(true)) => summary.unreadable += 1,
            Some(Ended::Unreadable(false)) | None => summary.stuck += 1,
        }
    }
}

async fn work(worker: &Worker, mut post: Post, profile: Option<Profile>) -> Ended {
    let began = worker.publisher.clock.now();
    let worked = worker.run(&mut post, profile).await;
    let fired = post.deliveries.values().filter(|delivery| delivery.fired_at.is_some_and(|at| at >= began));
    let lateness: Vec<i64> = fired.filter_map(|delivery| delivery.lateness_ms).collect();
    let took = (worker.publisher.clock.now() - began).num_milliseconds();
    if matches!(worked, Worked::Published | Worked::Failed | Worked::Stuck) {
        tracing::info!(post = post.id, outcome = ?worked, took_ms = took, lateness_ms = ?lateness, "post");
    }
    Ended::Worked { worked, lateness }
}

async fn report(worker: &Worker, unreadable: Unreadable) -> bool {
    let mut change = PostChange::of(&unreadable.id, &unreadable.version);
    change.status = Some(Status::Failed);
    change.settled_at = Some(Some(worker.publisher.clock.now()));
    change.error = Some(unreadable.problem);
    change.lease = Some(None);
    change.due_at = Some(None);
    worker.writer.save(change).await.is_ok()
}
