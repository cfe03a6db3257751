//! The store: collections under one lock, the clock, the counters.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::Router;
use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use crate::{
    collection::{Collection, Document, IndexFields},
    error::{Error, Result},
    execute::{self, Found},
    http,
    name::{FieldPath, Name},
    query::Query,
    write::{Outcome, Write},
};

/// The time, as the store asks for it.
pub type NowFn = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// Indexes that every collection has: what the due and the list queries of posts need.
const DEFAULT_INDEXES: &[&[&str]] = &[&["status"], &["status", "scheduledTime"], &["status", "dueAt"]];

/// All databases of all projects, in memory. Clones are handles on the same data.
#[derive(Clone)]
pub struct Store {
    state: Arc<Mutex<State>>,
    now: NowFn,
}

struct State {
    /// By full name, `projects/P/databases/D/documents/posts`.
    collections: HashMap<String, Collection>,
    indexes: Vec<IndexFields>,
    /// The last version given out, in microseconds; the next one is later.
    last: i64,
    metrics: Metrics,
}

/// What was asked of the store since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// By method: `commit`, `batchWrite`, `batchGet`, `runQuery`, `runAggregationQuery`, `get`, `create`,
    /// `patch`, `delete`.
    pub requests: BTreeMap<String, u64>,
    /// Writes that succeeded, also those that changed nothing.
    pub document_writes: u64,
    /// Documents returned by gets and queries.
    pub document_reads: u64,
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

impl Store {
    /// An empty store on the system's clock.
    pub fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the default of `with_clock`")]
        Self::with_clock(Arc::new(Utc::now))
    }

    /// An empty store that takes its versions, read times and `REQUEST_TIME` from `now`. Versions are
    /// distinct and rising even when the clock stands still.
    pub fn with_clock(now: NowFn) -> Self {
        let mut state =
            State { collections: HashMap::new(), indexes: Vec::new(), last: 0, metrics: Metrics::default() };
        state.set_indexes(DEFAULT_INDEXES);
        Self { state: Arc::new(Mutex::new(state)), now }
    }

    /// Keeps these indexes instead of the default ones (`status`; `status, scheduledTime`;
    /// `status, dueAt`), each a list of top-level fields. Call it before the first write. A query without a
    /// fitting index is answered by a scan: an index changes the time a query takes, never its result.
    #[must_use]
    pub fn with_indexes(self, indexes: &[&[&str]]) -> Self {
        self.lock().set_indexes(indexes);
        self
    }

    /// Answers `/v1/projects/{p}/databases/{d}/documents…` and `/emulator/v1/…`.
    pub fn router(&self) -> Router {
        http::router(self.clone())
    }

    pub fn metrics(&self) -> Metrics {
        self.lock().metrics.clone()
    }

    pub(crate) fn count_request(&self, method: &str) {
        *self.lock().metrics.requests.entry(method.to_owned()).or_default() += 1;
    }

    /// Microseconds since 1970, for a `readTime`.
    pub(crate) fn read_time(&self) -> i64 {
        (self.now)().timestamp_micros().max(self.lock().last)
    }

    pub(crate) fn get(&self, name: &Name) -> Option<Arc<Document>> {
        let mut state = self.lock();
        let document = state.document(name).cloned();
        state.metrics.document_reads += u64::from(document.is_some());
        document
    }

    pub(crate) fn query(&self, query: &Query) -> Vec<Found> {
        let mut state = self.lock();
        let found = state
            .collections
            .get(&query.collection)
            .map_or_else(Vec::new, |found| execute::run(query, found));
        state.metrics.document_reads += found.len() as u64;
        found
    }

    /// How many match; as the real one, not a read per document.
    pub(crate) fn count(&self, query: &Query) -> usize {
        self.lock().collections.get(&query.collection).map_or(0, |found| execute::run(query, found).len())
    }

    /// All writes or none, under one version: their results and that version.
    pub(crate) fn commit(&self, writes: &[Write]) -> Result<(Vec<Json>, i64)> {
        let now = (self.now)();
        let mut state = self.lock();
        let at = state.next_version(now);
        let mut staged: HashMap<&Name, Option<Arc<Document>>> = HashMap::new();
        let mut outcomes: Vec<(&Name, Outcome)> = Vec::with_capacity(writes.len());
        for write in writes {
            let old = match staged.get(&write.name) {
                Some(document) => document.clone(),
                None => state.document(&write.name).cloned(),
            };
            let outcome = write.apply(old.as_ref(), at)?;
            staged.insert(&write.name, outcome.document.clone());
            outcomes.push((&write.name, outcome));
        }
        // A document that was changed and changed back keeps its version.
        for (name, document) in &mut staged {
            if let Some(new) = document
                && let Some(old) = state.document(name)
                && old.fields == new.fields
                && old.created == new.created
            {
                *new = Arc::clone(old);
            }
        }
        for (name, outcome) in &mut outcomes {
            if let (Some(last), Some(shown)) = (staged.get(name).cloned().flatten(), &mut outcome.document) {
                *shown = last;
            }
        }
        for (name, document) in staged {
            state.put(name, document);
        }
        state.metrics.document_writes += writes.len() as u64;
        Ok((outcomes.iter().map(|(_, outcome)| outcome.to_json()).collect(), at))
    }

    /// Each write on its own.
    pub(crate) fn batch_write(&self, writes: &[Write]) -> Vec<Result<Json>> {
        let now = (self.now)();
        let mut state = self.lock();
        let mut results = Vec::with_capacity(writes.len());
        for write in writes {
            let at = state.next_version(now);
            let result = write.apply(state.document(&write.name), at).map(|outcome| {
                let json = outcome.to_json();
                state.put(&write.name, outcome.document);
                state.metrics.document_writes += 1;
                json
            });
            results.push(result);
        }
        results
    }

    /// Forgets every document below `projects/P/databases/D/documents`.
    pub(crate) fn clear(&self, documents: &str) {
        let prefix = format!("{documents}/");
        self.lock().collections.retain(|name, _| !name.starts_with(&prefix));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn set_indexes(&mut self, indexes: &[&[&str]]) {
        let path = |field: &&str| FieldPath(vec![(*field).to_owned()]);
        self.indexes = indexes.iter().map(|fields| fields.iter().map(path).collect()).collect();
    }

    fn next_version(&mut self, now: DateTime<Utc>) -> i64 {
        self.last = now.timestamp_micros().max(self.last + 1);
        self.last
    }

    fn document(&self, name: &Name) -> Option<&Arc<Document>> {
        self.collections.get(&name.collection)?.documents.get(name.id.as_str())
    }

    fn put(&mut self, name: &Name, document: Option<Arc<Document>>) {
        if let Some(collection) = self.collections.get_mut(&name.collection) {
            // A write that changed nothing hands back what is stored.
            let unchanged = match (&document, collection.documents.get(name.id.as_str())) {
                (Some(new), Some(old)) => Arc::ptr_eq(new, old),
                (None, None) => true,
                _ => false,
            };
            if !unchanged {
                collection.put(&name.id, document);
            }
        } else if document.is_some() {
            let mut collection = Collection::new(&self.indexes);
            collection.put(&name.id, document);
            self.collections.insert(name.collection.clone(), collection);
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("metrics", &self.metrics()).finish_non_exhaustive()
    }
}

/// The same document twice in one `batchWrite`.
pub(crate) fn check_distinct(writes: &[Write]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    if writes.iter().all(|write| seen.insert(&write.name)) {
        Ok(())
    } else {
        Err(Error::invalid("cannot write to the same document twice in one batch"))
    }
}
