//! `posts/{postId}`: reading, finding what is due, conditional writes.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeZone, Utc};
use firestore_rest::{Direction, Document, FieldPath, Fields, Filter, Op, Precondition, Query, Value, Write};
use serde_json::Value as Json;

use super::{SaveError, Store, StoreError, codec, path, saved, unchanged, version};
use crate::{
    platform::PlatformId,
    post::{Content, Post, Status, Version},
    problem::{Actor, Problem},
    publish::{Delivery, Lease},
};

const POSTS: &str = "posts";
/// Documents of one page of the sweep for posts without a time, and pages of one sweep.
const SWEPT_PAGE: u32 = 300;
const SWEPT_PAGES: u32 = 20;

/// A document that is a post, or one that cannot be read as one.
#[derive(Clone, Debug)]
pub enum Found {
    Post(Box<Post>),
    Unreadable(Unreadable),
}

/// Reported on the document itself, so that its author learns of it.
#[derive(Clone, Debug)]
pub struct Unreadable {
    pub id: String,
    pub version: Version,
    pub problem: Problem,
}

/// One page of a query and where the next begins.
#[derive(Debug)]
pub struct Page {
    pub found: Vec<Found>,
    pub next: Option<Cursor>,
}

/// Where a page begins: after this document.
#[derive(Clone, Debug)]
pub struct Cursor(Vec<Value>);

/// What a write changes of a post. `None` leaves a field as it is.
#[derive(Clone, Debug)]
pub struct PostChange {
    pub id: String,
    pub version: Version,
    pub status: Option<Status>,
    pub lease: Option<Option<Lease>>,
    pub due_at: Option<Option<DateTime<Utc>>>,
    pub published_at: Option<DateTime<Utc>>,
    pub settled_at: Option<Option<DateTime<Utc>>>,
    pub scheduled_at: Option<DateTime<Utc>>,
    pub content: Option<Content>,
    pub deliveries: BTreeMap<PlatformId, Delivery>,
    pub error: Option<Problem>,
}

impl PostChange {
    pub fn of(id: &str, version: &Version) -> Self {
        Self {
            id: id.to_owned(),
            version: version.clone(),
            status: None,
            lease: None,
            due_at: None,
            published_at: None,
            settled_at: None,
            scheduled_at: None,
            content: None,
            deliveries: BTreeMap::new(),
            error: None,
        }
    }
}

/// A post to be created.
#[derive(Clone, Debug)]
pub struct NewPost {
    pub id: String,
    pub profile_id: String,
    pub user_id: String,
    pub content: Content,
    pub scheduled_at: DateTime<Utc>,
}

impl Store {
    /// Posts the author gave the word for, due until `until`, in order of their time; and those whose
    /// `scheduledTime` is no time at all, which would never be due.
    pub async fn due(
        &self,
        until: DateTime<Utc>,
        limit: u32,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        let time = || field("scheduledTime");
        let is = |op, value| Filter::Field { path: time(), op, value };
        let due = Filter::Or(vec![
            is(Op::LessOrEqual, Value::Timestamp(until)),
            is(Op::LessOrEqual, Value::Integer(until.timestamp_millis())),
            // A text, nothing, or a yes/no: found here so that its author is told.
            is(Op::GreaterOrEqual, Value::String(String::new())),
            Filter::IsNull(time()),
            is(Op::In, Value::Array(vec![Value::Boolean(false), Value::Boolean(true)])),
        ]);
        self.page("scheduled", due, "scheduledTime", limit, after).await
    }

    /// Posts whose publishing goes on: lapsed leases, repeats and looks that are due.
    pub async fn resumable(
        &self,
        until: DateTime<Utc>,
        limit: u32,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        let due = Filter::Field { path: field("dueAt"), op: Op::LessOrEqual, value: Value::Timestamp(until) };
        self.page("publishing", due, "dueAt", limit, after).await
    }

    /// Posts that no query above can find, because the field they are found by is missing: `scheduled` without a
    /// `scheduledTime`, `publishing` without a `dueAt`. Two counts tell whether there are any; only then are the
    /// posts of that status read through, at most 6,000 of them in one sweep.
    pub async fn untimed(&self, status: &str, time: &str) -> Result<Vec<Found>, StoreError> {
        let all = Query::collection(POSTS).filter(Filter::field(field("status"), Op::Equal, status));
        let timed = all.clone().order_by(field(time), Direction::Ascending);
        let counts = futures_util::future::try_join(self.db.count(&all), self.db.count(&timed)).await?;
        let mut missing = counts.0.saturating_sub(counts.1);
        let mut found = Vec::new();
        let mut next = all.order_by(FieldPath::document_name(), Direction::Ascending).limit(SWEPT_PAGE);
        for _ in 0..SWEPT_PAGES {
            if missing == 0 {
                break;
            }
            let documents = self.db.run_query(&next).await?.documents;
            for document in documents.iter().filter(|document| document.get(time).is_none()) {
                missing = missing.saturating_sub(1);
                found.push(read(document));
            }
            let Some(last) = documents.last() else { break };
            next = next.start_after(vec![self.db.reference(&last.path)]);
        }
        Ok(found)
    }

