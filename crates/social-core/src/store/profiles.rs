//! `profiles/{profileId}`: the web app's document, of which `socialConnections` is ours.

use std::collections::BTreeMap;

use firestore_rest::{Document, FieldPath, Fields, Value, Write};
use serde_json::Value as Json;

use super::{SaveError, Store, StoreError, codec, path, unchanged, version};
use crate::{
    connection::{Connection, Profile, StoredConnection},
    platform::PlatformId,
    post::Version,
};

const PROFILES: &str = "profiles";
const CONNECTIONS: &str = "socialConnections";

impl Store {
    pub async fn profile(&self, id: &str) -> Result<Option<Profile>, StoreError> {
        Ok(self.db.get(&path(PROFILES, id)?).await?.as_ref().map(read))
    }

    /// Those that exist, by id.
    pub async fn profiles(&self, ids: &[String]) -> Result<BTreeMap<String, Profile>, StoreError> {
        let paths: Vec<_> = ids.iter().filter_map(|id| path(PROFILES, id).ok()).collect();
        if paths.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mask = ["userId", "users", CONNECTIONS].map(|name| FieldPath::new([name]));
        let found = self.db.batch_get(&paths, Some(&mask)).await?;
        let profiles = found.into_values().flatten().map(|document| read(&document));
        Ok(profiles.map(|profile| (profile.id.clone(), profile)).collect())
    }

    /// Sets (or with `None` removes) one connection, only while the profile is at `version`.
    pub async fn save_connection(
        &self,
        profile_id: &str,
        platform: PlatformId,
        connection: Option<&Connection>,
        at: &Version,
    ) -> Result<Version, SaveError> {
        let mask = vec![FieldPath::new([CONNECTIONS, platform.as_str()])];
        let mut fields = Fields::new();
        if let Some(connection) = connection {
            let json = serde_json::to_value(connection).unwrap_or(Json::Null);
            let connections = Fields::from([(platform.as_str().to_owned(), codec::to_value("", json))]);
            fields.insert(CONNECTIONS.to_owned(), Value::Map(connections));
        }
        self.write_one(Write::merge(path(PROFILES, profile_id)?, mask, fields, unchanged(at))).await
    }
}

fn read(document: &Document) -> Profile {
    let text = |name: &str| match document.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        _ => None,
    };
    let users = match document.get("users") {
        Some(Value::Array(users)) => users
            .iter()
            .filter_map(|user| match user {
                Value::String(uid) => Some(uid.clone()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    };
    let mut connections = BTreeMap::new();
    if let Some(Value::Map(fields)) = document.get(CONNECTIONS) {
        for (name, value) in fields {
            let Some(platform) = PlatformId::parse(name).filter(|_| *value != Value::Null) else { continue };
            let connection = match serde_json::from_value::<Connection>(codec::to_json(value)) {
                Ok(connection) => StoredConnection::Readable(Box::new(connection)),
                Err(error) => StoredConnection::Unreadable(error.to_string()),
            };
            connections.insert(platform, connection);
        }
    }
    Profile {
        id: document.path.id().to_owned(),
        version: version(&document.update_time),
        user_id: text("userId"),
        users,
        connections,
    }
}
