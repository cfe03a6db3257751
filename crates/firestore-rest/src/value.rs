//! Firestore's values and their JSON form: `{"integerValue":"7"}`.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use ::bytes::Bytes;
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};

/// A document's fields, or those of a map inside it.
pub type Fields = BTreeMap<String, Value>;

/// One value. Its serde form is the wire's, one key that names the kind:
/// `{"timestampValue":"2025-01-02T03:04:05.123456Z"}`, `{"arrayValue":{"values":[..]}}`. To turn a struct of
/// one's own into fields use [`to_fields`](crate::to_fields) instead.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    /// The server keeps microseconds and truncates what is finer.
    Timestamp(DateTime<Utc>),
    String(String),
    Bytes(Bytes),
    /// `projects/P/databases/D/documents/posts/p1`; see [`Client::reference`](crate::Client::reference).
    Reference(String),
    GeoPoint {
        latitude: f64,
        longitude: f64,
    },
    /// An array directly inside an array is refused by the server.
    Array(Vec<Value>),
    Map(Fields),
}

impl Value {
    /// What a message calls it: `text`, `number`, `timestamp`, `map`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) | Self::Double(_) => "number",
            Self::Timestamp(_) => "timestamp",
            Self::String(_) => "text",
            Self::Bytes(_) => "bytes",
            Self::Reference(_) => "reference",
            Self::GeoPoint { .. } => "geo point",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
        }
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Boolean(value) = self { Some(*value) } else { None }
    }

    /// Of an `Integer` only.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Integer(value) = self { Some(*value) } else { None }
    }

    /// Of a `Double` only.
    pub fn as_f64(&self) -> Option<f64> {
        if let Self::Double(value) = self { Some(*value) } else { None }
    }

    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(value) = self { Some(value) } else { None }
    }

    pub fn as_bytes(&self) -> Option<&Bytes> {
        if let Self::Bytes(value) = self { Some(value) } else { None }
    }

    pub fn as_timestamp(&self) -> Option<DateTime<Utc>> {
        if let Self::Timestamp(value) = self { Some(*value) } else { None }
    }

    pub fn as_array(&self) -> Option<&[Value]> {
        if let Self::Array(values) = self { Some(values) } else { None }
    }

    pub fn as_map(&self) -> Option<&Fields> {
        if let Self::Map(fields) = self { Some(fields) } else { None }
    }
}

macro_rules! from {
    ($($kind:ident($from:ty)),* $(,)?) => {$(
        impl From<$from> for Value {
            fn from(value: $from) -> Self {
                Self::$kind(value.into())
            }
        }
    )*};
}

from!(
    Boolean(bool),
    Integer(i64),
    Integer(i32),
    Integer(u32),
    Double(f64),
    Timestamp(DateTime<Utc>),
    String(&str),
    String(String),
    Bytes(Bytes),
    Array(Vec<Value>),
    Map(Fields),
);

/// `2025-01-02T03:04:05.123456Z`
pub(crate) fn format_timestamp(at: &DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Array<'a> {
            values: &'a [Value],
        }
        #[derive(Serialize)]
        struct Map<'a> {
            fields: &'a Fields,
        }
        #[derive(Serialize)]
        struct GeoPoint {
            latitude: f64,
            longitude: f64,
        }

        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Null => map.serialize_entry("nullValue", &())?,
            Self::Boolean(value) => map.serialize_entry("booleanValue", value)?,
            Self::Integer(value) => map.serialize_entry("integerValue", &value.to_string())?,
            // JSON has no word for these three; serde_json would write null.
            Self::Double(value) if value.is_nan() => map.serialize_entry("doubleValue", "NaN")?,
            Self::Double(f64::INFINITY) => map.serialize_entry("doubleValue", "Infinity")?,
            Self::Double(f64::NEG_INFINITY) => map.serialize_entry("doubleValue", "-Infinity")?,
            Self::Double(value) => map.serialize_entry("doubleValue", value)?,
            Self::Timestamp(value) => map.serialize_entry("timestampValue", &format_timestamp(value))?,
            Self::String(value) => map.serialize_entry("stringValue", value)?,
            Self::Bytes(value) => map.serialize_entry("bytesValue", &STANDARD.encode(value))?,
            Self::Reference(value) => map.serialize_entry("referenceValue", value)?,
            Self::GeoPoint { latitude, longitude } => map
                .serialize_entry("geoPointValue", &GeoPoint { latitude: *latitude, longitude: *longitude })?,
            Self::Array(values) => map.serialize_entry("arrayValue", &Array { values })?,
            Self::Map(fields) => map.serialize_entry("mapValue", &Map { fields })?,
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ValueVisitor)
    }
}

struct ValueVisitor;

