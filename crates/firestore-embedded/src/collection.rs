//! One collection's documents and its indexes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    name::FieldPath,
    order::encode,
    value::{Fields, Value, format_micros, get, set},
};

/// A stored document. Shared, so that an answer is written after the lock is released.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Document {
    pub(crate) fields: Fields,
    pub(crate) created: i64,
    pub(crate) updated: i64,
}

/// An index's fields, the outermost first.
pub(crate) type IndexFields = Arc<[FieldPath]>;

/// Documents that have all of `fields`, by these and then by id.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) fields: IndexFields,
    pub(crate) entries: BTreeSet<(Box<[u8]>, Arc<str>)>,
}

#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) documents: BTreeMap<Arc<str>, Arc<Document>>,
    pub(crate) indexes: Vec<Index>,
}

impl Index {
    fn key(&self, document: &Document) -> Option<Box<[u8]>> {
        let mut key = Vec::with_capacity(32);
        for field in self.fields.iter() {
            encode(get(&document.fields, field)?, &mut key);
        }
        Some(key.into())
    }
}

impl Collection {
    pub(crate) fn new(indexes: &[IndexFields]) -> Self {
        let index = |fields: &IndexFields| Index { fields: Arc::clone(fields), entries: BTreeSet::new() };
        Self { documents: BTreeMap::new(), indexes: indexes.iter().map(index).collect() }
    }

    /// Stores, replaces or removes (`None`), and moves the index entries that changed.
    pub(crate) fn put(&mut self, id: &str, document: Option<Arc<Document>>) {
        let id: Arc<str> = match self.documents.get_key_value(id) {
            Some((id, _)) => Arc::clone(id),
            None => id.into(),
        };
        let old = self.documents.get(&id).cloned();
        for index in &mut self.indexes {
            let before = old.as_deref().and_then(|document| index.key(document));
            let after = document.as_deref().and_then(|document| index.key(document));
            if before == after {
                continue;
            }
            if let Some(key) = before {
                index.entries.remove(&(key, Arc::clone(&id)));
            }
            if let Some(key) = after {
                index.entries.insert((key, Arc::clone(&id)));
            }
        }
        match document {
            Some(document) => drop(self.documents.insert(id, document)),
            None => drop(self.documents.remove(&id)),
        }
    }
}

/// A document as it is sent: with its name, and only what was asked for.
pub(crate) struct Shown<'a> {
    pub(crate) collection: &'a str,
    pub(crate) id: &'a str,
    pub(crate) document: &'a Document,
    pub(crate) mask: Option<&'a [FieldPath]>,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &format!("{}/{}", self.collection, self.id))?;
        match self.mask {
            None if self.document.fields.is_empty() => {}
            None => map.serialize_entry("fields", &self.document.fields)?,
            Some(mask) => {
                let fields = project(&self.document.fields, mask);
                if !fields.is_empty() {
                    map.serialize_entry("fields", &fields)?;
                }
            }
        }
        map.serialize_entry("createTime", &format_micros(self.document.created))?;
        map.serialize_entry("updateTime", &format_micros(self.document.updated))?;
        map.end()
    }
}

fn project(fields: &Fields, mask: &[FieldPath]) -> Fields {
    let mut projected = Fields::new();
    for path in mask {
        // A path inside one that is already there would only set the same again.
        if let Some(value) = get(fields, path) {
            set(&mut projected, path, Value::clone(value));
        }
    }
    projected
}
