//! Firestore's order of values, as bytes: two encodings compare as the values do, values that are equal in a
//! query encode alike, and no encoding is another one's prefix, so that several can be strung together.
//!
//! null < false < true < NaN < numbers (integers and doubles by value) < timestamps < strings (UTF-8) <
//! bytes < references < geo points < arrays < maps.

use crate::value::Value;

const NULL: u8 = 0x10;
const BOOLEAN: u8 = 0x18;
const NAN: u8 = 0x20;
const NUMBER: u8 = 0x28;
const TIMESTAMP: u8 = 0x30;
const STRING: u8 = 0x38;
const BYTES: u8 = 0x40;
const REFERENCE: u8 = 0x48;
const GEO_POINT: u8 = 0x50;
const ARRAY: u8 = 0x58;
const MAP: u8 = 0x60;

/// Below every kind.
const END: u8 = 0x00;

pub(crate) fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(16);
    encode(value, &mut out);
    out
}

pub(crate) fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Boolean(value) => out.extend([BOOLEAN, u8::from(*value)]),
        Value::Double(value) if value.is_nan() => out.push(NAN),
        Value::Double(value) => {
            out.push(NUMBER);
            number(*value, 0, out);
        }
        Value::Integer(value) => {
            out.push(NUMBER);
            // The nearest double, then how far off it is: rounding keeps the order, and the rest breaks the
            // tie between integers (and a double) that share one.
            #[expect(clippy::cast_precision_loss, reason = "what is lost is encoded after it")]
            let double = *value as f64;
            #[expect(clippy::cast_possible_truncation, reason = "i128 holds it; the rest is at most 512")]
            let rest = (i128::from(*value) - double as i128) as i16;
            number(double, rest, out);
        }
        Value::Timestamp(micros) => {
            out.push(TIMESTAMP);
            out.extend((micros.cast_unsigned() ^ (1 << 63)).to_be_bytes());
        }
        Value::String(text) => {
            out.push(STRING);
            bytes(text.as_bytes(), out);
        }
        Value::Bytes(value) => {
            out.push(BYTES);
            bytes(value, out);
        }
        Value::Reference(name) => {
            out.push(REFERENCE);
            for segment in name.split('/') {
                out.push(STRING);
                bytes(segment.as_bytes(), out);
            }
            out.push(END);
        }
        Value::GeoPoint(latitude, longitude) => {
            out.push(GEO_POINT);
            number(*latitude, 0, out);
            number(*longitude, 0, out);
        }
        Value::Array(values) => {
            out.push(ARRAY);
            for value in values {
                encode(value, out);
            }
            out.push(END);
        }
        Value::Map(fields) => {
            out.push(MAP);
            for (key, value) in fields {
                out.push(STRING);
                bytes(key.as_bytes(), out);
                encode(value, out);
            }
            out.push(END);
        }
    }
}

/// A document's id as the last part of an order.
pub(crate) fn encode_id(id: &str, out: &mut Vec<u8>) {
    out.push(STRING);
    bytes(id.as_bytes(), out);
}

/// Turns what was encoded from `from` on into its exact reverse order.
pub(crate) fn reverse(out: &mut [u8], from: usize) {
    out[from..].iter_mut().for_each(|byte| *byte = !*byte);
}

/// The first byte of an encoding: values of other kinds have another one.
pub(crate) fn kind(encoded: &[u8]) -> u8 {
    encoded.first().copied().unwrap_or(END)
}

fn number(value: f64, rest: i16, out: &mut Vec<u8>) {
    let bits = (value + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    out.extend(ordered.to_be_bytes());
    out.extend((rest.cast_unsigned() ^ 0x8000).to_be_bytes());
}

fn bytes(value: &[u8], out: &mut Vec<u8>) {
    for &byte in value {
        out.push(byte);
        if byte == 0 {
            out.push(0xff);
        }
    }
    out.extend([0, 0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    #[test]
    fn the_order_across_kinds_and_inside_them() {
        let max = 1_i64 << 53;
        #[expect(clippy::cast_precision_loss, reason = "2^53 is exact")]
        let max_double = Value::Double(max as f64);
        let ascending = [
            Value::Null,
            Value::Boolean(false),
            Value::Boolean(true),
            Value::Double(f64::NAN),
            Value::Double(f64::NEG_INFINITY),
            Value::Integer(i64::MIN),
            Value::Double(-1.5),
            Value::Integer(-1),
            Value::Integer(0),
            Value::Double(0.5),
            Value::Integer(1),
            max_double.clone(),
            Value::Integer(max + 1),
            Value::Integer(i64::MAX - 1),
            Value::Integer(i64::MAX),
            Value::Double(f64::INFINITY),
            Value::Timestamp(-5),
            Value::Timestamp(7),
            text(""),
            text("\u{0}"),
            text("a"),
            text("a\u{0}"),
            text("aa"),
            text("é"),
            text("\u{fffd}"),
            text("😀"),
            Value::Bytes(vec![]),
            Value::Bytes(vec![0]),
            Value::Reference("projects/p/databases/d/documents/a/b".into()),
            Value::GeoPoint(-1.0, 5.0),
            Value::GeoPoint(0.0, 0.0),
            Value::Array(vec![]),
            Value::Array(vec![Value::Integer(1)]),
            Value::Array(vec![Value::Integer(1), Value::Null]),
            Value::Map([].into()),
            Value::Map([("a".to_owned(), Value::Integer(1))].into()),
            Value::Map([("a".to_owned(), Value::Integer(1)), ("b".to_owned(), Value::Null)].into()),
            Value::Map([("aa".to_owned(), Value::Null)].into()),
        ];
        for pair in ascending.windows(2) {
            assert!(encoded(&pair[0]) < encoded(&pair[1]), "{pair:?}");
            let (mut a, mut b) = (encoded(&pair[0]), encoded(&pair[1]));
            reverse(&mut a, 0);
            reverse(&mut b, 0);
            assert!(a > b, "{pair:?} reversed");
        }
        assert_eq!(encoded(&Value::Integer(1)), encoded(&Value::Double(1.0)));
        assert_eq!(encoded(&Value::Integer(max)), encoded(&max_double));
    }
}
