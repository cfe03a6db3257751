//! Posts and profiles in Firestore. The store's wire types end in this folder: outside it there are posts,
//! connections, versions and these errors.

mod codec;
mod posts;
mod profiles;

pub use posts::{Cursor, Found, NewPost, Page, PostChange, Unreadable, read_content};

use firestore_rest::{Client, DocumentPath, Fields, Precondition, UpdateTime, Value, Write};

use crate::post::Version;

/// A cheap handle.
#[derive(Clone, Debug)]
pub struct Store {
    db: Client,
}

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not an answer, or a passing refusal, after the retries of one invocation. A write may have happened.
    #[error("the store is not reachable right now: {0}")]
    Unavailable(String),
    /// Credentials, rules, a missing index: the operator has to act.
    #[error("the store refused the request: {0}")]
    Refused(String),
}

/// Why one conditional write did not happen.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// Somebody wrote in between (or our own earlier try did, and its answer was lost): read again.
    #[error("the document changed in between")]
    Conflict,
    #[error("there is already a document of this id")]
    Exists,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    pub fn new(db: Client) -> Self {
        Self { db }
    }

    /// Uses up a one-time mark. `false`: it was used before.
    pub async fn use_once(
        &self,
        mark: &str,
        expires_at: chrono::DateTime<chrono::Utc>,
    ) -> Result<bool, StoreError> {
        let path = path("socialOauthStates", mark)?;
        let fields = Fields::from([("expireAt".to_owned(), Value::Timestamp(expires_at))]);
        match self.db.create(&path, fields).await {
            Ok(_) => Ok(true),
            Err(firestore_rest::Error::AlreadyExists) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn write_one(&self, write: Write) -> Result<Version, SaveError> {
        let mut results = self.db.batch_write(vec![write]).await.map_err(StoreError::from)?;
        match results.pop() {
            Some(result) => saved(result),
            None => Err(StoreError::Unavailable("no result for the write".to_owned()).into()),
        }
    }
}

fn saved(result: Result<UpdateTime, firestore_rest::Error>) -> Result<Version, SaveError> {
    match result {
        Ok(time) => Ok(version(&time)),
        Err(firestore_rest::Error::FailedPrecondition { .. } | firestore_rest::Error::NotFound) => {
            Err(SaveError::Conflict)
        }
        Err(firestore_rest::Error::AlreadyExists) => Err(SaveError::Exists),
        Err(error) => Err(SaveError::Store(error.into())),
    }
}

fn version(time: &UpdateTime) -> Version {
    Version(time.as_str().to_owned())
}

fn unchanged(version: &Version) -> Precondition {
    Precondition::UpdateTime(UpdateTime::from(version.0.clone()))
}

fn path(collection: &str, id: &str) -> Result<DocumentPath, StoreError> {
    DocumentPath::new(collection, id)
        .map_err(|_| StoreError::Refused(format!("{collection} cannot hold a document of this id")))
}

impl From<firestore_rest::Error> for StoreError {
    fn from(error: firestore_rest::Error) -> Self {
        if error.is_transient() {
            Self::Unavailable(error.to_string())
        } else {
            Self::Refused(error.to_string())
        }
    }
}
