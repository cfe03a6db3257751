//! Document fields as a struct, strict about kinds: a text is not taken for a timestamp or a number.

use std::{collections::btree_map, fmt, slice};

use serde::{
    Deserializer,
    de::{
        self, DeserializeOwned, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
        VariantAccess, Visitor, value::StrDeserializer,
    },
};

use crate::{FieldPath, Fields, Value, timestamp, value::format_timestamp};

/// Which field is not as expected, and how: `lease.until: expected a timestamp, found text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError {
    /// Innermost first.
    segments: Vec<String>,
    message: String,
}

impl DecodeError {
    /// `lease.until`; empty when the document as a whole is at fault.
    pub fn path(&self) -> String {
        FieldPath::new(self.segments.iter().rev()).to_string()
    }

    /// `expected a timestamp, found text`; never holds the value itself.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn expected(what: &str, found: &Value) -> Self {
        Self { segments: Vec::new(), message: format!("expected {what}, found {}", found.kind()) }
    }

    fn inside(mut self, segment: impl Into<String>) -> Self {
        self.segments.push(segment.into());
        self
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.segments.is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.path(), self.message)
    }
}

impl std::error::Error for DecodeError {}

impl de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { segments: Vec::new(), message: message.to_string() }
    }

    /// Says the kind only: the default would quote the value, which can be a secret or a post's text.
    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found {}", kind(found)))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::custom(format_args!("expected {expected}, found another {}", kind(found)))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::custom(format_args!("expected one of {}", expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self { segments: vec![field.to_owned()], message: "missing".to_owned() }
    }
}

fn kind(found: de::Unexpected<'_>) -> &'static str {
    use de::Unexpected as Found;
    match found {
        Found::Bool(_) => "boolean",
        Found::Unsigned(_) | Found::Signed(_) | Found::Float(_) => "number",
        Found::Char(_) | Found::Str(_) => "text",
        Found::Bytes(_) => "bytes",
        Found::Unit | Found::Option => "null",
        Found::Seq => "array",
        Found::Map => "map",
        _ => "value",
    }
}

pub(crate) fn from_fields<T: DeserializeOwned>(fields: &Fields) -> Result<T, DecodeError> {
    T::deserialize(FieldsDecoder(fields))
}

/// The document itself, without wrapping its fields into a [`Value`] first.
struct FieldsDecoder<'de>(&'de Fields);

impl<'de> Deserializer<'de> for FieldsDecoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_map(Entries { entries: self.0.iter(), current: None })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        visit_variant(self.0, visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[derive(Clone, Copy)]
struct Decoder<'de>(&'de Value);

