//! Writes: parsed as a whole before any is made, then applied to one document at a time.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use crate::{
    collection::Document,
    error::{Error, Result, Status},
    name::{FieldPath, Name},
    transform::Transform,
    value::{Fields, Value, fields_from_json, format_micros, get, parse_timestamp, remove, set},
};

#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) name: Name,
    change: Change,
    transforms: Vec<Transform>,
    precondition: Precondition,
}

#[derive(Debug)]
enum Change {
    Replace(Fields),
    Merge {
        mask: Vec<FieldPath>,
        fields: Fields,
    },
    /// Transforms alone, on whatever is there.
    Transform,
    Delete,
    Verify,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    None,
    Exists(bool),
    UpdateTime(i64),
}

/// What became of a write: the document, and what to report.
pub(crate) struct Outcome {
    pub(crate) document: Option<Arc<Document>>,
    transform_results: Vec<Value>,
    reports_time: bool,
}

impl Write {
    pub(crate) fn update(
        name: Name,
        mask: Option<Vec<FieldPath>>,
        fields: Fields,
        precondition: Precondition,
    ) -> Self {
        let change = match mask {
            None => Change::Replace(fields),
            Some(mask) => Change::Merge { mask, fields },
        };
        Self { name, change, transforms: Vec::new(), precondition }
    }

    pub(crate) fn delete(name: Name, precondition: Precondition) -> Self {
        Self { name, change: Change::Delete, transforms: Vec::new(), precondition }
    }

    /// `{"update":{"name":…,"fields":…},"updateMask":…,"updateTransforms":…,"currentDocument":…}`, or with
    /// `delete`, `verify` or `transform` instead of `update`.
    pub(crate) fn from_json(json: Json) -> Result<Self> {
        let Json::Object(mut object) = json else { return Err(Error::invalid("a write is not an object")) };
        let mut transforms = Vec::new();
        let operations = ["update", "delete", "verify", "transform"];
        if operations.iter().filter(|operation| object.contains_key(**operation)).count() != 1 {
            return Err(Error::invalid("a write needs exactly one operation"));
        }
        let (name, change) = if let Some(document) = object.remove("update") {
            let Json::Object(mut document) = document else {
                return Err(Error::invalid("`update` is not a document"));
            };
            let name = Name::parse(document.get("name").and_then(Json::as_str).unwrap_or_default())?;
            let fields = fields_from_json(document.remove("fields"))?;
            let change = match object.get("updateMask") {
                None | Some(Json::Null) => Change::Replace(fields),
                Some(mask) => Change::Merge { mask: mask_from_json(mask)?, fields },
            };
            (name, change)
        } else if let Some(name) = object.get("delete") {
            (Name::parse(name.as_str().unwrap_or_default())?, Change::Delete)
        } else if let Some(name) = object.get("verify") {
            (Name::parse(name.as_str().unwrap_or_default())?, Change::Verify)
        } else {
            let mut transform = object.remove("transform").unwrap_or_default();
            let name = Name::parse(transform["document"].as_str().unwrap_or_default())?;
            transforms = transforms_from_json(transform["fieldTransforms"].take())?;
            (name, Change::Transform)
        };
        transforms.extend(transforms_from_json(object.remove("updateTransforms").unwrap_or_default())?);
        let precondition = Precondition::from_json(object.get("currentDocument"))?;
        Ok(Self { name, change, transforms, precondition })
    }

    /// The document after this write. `now` becomes its version if anything changed.
    pub(crate) fn apply(&self, old: Option<&Arc<Document>>, now: i64) -> Result<Outcome> {
        self.precondition.check(old, &self.name)?;
        let mut fields = match &self.change {
            Change::Delete => {
                return Ok(Outcome { document: None, transform_results: Vec::new(), reports_time: false });
            }
            Change::Verify => {
                return Ok(Outcome {
                    document: old.cloned(),
                    transform_results: Vec::new(),
                    reports_time: true,
                });
            }
            Change::Replace(fields) => fields.clone(),
            Change::Transform => old.map(|old| old.fields.clone()).unwrap_or_default(),
            Change::Merge { mask, fields } => {
                let mut merged = old.map(|old| old.fields.clone()).unwrap_or_default();
                for path in mask {
                    match get(fields, path) {
                        Some(value) => set(&mut merged, path, value.clone()),
                        None => remove(&mut merged, path),
                    }
                }
                merged
            }
        };
        let transform_results =
            self.transforms.iter().map(|transform| transform.apply(&mut fields, now)).collect();
        check_size(&self.name, &fields)?;
        let document = match old {
            Some(old) if old.fields == fields => Arc::clone(old),
            old => Arc::new(Document { fields, created: old.map_or(now, |old| old.created), updated: now }),
        };
        Ok(Outcome { document: Some(document), transform_results, reports_time: true })
    }
}

