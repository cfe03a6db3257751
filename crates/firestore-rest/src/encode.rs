//! A struct as document fields.

use std::fmt;

use serde::{
    Serialize, Serializer,
    ser::{
        self, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
        SerializeTupleStruct, SerializeTupleVariant,
    },
};

use crate::{Fields, Value, timestamp};

/// A value that a document cannot hold: not a map at the top, an integer above `i64::MAX`, a key that is
/// not text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot be stored in a document: {0}")]
pub struct EncodeError(String);

impl ser::Error for EncodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// `value`'s fields. A `None` becomes null (use `skip_serializing_if` to leave it out), a unit variant its
/// name, any other variant a map of one entry. See [`timestamp`] and [`bytes`](crate::bytes) for those kinds.
///
/// # Errors
///
/// `value` is not a struct or map, or holds an integer above `i64::MAX`, or a map key that is not text.
pub fn to_fields<T: Serialize>(value: &T) -> Result<Fields, EncodeError> {
    match value.serialize(Encoder)? {
        Value::Map(fields) => Ok(fields),
        other => Err(EncodeError(format!("{} instead of fields", other.kind()))),
    }
}

#[derive(Clone, Copy)]
struct Encoder;

macro_rules! integers {
    ($($method:ident: $type:ty),*) => {$(
        fn $method(self, value: $type) -> Result<Value, EncodeError> {
            i64::try_from(value).map(Value::Integer).map_err(|_| EncodeError(format!("{value} is above i64::MAX")))
        }
    )*};
}

impl Serializer for Encoder {
    type Ok = Value;
    type Error = EncodeError;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Elements;
    type SerializeMap = Entries;
    type SerializeStruct = Entries;
    type SerializeStructVariant = Entries;

    integers!(serialize_u64: u64, serialize_i128: i128, serialize_u128: u128);

    fn serialize_bool(self, value: bool) -> Result<Value, EncodeError> {
        Ok(Value::Boolean(value))
    }
    fn serialize_i8(self, value: i8) -> Result<Value, EncodeError> {
        Ok(Value::Integer(value.into()))
    }
    fn serialize_i16(self, value: i16) -> Result<Value, EncodeError> {
        Ok(Value::Integer(value.into()))
    }
    fn serialize_i32(self, value: i32) -> Result<Value, EncodeError> {
        Ok(Value::Integer(value.into()))
    }
    fn serialize_i64(self, value: i64) -> Result<Value, EncodeError> {
        Ok(Value::Integer(value))
    }
    fn serialize_u8(self, value: u8) -> Result<Value, EncodeError> {
        Ok(Value::Integer(value.into()))
    }
    fn serialize_u16(self, value: u16) -> Result<Value, EncodeError> {
        Ok(Value::Integer(value.into()))
    }
    fn serialize_u32(self, value: u32) -> Result<Value, EncodeError> {
        Ok(Value::Integer(value.into()))
    }
    fn serialize_f32(self, value: f32) -> Result<Value, EncodeError> {
        Ok(Value::Double(value.into()))
    }
    fn serialize_f64(self, value: f64) -> Result<Value, EncodeError> {
        Ok(Value::Double(value))
    }
    fn serialize_char(self, value: char) -> Result<Value, EncodeError> {
        Ok(Value::String(value.into()))
    }
    fn serialize_str(self, value: &str) -> Result<Value, EncodeError> {
        Ok(Value::String(value.to_owned()))
    }
    fn serialize_bytes(self, value: &[u8]) -> Result<Value, EncodeError> {
        Ok(Value::Bytes(::bytes::Bytes::copy_from_slice(value)))
    }
    fn serialize_none(self) -> Result<Value, EncodeError> {
        Ok(Value::Null)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, EncodeError> {
        value.serialize(self)
    }
    fn serialize_unit(self) -> Result<Value, EncodeError> {
        Ok(Value::Null)
    }
    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, EncodeError> {
        Ok(Value::Null)
    }
    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Value, EncodeError> {
        Ok(Value::String(variant.to_owned()))
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Value, EncodeError> {
        match value.serialize(self)? {
            Value::String(text) if name == timestamp::MARKER => {
                text.parse().map(Value::Timestamp).map_err(ser::Error::custom)
            }
            value => Ok(value),
        }
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, EncodeError> {
        Ok(wrap(Some(variant), value.serialize(self)?))
    }
    fn serialize_seq(self, length: Option<usize>) -> Result<Elements, EncodeError> {
        Ok(Elements { variant: None, values: Vec::with_capacity(length.unwrap_or(0)) })
    }
    fn serialize_tuple(self, length: usize) -> Result<Elements, EncodeError> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Elements, EncodeError> {
        self.serialize_seq(Some(length))
    }
    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<Elements, EncodeError> {
        Ok(Elements { variant: Some(variant), values: Vec::with_capacity(length) })
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Entries, EncodeError> {
        Ok(Entries { variant: None, key: None, fields: Fields::new() })
    }
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Entries, EncodeError> {
        self.serialize_map(None)
    }
    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Entries, EncodeError> {
        Ok(Entries { variant: Some(variant), key: None, fields: Fields::new() })
    }
}

fn wrap(variant: Option<&'static str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::Map(Fields::from([(variant.to_owned(), value)])),
        None => value,
    }
}

struct Elements {
    variant: Option<&'static str>,
    values: Vec<Value>,
}

macro_rules! elements {
    ($($trait:ident::$method:ident),*) => {$(
        impl $trait for Elements {
            type Ok = Value;
            type Error = EncodeError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.values.push(value.serialize(Encoder)?);
                Ok(())
            }

            fn end(self) -> Result<Value, EncodeError> {
                Ok(wrap(self.variant, Value::Array(self.values)))
            }
        }
    )*};
}

elements!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

struct Entries {
    variant: Option<&'static str>,
    key: Option<String>,
    fields: Fields,
}

macro_rules! entries {
    ($($trait:ident),*) => {$(
        impl $trait for Entries {
            type Ok = Value;
            type Error = EncodeError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), EncodeError> {
                self.fields.insert(key.to_owned(), value.serialize(Encoder)?);
                Ok(())
            }

            fn end(self) -> Result<Value, EncodeError> {
                Ok(wrap(self.variant, Value::Map(self.fields)))
            }
        }
    )*};
}

entries!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Entries {
    type Ok = Value;
    type Error = EncodeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.key = Some(match key.serialize(Encoder)? {
            Value::String(text) => text,
            Value::Integer(number) => number.to_string(),
            other => return Err(EncodeError(format!("{} as a map's key", other.kind()))),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let key = self.key.take().ok_or_else(|| EncodeError("a map's value without a key".to_owned()))?;
        self.fields.insert(key, value.serialize(Encoder)?);
        Ok(())
    }

    fn end(self) -> Result<Value, EncodeError> {
        Ok(Value::Map(self.fields))
    }
}
