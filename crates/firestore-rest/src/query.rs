//! Queries over one collection.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

use crate::{Document, FieldPath, Value};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Ascending,
    Descending,
}

/// A comparison. Ranges (`Less`, …) match only values of the same kind as their operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Equal,
    /// Leaves out null and missing fields.
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Against an [`Value::Array`] of 1 to 30.
    In,
    /// Against an [`Value::Array`] of 1 to 10.
    NotIn,
    ArrayContains,
    /// Against an [`Value::Array`] of 1 to 30.
    ArrayContainsAny,
}

/// Which documents. A document without the field is never matched.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    Field {
        path: FieldPath,
        op: Op,
        value: Value,
    },
    IsNull(FieldPath),
    IsNan(FieldPath),
    And(Vec<Filter>),
    /// At most 30 alternatives after everything is multiplied out.
    Or(Vec<Filter>),
}

impl Filter {
    pub fn field(path: impl Into<FieldPath>, op: Op, value: impl Into<Value>) -> Self {
        Self::Field { path: path.into(), op, value: value.into() }
    }
}

/// A query, built up; several filters are joined by and.
///
/// A relative [`Value::Reference`] (`posts/p1`) in a filter or cursor is completed by the client.
#[derive(Clone, Debug)]
pub struct Query {
    collection: String,
    filters: Vec<Filter>,
    orders: Vec<(FieldPath, Direction)>,
    limit: Option<u32>,
    start: Option<Cursor>,
    select: Option<Vec<FieldPath>>,
}

#[derive(Clone, Debug)]
struct Cursor {
    values: Vec<Value>,
    /// At the position itself, or after it.
    before: bool,
}

/// What a query found.
#[derive(Clone, Debug)]
pub struct QueryResult {
    pub documents: Vec<Document>,
    /// The server's time of the snapshot: the one to reckon leases with.
    pub read_time: Option<DateTime<Utc>>,
}

impl Query {
    /// `posts`, or `posts/p1/attempts` for a subcollection.
    pub fn collection(collection: impl Into<String>) -> Self {
        Self {
            collection: collection.into(),
            filters: Vec::new(),
            orders: Vec::new(),
            limit: None,
            start: None,
            select: None,
        }
    }

    #[must_use]
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }

    /// Leaves out documents without the field. Ties are in the order of ids.
    #[must_use]
    pub fn order_by(mut self, field: impl Into<FieldPath>, direction: Direction) -> Self {
        self.orders.push((field.into(), direction));
        self
    }

    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Begins after the position: one value per order, and optionally a last one for the document itself
    /// ([`Client::reference`](crate::Client::reference)), which is what a page after another needs.
    #[must_use]
    pub fn start_after(mut self, values: Vec<Value>) -> Self {
        self.start = Some(Cursor { values, before: false });
        self
    }

    /// Begins at the position, inclusive; else as [`start_after`](Self::start_after).
    #[must_use]
    pub fn start_at(mut self, values: Vec<Value>) -> Self {
        self.start = Some(Cursor { values, before: true });
        self
    }

    /// Only these fields; with none, the documents' names and versions alone.
    #[must_use]
    pub fn select(mut self, fields: &[FieldPath]) -> Self {
        self.select =
            Some(if fields.is_empty() { vec![FieldPath::document_name()] } else { fields.to_vec() });
        self
    }

    /// Where the query is sent, below `…/documents`: the parent's path with a leading slash, or nothing.
    pub(crate) fn parent(&self) -> String {
        self.collection.rsplit_once('/').map_or_else(String::new, |(parent, _)| format!("/{parent}"))
    }

    /// The `structuredQuery`; `documents` is `projects/P/databases/D/documents`.
    pub(crate) fn to_json(&self, documents: &str) -> Json {
        let id = self.collection.rsplit_once('/').map_or(self.collection.as_str(), |(_, id)| id);
        let mut query = Map::new();
        query.insert("from".into(), json!([{ "collectionId": id }]));
        match self.filters.as_slice() {
            [] => {}
            [filter] => drop(query.insert("where".into(), filter_json(filter, documents))),
            filters => drop(query.insert("where".into(), composite("AND", filters, documents))),
        }
        let orders = self.written_orders();
        if !orders.is_empty() {
            let orders: Vec<Json> = orders
                .iter()
                .map(|(field, direction)| {
                    let direction = match direction {
                        Direction::Ascending => "ASCENDING",
                        Direction::Descending => "DESCENDING",
                    };
                    json!({ "field": field_json(field), "direction": direction })
                })
                .collect();
            query.insert("orderBy".into(), orders.into());
        }
        if let Some(Cursor { values, before }) = &self.start {
            let values: Vec<Json> = values.iter().map(|value| value_json(value, documents)).collect();
            query.insert("startAt".into(), json!({ "values": values, "before": before }));
        }
        if let Some(fields) = &self.select {
            let fields: Vec<Json> = fields.iter().map(field_json).collect();
            query.insert("select".into(), json!({ "fields": fields }));
        }
        if let Some(limit) = self.limit {
            query.insert("limit".into(), limit.into());
        }
        query.into()
    }

    /// A cursor may have no more values than there are written orders, so the implied last one is spelled
    /// out when there is a cursor.
    fn written_orders(&self) -> Vec<(FieldPath, Direction)> {
        let mut orders = self.orders.clone();
        let name = FieldPath::document_name();
        if self.start.is_some() && !orders.iter().any(|(field, _)| *field == name) {
            let direction = orders.last().map_or(Direction::Ascending, |(_, direction)| *direction);
            orders.push((name, direction));
        }
        orders
    }
}