impl<'de> Deserializer<'de> for Decoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Boolean(value) => visitor.visit_bool(*value),
            Value::Integer(value) => visitor.visit_i64(*value),
            Value::Double(value) => visitor.visit_f64(*value),
            Value::Timestamp(value) => visitor.visit_string(format_timestamp(value)),
            Value::String(value) | Value::Reference(value) => visitor.visit_borrowed_str(value),
            Value::Bytes(value) => visitor.visit_borrowed_bytes(value),
            Value::GeoPoint { .. } => Err(DecodeError::expected("another kind", self.0)),
            Value::Array(values) => visitor.visit_seq(Elements { values: values.iter(), index: 0 }),
            Value::Map(fields) => visitor.visit_map(Entries { entries: fields.iter(), current: None }),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Timestamp(_) => Err(DecodeError::expected("text", self.0)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        if name != timestamp::MARKER {
            return visitor.visit_newtype_struct(self);
        }
        match self.0 {
            Value::Timestamp(at) => visitor.visit_str(&format_timestamp(at)),
            other => Err(DecodeError::expected("a timestamp", other)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(variant.as_str().into_deserializer()),
            Value::Map(fields) => visit_variant(fields, visitor),
            other => Err(DecodeError::expected("a variant's name", other)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

struct Entries<'de> {
    entries: btree_map::Iter<'de, String, Value>,
    current: Option<(&'de str, &'de Value)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.current = Some((key, value));
        seed.deserialize(StrDeserializer::new(key)).map(Some).map_err(|error: DecodeError| error.inside(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, DecodeError> {
        let (key, value) = self.current.take().ok_or_else(|| de::Error::custom("a value before its key"))?;
        seed.deserialize(Decoder(value)).map_err(|error| error.inside(key))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

struct Elements<'de> {
    values: slice::Iter<'de, Value>,
    index: usize,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = DecodeError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, DecodeError> {
        let Some(value) = self.values.next() else { return Ok(None) };
        let index = self.index;
        self.index += 1;
        seed.deserialize(Decoder(value)).map(Some).map_err(|error| error.inside(index.to_string()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

/// A map of one entry, the variant's name to its content.
fn visit_variant<'de, V: Visitor<'de>>(fields: &'de Fields, visitor: V) -> Result<V::Value, DecodeError> {
    let mut entries = fields.iter();
    match (entries.next(), entries.next()) {
        (Some((name, value)), None) => visitor.visit_enum(Variant { name, value }),
        _ => Err(de::Error::custom("expected a map of one entry")),
    }
}

struct Variant<'de> {
    name: &'de str,
    value: &'de Value,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = DecodeError;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), DecodeError> {
        Ok((seed.deserialize(StrDeserializer::<DecodeError>::new(self.name))?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = DecodeError;

    fn unit_variant(self) -> Result<(), DecodeError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, DecodeError> {
        seed.deserialize(Decoder(self.value)).map_err(|error| error.inside(self.name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, DecodeError> {
        Decoder(self.value).deserialize_any(visitor).map_err(|error| error.inside(self.name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        Decoder(self.value).deserialize_any(visitor).map_err(|error| error.inside(self.name))
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::to_fields;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    enum Status {
        Scheduled,
        Failed { reason: String },
        Code(i64),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Lease {
        owner: String,
        #[serde(with = "crate::timestamp")]
        until: DateTime<Utc>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Post {
        text: String,
        status: Status,
        attempts: u32,
        ratio: f64,
        #[serde(with = "crate::bytes")]
        sealed: Vec<u8>,
        lease: Option<Lease>,
        #[serde(default, with = "crate::timestamp::option", skip_serializing_if = "Option::is_none")]
        published_at: Option<DateTime<Utc>>,
        tags: Vec<Status>,
    }

    fn post() -> Post {
        let at = "2025-01-02T03:04:05.123456Z".parse().unwrap();
        Post {
            text: "hello".into(),
            status: Status::Scheduled,
            attempts: 3,
            ratio: 0.5,
            sealed: vec![1, 2],
            lease: Some(Lease { owner: "me".into(), until: at }),
            published_at: Some(at),
            tags: vec![Status::Failed { reason: "x".into() }, Status::Code(4)],
        }
    }

    #[test]
    fn a_struct_comes_back_as_it_went() {
        let post = post();
        let fields = to_fields(&post).unwrap();
        assert_eq!(fields["publishedAt"].kind(), "timestamp");
        assert_eq!(fields["lease"].as_map().unwrap()["until"].kind(), "timestamp");
        assert_eq!(fields["sealed"].kind(), "bytes");
        assert_eq!(fields["status"].as_str(), Some("scheduled"));
        assert_eq!(from_fields::<Post>(&fields).unwrap(), post);

        let without = Post { lease: None, published_at: None, ..post };
        let fields = to_fields(&without).unwrap();
        assert_eq!(fields["lease"], Value::Null);
        assert!(!fields.contains_key("publishedAt"));
        assert_eq!(from_fields::<Post>(&fields).unwrap(), without);
    }

    #[test]
    fn the_error_names_the_field_and_never_quotes_it() {
        let check = |change: &dyn Fn(&mut Fields), expected: &str| {
            let mut fields = to_fields(&post()).unwrap();
            change(&mut fields);
            assert_eq!(from_fields::<Post>(&fields).unwrap_err().to_string(), expected);
        };
        check(
            &|fields| {
                let Some(Value::Map(lease)) = fields.get_mut("lease") else { panic!() };
                lease.insert("until".into(), "2025-01-01T00:00:00Z".into());
            },
            "lease.until: expected a timestamp, found text",
        );
        check(
            &|fields| {
                let Some(Value::Map(lease)) = fields.get_mut("lease") else { panic!() };
                lease.remove("owner");
            },
            "lease.owner: missing",
        );
        check(
            &|fields| drop(fields.insert("attempts".into(), "secret".into())),
            "attempts: expected u32, found text",
        );
        check(
            &|fields| drop(fields.insert("text".into(), Value::Timestamp(DateTime::UNIX_EPOCH))),
            "text: expected text, found timestamp",
        );
        check(
            &|fields| drop(fields.insert("status".into(), "secret".into())),
            "status: expected one of scheduled, failed, code",
        );
        check(
            &|fields| drop(fields.insert("tags".into(), vec![Value::Integer(1)].into())),
            "tags.`0`: expected a variant's name, found number",
        );
    }

    #[test]
    fn an_integer_that_does_not_fit_is_refused() {
        #[derive(Serialize)]
        struct Big {
            n: u64,
        }
        assert!(to_fields(&Big { n: u64::MAX }).is_err());
        assert!(to_fields(&7).is_err());
    }
}
