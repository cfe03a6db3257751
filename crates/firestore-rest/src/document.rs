//! A document as read, and its version.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{DecodeError, DocumentPath, Fields, Value, decode};

/// A stored document. With a projection, `fields` holds only what was selected.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub path: DocumentPath,
    pub fields: Fields,
    /// RFC 3339, as received.
    pub create_time: String,
    /// The version to put into a [`Precondition`](crate::Precondition).
    pub update_time: UpdateTime,
}

impl Document {
    /// The fields as a `T`.
    ///
    /// # Errors
    ///
    /// A field is missing or of another kind; the error names its path, e.g. `lease.until`.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        decode::from_fields(&self.fields)
    }

    /// A field at the top level.
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.fields.get(field)
    }
}

/// A document's version: the server's own text, sent back unread. Two texts are compared as such, because
/// parsing and printing one again could drop digits and lose a race that was won.
///
/// A write that changes nothing keeps the version.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UpdateTime(pub(crate) String);

impl UpdateTime {
    /// `2026-11-23T08:40:35.609866Z`
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// For a version that went through storage or a test.
impl From<String> for UpdateTime {
    fn from(text: String) -> Self {
        Self(text)
    }
}