    async fn page(
        &self,
        status: &str,
        due: Filter,
        order: &str,
        limit: u32,
        after: Option<Cursor>,
    ) -> Result<Page, StoreError> {
        let status = Filter::Field { path: field("status"), op: Op::Equal, value: Value::from(status) };
        let mut query = Query::collection(POSTS)
            .filter(Filter::And(vec![status, due]))
            .order_by(field(order), Direction::Ascending)
            .order_by(FieldPath::document_name(), Direction::Ascending)
            .limit(limit);
        if let Some(after) = after {
            query = query.start_after(after.0);
        }
        let documents = self.db.run_query(&query).await?.documents;
        let next = documents
            .last()
            .filter(|_| documents.len() == limit as usize)
            .and_then(|last| Some(Cursor(vec![last.get(order)?.clone(), self.db.reference(&last.path)])));
        Ok(Page { found: documents.iter().map(read).collect(), next })
    }

    pub async fn post(&self, id: &str) -> Result<Option<Found>, StoreError> {
        Ok(self.db.get(&path(POSTS, id)?).await?.as_ref().map(read))
    }

    /// The posts of a profile, latest time first.
    pub async fn posts_of(&self, profile_id: &str, limit: u32) -> Result<Vec<Found>, StoreError> {
        let query = Query::collection(POSTS)
            .filter(Filter::Field { path: field("profileId"), op: Op::Equal, value: Value::from(profile_id) })
            .order_by(field("scheduledTime"), Direction::Descending)
            .limit(limit);
        Ok(self.db.run_query(&query).await?.documents.iter().map(read).collect())
    }

    /// `Exists` when there is a post of this id.
    pub async fn create_post(&self, post: &NewPost) -> Result<Version, SaveError> {
        let mut fields = content_fields(&post.content);
        fields.insert("profileId".to_owned(), Value::from(post.profile_id.as_str()));
        fields.insert("userId".to_owned(), Value::from(post.user_id.as_str()));
        fields.insert("scheduledTime".to_owned(), Value::Timestamp(post.scheduled_at));
        fields.insert("status".to_owned(), Value::from("scheduled"));
        let write = Write::replace(path(POSTS, &post.id)?, fields, Precondition::Exists(false));
        self.write_one(write).await
    }

    /// One result per change, in order. The changes share one request.
    pub async fn save_posts(
        &self,
        changes: &[PostChange],
    ) -> Result<Vec<Result<Version, SaveError>>, StoreError> {
        let writes = changes.iter().map(write).collect::<Result<Vec<_>, _>>()?;
        Ok(self.db.batch_write(writes).await?.into_iter().map(saved).collect())
    }

    pub async fn save_post(&self, change: &PostChange) -> Result<Version, SaveError> {
        self.write_one(write(change)?).await
    }
}

fn field(name: &str) -> FieldPath {
    FieldPath::new([name])
}

fn write(change: &PostChange) -> Result<Write, StoreError> {
    let mut mask = Vec::new();
    let mut fields = Fields::new();
    let mut set = |name: &str, value: Option<Value>| {
        mask.push(field(name));
        if let Some(value) = value {
            fields.insert(name.to_owned(), value);
        }
    };
    if let Some(status) = &change.status {
        set("status", Some(Value::from(status.as_str())));
    }
    if let Some(lease) = &change.lease {
        set("lease", lease.as_ref().map(document));
    }
    if let Some(due_at) = &change.due_at {
        set("dueAt", due_at.map(Value::Timestamp));
    }
    if let Some(settled_at) = &change.settled_at {
        set("settledAt", settled_at.map(Value::Timestamp));
    }
    if let Some(at) = change.published_at {
        set("publishedAt", Some(Value::Timestamp(at)));
    }
    if let Some(at) = change.scheduled_at {
        set("scheduledTime", Some(Value::Timestamp(at)));
    }
    if let Some(error) = &change.error {
        set("error", Some(document(error)));
    }
    if let Some(content) = &change.content {
        let mut given = content_fields(content);
        for name in ["content", "contentFormat", "platforms", "media", "options"] {
            set(name, given.remove(name));
        }
    }
    let mut deliveries = Fields::new();
    for (platform, delivery) in &change.deliveries {
        mask.push(FieldPath::new(["deliveries", platform.as_str()]));
        deliveries.insert(platform.as_str().to_owned(), document(delivery));
    }
    if !deliveries.is_empty() {
        fields.insert("deliveries".to_owned(), Value::Map(deliveries));
    }
    Ok(Write::merge(path(POSTS, &change.id)?, mask, fields, unchanged(&change.version)))
}

