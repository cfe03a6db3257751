//! Writes: what changes in one document, and under which condition.
//!
//! A write cannot be built without saying whether it merges or replaces and which [`Precondition`] it has,
//! because an absent mask replaces the whole document while an empty one changes nothing.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{DocumentPath, FieldPath, Fields, UpdateTime, Value};

/// What must be true of the stored document for the write to happen.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Precondition {
    #[default]
    None,
    /// `true`: else [`NotFound`](crate::Error::NotFound); `false`: else
    /// [`AlreadyExists`](crate::Error::AlreadyExists).
    Exists(bool),
    /// Exactly this version, else [`FailedPrecondition`](crate::Error::FailedPrecondition), also when the
    /// document is gone. The way to claim: of several writers holding one version a single one succeeds,
    /// provided that each changes something (a write that changes nothing keeps the version).
    UpdateTime(UpdateTime),
}

/// Computed by the server, after the write's fields are in place.
#[derive(Clone, Debug, PartialEq)]
pub enum Transform {
    /// The time of the request, in milliseconds.
    ServerTime,
    /// Adds; sets it where there is no number yet.
    Increment(i64),
    Maximum(Value),
    Minimum(Value),
    /// Appends the elements that are not in the array yet.
    ArrayUnion(Vec<Value>),
    /// Removes every occurrence of each element.
    ArrayRemove(Vec<Value>),
}

/// One document's change.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    pub(crate) path: DocumentPath,
    change: Change,
    transforms: Vec<(FieldPath, Transform)>,
    precondition: Precondition,
}

#[derive(Clone, Debug, PartialEq)]
enum Change {
    Merge { mask: Vec<FieldPath>, fields: Fields },
    Replace { fields: Fields },
    Delete,
}

impl Write {
    /// Sets the masked fields. A masked field that `fields` lacks is deleted, a field outside the mask is
    /// left alone (and ignored in `fields`). Creates the document unless the precondition forbids it.
    pub fn merge(
        path: impl Into<DocumentPath>,
        mask: Vec<FieldPath>,
        fields: Fields,
        precondition: Precondition,
    ) -> Self {
        Self::new(path.into(), Change::Merge { mask, fields }, precondition)
    }

    /// Makes `fields` the whole document.
    pub fn replace(path: impl Into<DocumentPath>, fields: Fields, precondition: Precondition) -> Self {
        Self::new(path.into(), Change::Replace { fields }, precondition)
    }

    /// Succeeds on a missing document unless the precondition forbids it.
    pub fn delete(path: impl Into<DocumentPath>, precondition: Precondition) -> Self {
        Self::new(path.into(), Change::Delete, precondition)
    }

    fn new(path: DocumentPath, change: Change, precondition: Precondition) -> Self {
        Self { path, change, transforms: Vec::new(), precondition }
    }

    /// Adds a transform; not for a delete.
    #[must_use]
    pub fn transform(mut self, field: impl Into<FieldPath>, transform: Transform) -> Self {
        debug_assert!(!matches!(self.change, Change::Delete), "a delete has nothing to transform");
        self.transforms.push((field.into(), transform));
        self
    }

    pub fn path(&self) -> &DocumentPath {
        &self.path
    }

    /// Whether sending it twice has the effect of sending it once: its condition fails the second time, or
    /// it sets the same again.
    pub(crate) fn is_repeatable(&self) -> bool {
        let adds = self.transforms.iter().any(|(_, transform)| matches!(transform, Transform::Increment(_)));
        match self.precondition {
            Precondition::UpdateTime(_) | Precondition::Exists(false) => true,
            Precondition::None | Precondition::Exists(true) => !adds,
        }
    }
}

/// A write with the database's prefix, as it goes on the wire.
pub(crate) struct WireWrite<'a> {
    pub(crate) documents: &'a str,
    pub(crate) write: &'a Write,
}

#[derive(Serialize)]
struct Update<'a> {
    name: String,
    fields: &'a Fields,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Mask<'a> {
    field_paths: &'a [FieldPath],
}

