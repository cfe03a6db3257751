//! Values: from JSON, to JSON, nested fields.

use std::collections::BTreeMap;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::STANDARD},
};
use chrono::{DateTime, Datelike, SecondsFormat, Utc};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value as Json};

use crate::{
    error::{Error, Result},
    name::{FieldPath, check_field_name},
};

pub(crate) type Fields = BTreeMap<String, Value>;

/// What a single string or bytes value may take.
const MAX_VALUE_BYTES: usize = 1_048_487;
const MAX_DEPTH: usize = 20;

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
    /// Microseconds since 1970.
    Timestamp(i64),
    String(String),
    Bytes(Vec<u8>),
    Reference(String),
    GeoPoint(f64, f64),
    Array(Vec<Value>),
    Map(Fields),
}

/// Identity, as a write that changes nothing sees it: 1 and 1.0 differ, NaN equals itself.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) | (Self::Timestamp(a), Self::Timestamp(b)) => a == b,
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            (Self::String(a), Self::String(b)) | (Self::Reference(a), Self::Reference(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::GeoPoint(a, b), Self::GeoPoint(c, d)) => {
                a.to_bits() == c.to_bits() && b.to_bits() == d.to_bits()
            }
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            _ => false,
        }
    }
}

/// `fields` of a document.
pub(crate) fn fields_from_json(json: Option<Json>) -> Result<Fields> {
    map_from_json(json, 1)
}

fn map_from_json(json: Option<Json>, depth: usize) -> Result<Fields> {
    match json {
        None | Some(Json::Null) => Ok(Fields::new()),
        Some(Json::Object(entries)) => entries
            .into_iter()
            .map(|(name, value)| {
                check_field_name(&name)?;
                Ok((name, parse(value, depth, false)?))
            })
            .collect(),
        Some(_) => Err(Error::invalid("`fields` is not an object")),
    }
}

impl Value {
    pub(crate) fn from_json(json: Json) -> Result<Self> {
        parse(json, 1, false)
    }

    pub(crate) fn is_nan(&self) -> bool {
        matches!(self, Self::Double(value) if value.is_nan())
    }
}

fn parse(json: Json, depth: usize, in_array: bool) -> Result<Value> {
    let Json::Object(object) = json else { return Err(Error::invalid("a value is not an object")) };
    if object.len() != 1 {
        return Err(Error::invalid("a value needs exactly one kind"));
    }
    let (kind, content) = object.into_iter().next().unwrap_or_default();
    let deeper = |depth: usize| {
        if depth > MAX_DEPTH {
            Err(Error::invalid("maps and arrays are nested too deeply"))
        } else {
            Ok(depth)
        }
    };
    let unset = || Error::invalid(format!("{kind} has an unfit content"));
    Ok(match kind.as_str() {
        "nullValue" | "null_value" => match content {
            Json::Null => Value::Null,
            Json::String(text) if text == "NULL_VALUE" => Value::Null,
            Json::Number(number) if number.as_i64() == Some(0) => Value::Null,
            _ => return Err(unset()),
        },
        "booleanValue" | "boolean_value" => Value::Boolean(content.as_bool().ok_or_else(unset)?),
        "integerValue" | "integer_value" => Value::Integer(integer(&content).ok_or_else(unset)?),
        "doubleValue" | "double_value" => {
            let double = match &content {
                Json::Number(number) => number.as_f64(),
                Json::String(text) => text.parse().ok(),
                _ => None,
            };
            // The emulator keeps no negative zero.
            Value::Double(double.ok_or_else(unset)? + 0.0)
        }
        "timestampValue" | "timestamp_value" => {
            Value::Timestamp(parse_timestamp(content.as_str().ok_or_else(unset)?)?.timestamp_micros())
        }
        "stringValue" | "string_value" => match content {
            Json::String(text) if text.len() <= MAX_VALUE_BYTES => Value::String(text),
            Json::String(_) => return Err(Error::invalid("a text is longer than 1,048,487 bytes")),
            _ => return Err(unset()),
        },
        "bytesValue" | "bytes_value" => {
            let bytes = decode_base64(content.as_str().ok_or_else(unset)?).ok_or_else(unset)?;
            if bytes.len() > MAX_VALUE_BYTES {
                return Err(Error::invalid("bytes are longer than 1,048,487 bytes"));
            }
            Value::Bytes(bytes)
        }
        "referenceValue" | "reference_value" => match content {
            Json::String(name) => {
                crate::name::Name::parse(&name)?;
                Value::Reference(name)
            }
            _ => return Err(unset()),
        },
        "geoPointValue" | "geo_point_value" => {
            let point = content.as_object().ok_or_else(unset)?;
            let coordinate = |key: &str| point.get(key).map_or(Some(0.0), Json::as_f64).ok_or_else(unset);
            let (latitude, longitude) = (coordinate("latitude")?, coordinate("longitude")?);
            if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
                return Err(Error::invalid("a geo point is not on the globe"));
            }
            Value::GeoPoint(latitude + 0.0, longitude + 0.0)
        }
        "arrayValue" | "array_value" => {
            if in_array {
                return Err(Error::invalid("an array directly inside an array"));
            }
            let depth = deeper(depth + 1)?;
            let Json::Object(mut array) = content else { return Err(unset()) };
            match array.remove("values") {
                None | Some(Json::Null) => Value::Array(Vec::new()),
                Some(Json::Array(values)) => Value::Array(
                    values.into_iter().map(|value| parse(value, depth, true)).collect::<Result<_>>()?,
                ),
                Some(_) => return Err(unset()),
            }
        }
        "mapValue" | "map_value" => {
            let depth = deeper(depth + 1)?;
            let Json::Object(mut map) = content else { return Err(unset()) };
            Value::Map(map_from_json(map.remove("fields"), depth)?)
        }
        other => return Err(Error::invalid(format!("`{other}` is not a kind of value"))),
    })
}