/// A number, or a text that holds one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Numeric<'a> {
    Integer(i64),
    Double(f64),
    #[serde(borrow)]
    Text(Cow<'a, str>),
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with one key that names the value's kind")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Array {
            values: Vec<Value>,
        }
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Map {
            fields: Fields,
        }
        // A coordinate that is zero is omitted by the server.
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct GeoPoint {
            latitude: f64,
            longitude: f64,
        }

        let kind: Cow<'de, str> =
            map.next_key()?.ok_or_else(|| de::Error::custom("a value without a kind"))?;
        let value = match kind.as_ref() {
            "nullValue" => map.next_value::<IgnoredAny>().map(|_| Value::Null)?,
            "booleanValue" => Value::Boolean(map.next_value()?),
            "integerValue" => Value::Integer(match map.next_value()? {
                Numeric::Integer(value) => value,
                Numeric::Double(_) => return Err(de::Error::custom("an integer with a fraction")),
                Numeric::Text(text) => text.parse().map_err(de::Error::custom)?,
            }),
            "doubleValue" => Value::Double(match map.next_value()? {
                #[expect(clippy::cast_precision_loss, reason = "a double was meant, written without a point")]
                Numeric::Integer(value) => value as f64,
                Numeric::Double(value) => value,
                // Rust reads `NaN`, `Infinity` and `-Infinity` as they are.
                Numeric::Text(text) => text.parse().map_err(de::Error::custom)?,
            }),
            "timestampValue" => Value::Timestamp(map.next_value()?),
            "stringValue" => Value::String(map.next_value()?),
            "bytesValue" => {
                let text: Cow<'de, str> = map.next_value()?;
                Value::Bytes(STANDARD.decode(text.as_bytes()).map_err(de::Error::custom)?.into())
            }
            "referenceValue" => Value::Reference(map.next_value()?),
            "geoPointValue" => {
                let GeoPoint { latitude, longitude } = map.next_value()?;
                Value::GeoPoint { latitude, longitude }
            }
            "arrayValue" => Value::Array(map.next_value::<Array>()?.values),
            "mapValue" => Value::Map(map.next_value::<Map>()?.fields),
            other => return Err(de::Error::custom(format_args!("unknown kind of value `{other}`"))),
        };
        match map.next_key::<IgnoredAny>()? {
            None => Ok(value),
            Some(_) => Err(de::Error::custom("a value of two kinds")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_has_its_wire_form() {
        let at: DateTime<Utc> = "2025-01-02T03:04:05.123456Z".parse().unwrap();
        let check = |value: Value, wire: serde_json::Value| {
            assert_eq!(serde_json::to_value(&value).unwrap(), wire);
            assert_eq!(serde_json::from_str::<Value>(&wire.to_string()).unwrap(), value);
        };
        check(Value::Null, json!({"nullValue": null}));
        check(true.into(), json!({"booleanValue": true}));
        check(i64::MIN.into(), json!({"integerValue": "-9223372036854775808"}));
        check(1.0.into(), json!({"doubleValue": 1.0}));
        check(f64::INFINITY.into(), json!({"doubleValue": "Infinity"}));
        check(f64::NEG_INFINITY.into(), json!({"doubleValue": "-Infinity"}));
        check(at.into(), json!({"timestampValue": "2025-01-02T03:04:05.123456Z"}));
        check("a\u{0}😀".into(), json!({"stringValue": "a\u{0}😀"}));
        check(Bytes::from_static(&[0, 1, 2, 255]).into(), json!({"bytesValue": "AAEC/w=="}));
        check(Value::Reference("projects/p".into()), json!({"referenceValue": "projects/p"}));
        check(
            Value::GeoPoint { latitude: 1.5, longitude: -2.0 },
            json!({"geoPointValue": {"latitude": 1.5, "longitude": -2.0}}),
        );
        check(vec![1_i64.into()].into(), json!({"arrayValue": {"values": [{"integerValue": "1"}]}}));
        check(Fields::new().into(), json!({"mapValue": {"fields": {}}}));
        assert_eq!(serde_json::to_value(Value::Double(f64::NAN)).unwrap(), json!({"doubleValue": "NaN"}));
    }

    #[test]
    fn what_the_server_leaves_out_is_read_as_empty() {
        let check = |wire: &str, value: Value| {
            assert_eq!(serde_json::from_str::<Value>(wire).unwrap(), value, "{wire}");
        };
        check(r#"{"arrayValue":{}}"#, Value::Array(vec![]));
        check(r#"{"mapValue":{}}"#, Value::Map(Fields::new()));
        check(r#"{"geoPointValue":{}}"#, Value::GeoPoint { latitude: 0.0, longitude: 0.0 });
        check(r#"{"integerValue":7}"#, Value::Integer(7));
        check(r#"{"doubleValue":7}"#, Value::Double(7.0));
        check(
            r#"{"timestampValue":"2025-01-02T03:04:05Z"}"#,
            Value::Timestamp("2025-01-02T03:04:05Z".parse().unwrap()),
        );
    }

    #[test]
    fn malformed_values_are_errors() {
        for wire in
            ["{}", r#"{"stringValue":null}"#, r#"{"booleanValue":true,"stringValue":""}"#, r#"{"xValue":1}"#]
        {
            assert!(serde_json::from_str::<Value>(wire).is_err(), "{wire}");
        }
    }
}