impl Serialize for WireWrite<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = format!("{}/{}", self.documents, self.write.path);
        let mut map = serializer.serialize_map(None)?;
        match &self.write.change {
            Change::Merge { mask, fields } => {
                map.serialize_entry("update", &Update { name, fields })?;
                map.serialize_entry("updateMask", &Mask { field_paths: mask })?;
            }
            Change::Replace { fields } => map.serialize_entry("update", &Update { name, fields })?,
            Change::Delete => map.serialize_entry("delete", &name)?,
        }
        if !self.write.transforms.is_empty() {
            let transforms: Vec<_> = self.write.transforms.iter().map(WireTransform).collect();
            map.serialize_entry("updateTransforms", &transforms)?;
        }
        match &self.write.precondition {
            Precondition::None => {}
            Precondition::Exists(exists) => {
                map.serialize_entry("currentDocument", &serde_json::json!({ "exists": exists }))?;
            }
            Precondition::UpdateTime(UpdateTime(at)) => {
                map.serialize_entry("currentDocument", &serde_json::json!({ "updateTime": at }))?;
            }
        }
        map.end()
    }
}

struct WireTransform<'a>(&'a (FieldPath, Transform));

impl Serialize for WireTransform<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Values<'a> {
            values: &'a [Value],
        }

        let (field, transform) = self.0;
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("fieldPath", field)?;
        match transform {
            Transform::ServerTime => map.serialize_entry("setToServerValue", "REQUEST_TIME")?,
            Transform::Increment(by) => map.serialize_entry("increment", &Value::Integer(*by))?,
            Transform::Maximum(value) => map.serialize_entry("maximum", value)?,
            Transform::Minimum(value) => map.serialize_entry("minimum", value)?,
            Transform::ArrayUnion(values) => {
                map.serialize_entry("appendMissingElements", &Values { values })?;
            }
            Transform::ArrayRemove(values) => {
                map.serialize_entry("removeAllFromArray", &Values { values })?;
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(write: &Write, expected: serde_json::Value) {
        let wire = WireWrite { documents: "projects/p/databases/d/documents", write };
        assert_eq!(serde_json::to_value(wire).unwrap(), expected);
    }

    fn p1() -> DocumentPath {
        DocumentPath::new("posts", "p1").unwrap()
    }

    #[test]
    fn a_merge_always_sends_its_mask_and_a_replace_never_does() {
        let name = "projects/p/databases/d/documents/posts/p1";
        check(
            &Write::merge(
                p1(),
                vec!["status".into(), "lease".into()],
                Fields::from([("status".into(), "x".into())]),
                Precondition::UpdateTime(UpdateTime("2026-11-23T08:42:18.640102Z".into())),
            )
            .transform("attempts", Transform::Increment(1))
            .transform("publishedAt", Transform::ServerTime)
            .transform("tags", Transform::ArrayUnion(vec!["a".into()])),
            json!({
                "update": {"name": name, "fields": {"status": {"stringValue": "x"}}},
                "updateMask": {"fieldPaths": ["status", "lease"]},
                "updateTransforms": [
                    {"fieldPath": "attempts", "increment": {"integerValue": "1"}},
                    {"fieldPath": "publishedAt", "setToServerValue": "REQUEST_TIME"},
                    {"fieldPath": "tags", "appendMissingElements": {"values": [{"stringValue": "a"}]}},
                ],
                "currentDocument": {"updateTime": "2026-11-23T08:42:18.640102Z"},
            }),
        );
        check(
            &Write::merge(p1(), vec![], Fields::new(), Precondition::None),
            json!({"update": {"name": name, "fields": {}}, "updateMask": {"fieldPaths": []}}),
        );
        check(
            &Write::replace(p1(), Fields::new(), Precondition::Exists(false)),
            json!({"update": {"name": name, "fields": {}}, "currentDocument": {"exists": false}}),
        );
        check(&Write::delete(p1(), Precondition::None), json!({"delete": name}));
    }

    #[test]
    fn only_an_unconditional_increment_must_not_be_repeated() {
        let plain = |precondition| Write::replace(p1(), Fields::new(), precondition);
        let adding = |precondition| plain(precondition).transform("n", Transform::Increment(1));
        assert!(plain(Precondition::None).is_repeatable());
        assert!(!adding(Precondition::None).is_repeatable());
        assert!(!adding(Precondition::Exists(true)).is_repeatable());
        assert!(adding(Precondition::Exists(false)).is_repeatable());
        assert!(adding(Precondition::UpdateTime(UpdateTime("t".into()))).is_repeatable());
    }
}