fn integer(content: &Json) -> Option<i64> {
    match content {
        Json::String(text) => text.parse().ok(),
        Json::Number(number) => number.as_i64().or_else(|| {
            let double = number.as_f64().filter(|double| double.fract() == 0.0 && double.abs() < 9.2e18)?;
            #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is in range")]
            Some(double as i64)
        }),
        _ => None,
    }
}

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&alphabet::STANDARD, config)
        .decode(text)
        .or_else(|_| GeneralPurpose::new(&alphabet::URL_SAFE, config).decode(text))
        .ok()
}

/// RFC 3339 with any offset, year 1 to 9999, any number of digits.
pub(crate) fn parse_timestamp(text: &str) -> Result<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.to_utc())
        .ok()
        .filter(|at| (1..=9999).contains(&at.year()))
        .ok_or_else(|| {
            Error::invalid(format!("`{}` is not a timestamp", text.chars().take(60).collect::<String>()))
        })
}

/// `2025-01-02T03:04:05.123Z`, with 0, 3 or 6 digits.
pub(crate) fn format_micros(micros: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(micros)
        .unwrap_or(DateTime::UNIX_EPOCH)
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Array<'a> {
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            values: &'a [Value],
        }
        #[derive(Serialize)]
        struct Nested<'a> {
            #[serde(skip_serializing_if = "BTreeMap::is_empty")]
            fields: &'a Fields,
        }

        let mut map = serializer.serialize_map(Some(1))?;
        match self {
            Self::Null => map.serialize_entry("nullValue", &())?,
            Self::Boolean(value) => map.serialize_entry("booleanValue", value)?,
            Self::Integer(value) => map.serialize_entry("integerValue", &value.to_string())?,
            Self::Double(value) if value.is_nan() => map.serialize_entry("doubleValue", "NaN")?,
            Self::Double(value) if value.is_infinite() => {
                let text = if *value > 0.0 { "Infinity" } else { "-Infinity" };
                map.serialize_entry("doubleValue", text)?;
            }
            Self::Double(value) => map.serialize_entry("doubleValue", value)?,
            Self::Timestamp(value) => map.serialize_entry("timestampValue", &format_micros(*value))?,
            Self::String(value) => map.serialize_entry("stringValue", value)?,
            Self::Bytes(value) => map.serialize_entry("bytesValue", &STANDARD.encode(value))?,
            Self::Reference(value) => map.serialize_entry("referenceValue", value)?,
            Self::GeoPoint(latitude, longitude) => {
                let mut point = Map::new();
                for (key, coordinate) in [("latitude", *latitude), ("longitude", *longitude)] {
                    if coordinate != 0.0 {
                        point.insert(key.to_owned(), coordinate.into());
                    }
                }
                map.serialize_entry("geoPointValue", &point)?;
            }
            Self::Array(values) => map.serialize_entry("arrayValue", &Array { values })?,
            Self::Map(fields) => map.serialize_entry("mapValue", &Nested { fields })?,
        }
        map.end()
    }
}

/// The value at a path.
pub(crate) fn get<'a>(fields: &'a Fields, path: &FieldPath) -> Option<&'a Value> {
    let (last, parents) = path.0.split_last()?;
    let mut fields = fields;
    for segment in parents {
        let Value::Map(nested) = fields.get(segment)? else { return None };
        fields = nested;
    }
    fields.get(last)
}

/// Sets a path; a scalar in the way becomes a map.
pub(crate) fn set(fields: &mut Fields, path: &FieldPath, value: Value) {
    let Some((last, parents)) = path.0.split_last() else { return };
    let mut fields = fields;
    for segment in parents {
        let entry = fields.entry(segment.clone()).or_insert(Value::Null);
        if !matches!(entry, Value::Map(_)) {
            *entry = Value::Map(Fields::new());
        }
        let Value::Map(nested) = entry else { return };
        fields = nested;
    }
    fields.insert(last.clone(), value);
}

/// Removes a path, keeping the map it was in.
pub(crate) fn remove(fields: &mut Fields, path: &FieldPath) {
    let Some((last, parents)) = path.0.split_last() else { return };
    let mut fields = fields;
    for segment in parents {
        let Some(Value::Map(nested)) = fields.get_mut(segment) else { return };
        fields = nested;
    }
    fields.remove(last);
}