impl Outcome {
    /// `{"updateTime":…,"transformResults":[…]}`
    pub(crate) fn to_json(&self) -> Json {
        let mut result = Map::new();
        if let Some(document) = self.document.as_ref().filter(|_| self.reports_time) {
            result.insert("updateTime".to_owned(), format_micros(document.updated).into());
        }
        if !self.transform_results.is_empty() {
            result.insert("transformResults".to_owned(), json!(self.transform_results));
        }
        result.into()
    }
}

impl Precondition {
    pub(crate) fn from_json(json: Option<&Json>) -> Result<Self> {
        let Some(json) = json.filter(|json| !json.is_null()) else { return Ok(Self::None) };
        let object = json.as_object().ok_or_else(|| Error::invalid("`currentDocument` is not an object"))?;
        match (object.get("exists"), object.get("updateTime")) {
            (None, None) => Ok(Self::None),
            (Some(exists), None) => exists
                .as_bool()
                .map(Self::Exists)
                .ok_or_else(|| Error::invalid("`exists` is neither true nor false")),
            (None, Some(at)) => Self::at(at.as_str().unwrap_or_default()),
            (Some(_), Some(_)) => Err(Error::invalid("a precondition of two kinds")),
        }
    }

    /// A version; one with finer digits than a microsecond can be nobody's.
    pub(crate) fn at(text: &str) -> Result<Self> {
        let at = parse_timestamp(text)?;
        if at.timestamp_subsec_nanos() % 1000 != 0 {
            return Err(Error::invalid("the precondition's updateTime is finer than a microsecond"));
        }
        Ok(Self::UpdateTime(at.timestamp_micros()))
    }

    fn check(self, old: Option<&Arc<Document>>, name: &Name) -> Result<()> {
        match (self, old) {
            (Self::Exists(true), None) => {
                Err(Error::new(Status::NotFound, format!("no entity to update: {name}")))
            }
            (Self::Exists(false), Some(_)) => {
                Err(Error::new(Status::AlreadyExists, format!("entity already exists: {name}")))
            }
            (Self::UpdateTime(at), old) if old.is_none_or(|old| old.updated != at) => Err(Error::new(
                Status::FailedPrecondition,
                format!("the stored version of {name} does not match the required base version"),
            )),
            _ => Ok(()),
        }
    }
}

/// `{"fieldPaths":["a","b.c"]}`
pub(crate) fn mask_from_json(mask: &Json) -> Result<Vec<FieldPath>> {
    let Some(object) = mask.as_object() else { return Err(Error::invalid("a mask is not an object")) };
    match object.get("fieldPaths") {
        None => Ok(Vec::new()),
        Some(Json::Array(paths)) => {
            paths.iter().map(|path| FieldPath::parse(path.as_str().unwrap_or_default())).collect()
        }
        Some(_) => Err(Error::invalid("`fieldPaths` is not an array")),
    }
}

fn transforms_from_json(json: Json) -> Result<Vec<Transform>> {
    match json {
        Json::Null => Ok(Vec::new()),
        Json::Array(transforms) => transforms.into_iter().map(Transform::from_json).collect(),
        _ => Err(Error::invalid("transforms are not an array")),
    }
}

/// 1 MiB, reckoned as the documentation does (storage size calculations).
fn check_size(name: &Name, fields: &Fields) -> Result<()> {
    const MAX_BYTES: usize = 1_048_576;
    let names: usize = format!("{name}").split('/').skip(5).map(|segment| segment.len() + 1).sum();
    if names + 16 + 32 + map_size(fields) > MAX_BYTES {
        return Err(Error::invalid("the document is larger than 1,048,576 bytes"));
    }
    Ok(())
}

fn map_size(fields: &Fields) -> usize {
    fields.iter().map(|(name, value)| name.len() + 1 + size(value)).sum()
}

fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Boolean(_) => 1,
        Value::Integer(_) | Value::Double(_) | Value::Timestamp(_) => 8,
        Value::String(text) => text.len() + 1,
        Value::Bytes(bytes) => bytes.len(),
        Value::Reference(name) => name.len() + 16,
        Value::GeoPoint(..) => 16,
        Value::Array(values) => values.iter().map(size).sum(),
        Value::Map(fields) => map_size(fields),
    }
}
