//! `#[serde(with = "firestore_rest::timestamp")]`: a `DateTime<Utc>` field that is stored as a timestamp.
//!
//! Without it chrono's serde form would be stored, a string, which no range over timestamps matches.
//! Through any other serializer it is the RFC 3339 text.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{
    Deserialize, Deserializer, Serializer,
    de::{self, Visitor},
};

use crate::value::format_timestamp;

/// The newtype name by which the encoder and the decoder recognise a timestamp.
pub(crate) const MARKER: &str = "$firestore::timestamp";

pub fn serialize<S: Serializer>(at: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_newtype_struct(MARKER, &format_timestamp(at))
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    deserializer.deserialize_newtype_struct(MARKER, TimestampVisitor)
}

struct TimestampVisitor;

impl<'de> Visitor<'de> for TimestampVisitor {
    type Value = DateTime<Utc>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a timestamp")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        DateTime::<Utc>::deserialize(deserializer)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        text.parse().map_err(E::custom)
    }
}

/// The same for `Option<DateTime<Utc>>`; `None` is stored as null (or not at all with
/// `skip_serializing_if`). Add `#[serde(default)]` to let the field be missing.
pub mod option {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(at: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        #[derive(Deserialize)]
        struct Wrapped(#[serde(with = "super")] DateTime<Utc>);

        Ok(Option::<Wrapped>::deserialize(deserializer)?.map(|Wrapped(at)| at))
    }
}