fn document<T: serde::Serialize>(value: &T) -> Value {
    codec::to_value("", serde_json::to_value(value).unwrap_or(Json::Null))
}

fn content_fields(content: &Content) -> Fields {
    match serde_json::to_value(content) {
        Ok(Json::Object(fields)) => codec::to_fields(fields),
        _ => Fields::new(),
    }
}

fn read(document: &Document) -> Found {
    let id = document.path.id().to_owned();
    let version = version(&document.update_time);
    match decode(document) {
        Ok(post) => Found::Post(Box::new(post)),
        Err(problem) => Found::Unreadable(Unreadable { id, version, problem }),
    }
}

fn unreadable(field: &str, why: &str) -> Problem {
    let message = format!("the post cannot be published: `{field}` {why}");
    Problem::new(
        "post.unreadable",
        Actor::Author,
        message,
        format!("Correct `{field}` and schedule the post again"),
    )
}

fn decode(document: &Document) -> Result<Post, Problem> {
    let text = |name: &str| match document.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(value) => Err(unreadable(name, &format!("must be text, and is {}", value.kind()))),
        None => Err(unreadable(name, "is missing")),
    };
    let time = |name: &str| match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Timestamp(at)) => Ok(Some(*at)),
        Some(value) => Err(unreadable(name, &format!("must be a Timestamp, and is {}", value.kind()))),
    };
    let scheduled_at = match document.get("scheduledTime") {
        Some(Value::Integer(millis)) => Utc.timestamp_millis_opt(*millis).single(),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "milliseconds of any date fit; the rest is no date"
        )]
        Some(Value::Double(millis)) => Utc.timestamp_millis_opt(*millis as i64).single(),
        _ => time("scheduledTime")?,
    };
    let scheduled_at = scheduled_at.ok_or_else(|| {
        unreadable("scheduledTime", "must be a Timestamp, or a number of milliseconds since 1970")
    })?;
    let part = |name: &str| document.get(name).map(codec::to_json);
    let mut content = serde_json::Map::new();
    for name in ["content", "contentFormat", "platforms", "media", "options"] {
        match part(name) {
            None | Some(Json::Null) => {}
            Some(json) => {
                content.insert(name.to_owned(), json);
            }
        }
    }
    let content = read_content(content)?;
    let deliveries: BTreeMap<PlatformId, Delivery> = match part("deliveries") {
        None | Some(Json::Null) => BTreeMap::new(),
        Some(json) => serde_json::from_value(json)
            .map_err(|error| unreadable("deliveries", &format!("is not ours: {error}")))?,
    };
    let lease = match part("lease") {
        None | Some(Json::Null) => None,
        // Somebody else's shape cannot be a lease of ours, and must not lock the post for ever.
        Some(json) => serde_json::from_value(json).ok(),
    };
    Ok(Post {
        id: document.path.id().to_owned(),
        version: version(&document.update_time),
        profile_id: text("profileId")?,
        user_id: text("userId").ok(),
        content,
        scheduled_at,
        status: Status::parse(&text("status")?),
        deliveries,
        lease,
        due_at: time("dueAt")?,
        published_at: time("publishedAt")?,
        settled_at: time("settledAt")?,
    })
}

/// Reads the author's fields, naming the one at fault.
pub fn read_content(fields: serde_json::Map<String, Json>) -> Result<Content, Problem> {
    if let Some(Json::Array(names)) = fields.get("platforms") {
        for name in names {
            let known = name.as_str().and_then(PlatformId::parse).is_some();
            if !known {
                let why = format!("has {name}, which is none of twitter (or x), instagram, tiktok");
                return Err(unreadable("platforms", &why));
            }
        }
        if names.is_empty() {
            return Err(unreadable("platforms", "is empty"));
        }
    }
    for (name, expected) in
        [("content", "text"), ("platforms", "a list"), ("media", "a list"), ("options", "a map")]
    {
        let fits = match (fields.get(name), expected) {
            (None, _) => name != "platforms",
            (Some(value), "text") => value.is_string(),
            (Some(value), "list" | "a list") => value.is_array(),
            (Some(value), _) => value.is_object(),
        };
        if !fits {
            return Err(unreadable(name, &format!("must be {expected}")));
        }
    }
    if let Some(Json::Array(items)) = fields.get("media") {
        for (index, item) in items.iter().enumerate() {
            if let Err(error) = serde_json::from_value::<crate::post::Media>(item.clone()) {
                return Err(unreadable(&format!("media[{index}]"), &error.to_string()).with_media(index));
            }
        }
    }
    let mut content: Content = serde_json::from_value(Json::Object(fields))
        .map_err(|error| unreadable("content", &error.to_string()))?;
    let mut seen = Vec::new();
    content.platforms.retain(|id| {
        let new = !seen.contains(id);
        seen.push(*id);
        new
    });
    Ok(content)
}
