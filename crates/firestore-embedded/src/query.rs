//! A structured query: parsed, checked, and completed with the orders that it implies.

use serde_json::Value as Json;

use crate::{
    error::{Error, Result},
    filter::{self, Conjunction},
    name::{FieldPath, check_id},
    order::{encode, encode_id, reverse},
    value::{Fields, Value, get},
};

#[derive(Debug)]
pub(crate) struct Query {
    /// `projects/P/databases/D/documents/posts`
    pub(crate) collection: String,
    pub(crate) alternatives: Vec<Conjunction>,
    /// Written and implied; the last one is `__name__`.
    pub(crate) orders: Vec<Order>,
    pub(crate) start: Option<Cursor>,
    pub(crate) end: Option<Cursor>,
    pub(crate) offset: usize,
    pub(crate) limit: Option<usize>,
    pub(crate) select: Option<Vec<FieldPath>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) path: FieldPath,
    pub(crate) descending: bool,
}

/// A position in the order.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) values: Vec<Value>,
    /// The encodings strung together, each in its order's direction.
    pub(crate) key: Vec<u8>,
    pub(crate) before: bool,
}

impl Query {
    /// `parent` is the database's root or a document.
    pub(crate) fn from_json(parent: &str, json: &Json) -> Result<Self> {
        if !json.is_object() {
            return Err(Error::invalid("no structuredQuery"));
        }
        for unknown in ["findNearest"] {
            if json.get(unknown).is_some() {
                return Err(Error::unimplemented(unknown));
            }
        }
        let [from] = json["from"].as_array().map_or(&[][..], Vec::as_slice) else {
            return Err(Error::invalid("a query needs exactly one collection"));
        };
        if from["allDescendants"] == true {
            return Err(Error::unimplemented("a collection group query"));
        }
        let id = from["collectionId"].as_str().unwrap_or_default();
        check_id(id)?;
        let alternatives = filter::parse(json.get("where"))?;
        let mut orders = Vec::new();
        for order in json["orderBy"].as_array().into_iter().flatten() {
            orders
                .push(Order { path: filter::field(order)?, descending: order["direction"] == "DESCENDING" });
        }
        let written = orders.len();
        imply(&mut orders, &alternatives)?;
        let select = match json.get("select") {
            None | Some(Json::Null) => None,
            Some(select) => {
                let fields = select["fields"].as_array().into_iter().flatten();
                let paths = fields
                    .map(|field| FieldPath::parse(field["fieldPath"].as_str().unwrap_or_default()))
                    .collect::<Result<Vec<_>>>()?;
                (!paths.is_empty()).then_some(paths)
            }
        };
        Ok(Self {
            collection: format!("{parent}/{id}"),
            alternatives,
            start: cursor(json.get("startAt"), &orders, written)?,
            end: cursor(json.get("endAt"), &orders, written)?,
            orders,
            offset: count(json.get("offset"))?.unwrap_or(0),
            limit: count(json.get("limit"))?,
            select,
        })
    }

    /// Where a document stands in the order, or `None` if it lacks a field of it.
    pub(crate) fn position(&self, id: &str, fields: &Fields) -> Option<Vec<u8>> {
        let mut key = Vec::with_capacity(32);
        for order in &self.orders {
            let from = key.len();
            if order.path.is_name() {
                encode_id(id, &mut key);
            } else {
                encode(get(fields, &order.path)?, &mut key);
            }
            if order.descending {
                reverse(&mut key, from);
            }
        }
        Some(key)
    }

    /// Whether a position lies between the cursors.
    pub(crate) fn includes(&self, position: &[u8]) -> bool {
        let after_start = self.start.as_ref().is_none_or(|Cursor { key, before, .. }| {
            if position.starts_with(key) { *before } else { position > key.as_slice() }
        });
        let before_end = self.end.as_ref().is_none_or(|Cursor { key, before, .. }| {
            if position.starts_with(key) { !*before } else { position < key.as_slice() }
        });
        after_start && before_end
    }
}

/// Fields under an inequality are ordered by, as if written, and the name comes last.
fn imply(orders: &mut Vec<Order>, alternatives: &[Conjunction]) -> Result<()> {
    let descending = orders.last().is_some_and(|order| order.descending);
    let mut paths: Vec<&FieldPath> = alternatives
        .iter()
        .flatten()
        .filter(|condition| condition.is_inequality() && !condition.path.is_name())
        .map(|condition| &condition.path)
        .collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        if orders.iter().any(|order| order.path == *path) {
            continue;
        }
        if orders.iter().any(|order| order.path.is_name()) {
            return Err(Error::invalid("ordered by __name__ before a field under an inequality"));
        }
        orders.push(Order { path: path.clone(), descending });
    }
    if !orders.iter().any(|order| order.path.is_name()) {
        orders.push(Order { path: FieldPath(vec!["__name__".to_owned()]), descending });
    }
    Ok(())
}

fn cursor(json: Option<&Json>, orders: &[Order], written: usize) -> Result<Option<Cursor>> {
    let Some(json) = json.filter(|json| !json.is_null()) else { return Ok(None) };
    let values = json["values"].as_array().into_iter().flatten().cloned().map(Value::from_json);
    let values = values.collect::<Result<Vec<_>>>()?;
    if values.len() > written {
        return Err(Error::invalid("Cursor has too many values."));
    }
    let mut key = Vec::new();
    for (value, order) in values.iter().zip(orders) {
        let from = key.len();
        if order.path.is_name() {
            let Value::Reference(name) = value else {
                return Err(Error::invalid("a cursor's value for __name__ is not a reference"));
            };
            encode_id(name.rsplit_once('/').map_or("", |(_, id)| id), &mut key);
        } else {
            encode(value, &mut key);
        }
        if order.descending {
            reverse(&mut key, from);
        }
    }
    Ok(Some(Cursor { values, key, before: json["before"] == true }))
}

fn count(json: Option<&Json>) -> Result<Option<usize>> {
    match json {
        None | Some(Json::Null) => Ok(None),
        Some(number) => number
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .map(Some)
            .ok_or_else(|| Error::invalid("a limit or offset is not a whole number from 0")),
    }
}