fn field_json(field: &FieldPath) -> Json {
    json!({ "fieldPath": field })
}

fn composite(op: &str, filters: &[Filter], documents: &str) -> Json {
    let filters: Vec<Json> = filters.iter().map(|filter| filter_json(filter, documents)).collect();
    json!({ "compositeFilter": { "op": op, "filters": filters } })
}

fn filter_json(filter: &Filter, documents: &str) -> Json {
    match filter {
        Filter::Field { path, op, value } => {
            let op = match op {
                Op::Equal => "EQUAL",
                Op::NotEqual => "NOT_EQUAL",
                Op::Less => "LESS_THAN",
                Op::LessOrEqual => "LESS_THAN_OR_EQUAL",
                Op::Greater => "GREATER_THAN",
                Op::GreaterOrEqual => "GREATER_THAN_OR_EQUAL",
                Op::In => "IN",
                Op::NotIn => "NOT_IN",
                Op::ArrayContains => "ARRAY_CONTAINS",
                Op::ArrayContainsAny => "ARRAY_CONTAINS_ANY",
            };
            json!({ "fieldFilter": { "field": field_json(path), "op": op, "value": value_json(value, documents) } })
        }
        Filter::IsNull(field) => json!({ "unaryFilter": { "op": "IS_NULL", "field": field_json(field) } }),
        Filter::IsNan(field) => json!({ "unaryFilter": { "op": "IS_NAN", "field": field_json(field) } }),
        Filter::And(filters) => composite("AND", filters, documents),
        Filter::Or(filters) => composite("OR", filters, documents),
    }
}

fn value_json(value: &Value, documents: &str) -> Json {
    match value {
        Value::Reference(name) if !name.starts_with("projects/") => {
            json!({ "referenceValue": format!("{documents}/{name}") })
        }
        Value::Array(values) => {
            let values: Vec<Json> = values.iter().map(|value| value_json(value, documents)).collect();
            json!({ "arrayValue": { "values": values } })
        }
        other => json!(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_due_query_as_it_goes_on_the_wire() {
        let at: DateTime<Utc> = "2025-01-01T00:05:00Z".parse().unwrap();
        let query = Query::collection("posts")
            .filter(Filter::field("status", Op::Equal, "scheduled"))
            .filter(Filter::Or(vec![
                Filter::field("scheduledTime", Op::LessOrEqual, at),
                Filter::IsNull("scheduledTime".into()),
            ]))
            .order_by("scheduledTime", Direction::Ascending)
            .start_after(vec![at.into(), Value::Reference("posts/p0".into())])
            .select(&[])
            .limit(500);
        let field = |name: &str| json!({"fieldPath": name});
        assert_eq!(
            query.to_json("projects/p/databases/d/documents"),
            json!({
                "from": [{"collectionId": "posts"}],
                "where": {"compositeFilter": {"op": "AND", "filters": [
                    {"fieldFilter": {"field": field("status"), "op": "EQUAL", "value": {"stringValue": "scheduled"}}},
                    {"compositeFilter": {"op": "OR", "filters": [
                        {"fieldFilter": {"field": field("scheduledTime"), "op": "LESS_THAN_OR_EQUAL",
                            "value": {"timestampValue": "2025-01-01T00:05:00.000000Z"}}},
                        {"unaryFilter": {"op": "IS_NULL", "field": field("scheduledTime")}},
                    ]}},
                ]}},
                "orderBy": [
                    {"field": field("scheduledTime"), "direction": "ASCENDING"},
                    {"field": field("__name__"), "direction": "ASCENDING"},
                ],
                "startAt": {"before": false, "values": [
                    {"timestampValue": "2025-01-01T00:05:00.000000Z"},
                    {"referenceValue": "projects/p/databases/d/documents/posts/p0"},
                ]},
                "select": {"fields": [{"fieldPath": "__name__"}]},
                "limit": 500,
            })
        );
        assert_eq!(query.parent(), "");
        assert_eq!(Query::collection("posts/p1/attempts").parent(), "/posts/p1");
    }
}
