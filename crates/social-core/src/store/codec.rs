//! Between our serde types and document values. A key that ends in `At` holds an instant: a Timestamp in the
//! document, an RFC 3339 text in JSON.

use chrono::{DateTime, SecondsFormat, Utc};
use firestore_rest::{Fields, Value};
use serde_json::Value as Json;

pub(super) fn to_value(key: &str, json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Boolean(value),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => Value::Integer(integer),
            None => Value::Double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => match instant(key, &text) {
            Some(at) => Value::Timestamp(at),
            None => Value::String(text),
        },
        Json::Array(items) => Value::Array(items.into_iter().map(|item| to_value("", item)).collect()),
        Json::Object(fields) => Value::Map(to_fields(fields)),
    }
}

pub(super) fn to_fields(object: serde_json::Map<String, Json>) -> Fields {
    object
        .into_iter()
        .map(|(key, value)| {
            let value = to_value(&key, value);
            (key, value)
        })
        .collect()
}

fn instant(key: &str, text: &str) -> Option<DateTime<Utc>> {
    if !key.ends_with("At") {
        return None;
    }
    DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc))
}

/// Bytes, references and places have no part in our documents; they become null and so a wrong type.
pub(super) fn to_json(value: &Value) -> Json {
    match value {
        Value::Boolean(value) => Json::Bool(*value),
        Value::Integer(value) => Json::from(*value),
        Value::Double(value) => Json::from(*value),
        Value::Timestamp(at) => Json::String(at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        Value::String(text) => Json::String(text.clone()),
        Value::Array(items) => Json::Array(items.iter().map(to_json).collect()),
        Value::Map(fields) => {
            Json::Object(fields.iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
        }
        Value::Null | Value::Bytes(_) | Value::Reference(_) | Value::GeoPoint { .. } => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_timestamps_and_come_back() {
        let json = serde_json::json!({"firedAt": "2026-11-24T10:00:00.125Z", "text": "2026-11-24T10:00:00Z", "n": 7});
        let value = to_value("", json.clone());
        let Value::Map(fields) = &value else { panic!("{value:?}") };
        assert!(matches!(fields["firedAt"], Value::Timestamp(_)));
        assert!(matches!(fields["text"], Value::String(_)));
        assert_eq!(to_json(&value), json);
    }
}
