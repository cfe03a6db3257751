//! Field transforms: computed from what is stored.

use serde_json::Value as Json;

use crate::{
    error::{Error, Result},
    name::FieldPath,
    order::encoded,
    value::{Fields, Value, get, set},
};

#[derive(Debug)]
pub(crate) struct Transform {
    pub(crate) path: FieldPath,
    operation: Operation,
}

#[derive(Debug)]
enum Operation {
    RequestTime,
    Increment(Value),
    Maximum(Value),
    Minimum(Value),
    AppendMissing(Vec<Value>),
    RemoveAll(Vec<Value>),
}

impl Transform {
    /// `{"fieldPath":"attempts","increment":{"integerValue":"1"}}`
    pub(crate) fn from_json(json: Json) -> Result<Self> {
        let Json::Object(mut object) = json else {
            return Err(Error::invalid("a transform is not an object"));
        };
        let path = object
            .remove("fieldPath")
            .and_then(|path| path.as_str().map(FieldPath::parse))
            .ok_or_else(|| Error::invalid("a transform without a fieldPath"))??;
        let mut entries = object.into_iter();
        let (Some((kind, operand)), None) = (entries.next(), entries.next()) else {
            return Err(Error::invalid("a transform needs exactly one operation"));
        };
        let operation = match kind.as_str() {
            "setToServerValue" if operand == "REQUEST_TIME" => Operation::RequestTime,
            "increment" => Operation::Increment(numeric(operand)?),
            "maximum" => Operation::Maximum(numeric(operand)?),
            "minimum" => Operation::Minimum(numeric(operand)?),
            "appendMissingElements" => Operation::AppendMissing(elements(operand)?),
            "removeAllFromArray" => Operation::RemoveAll(elements(operand)?),
            other => return Err(Error::invalid(format!("`{other}` is not a transform"))),
        };
        Ok(Self { path, operation })
    }

    /// Applies it; the result to report. `now` is in microseconds.
    pub(crate) fn apply(&self, fields: &mut Fields, now: i64) -> Value {
        let stored = get(fields, &self.path);
        let (value, result) = match &self.operation {
            Operation::RequestTime => {
                let value = Value::Timestamp(now - now.rem_euclid(1000));
                (value.clone(), value)
            }
            Operation::Increment(by) => {
                let value = stored.and_then(|stored| add(stored, by)).unwrap_or_else(|| by.clone());
                (value.clone(), value)
            }
            // On a tie (3 and 3.0) the stored one stays.
            Operation::Maximum(operand) => {
                let keep = stored.filter(|stored| is_number(stored) && encoded(stored) >= encoded(operand));
                let value = keep.unwrap_or(operand).clone();
                (value.clone(), value)
            }
            Operation::Minimum(operand) => {
                let keep = stored.filter(|stored| is_number(stored) && encoded(stored) <= encoded(operand));
                let value = keep.unwrap_or(operand).clone();
                (value.clone(), value)
            }
            Operation::AppendMissing(added) => {
                let mut values = array(stored);
                for value in added {
                    if !contains(&values, value) {
                        values.push(value.clone());
                    }
                }
                (Value::Array(values), Value::Null)
            }
            Operation::RemoveAll(removed) => {
                let mut values = array(stored);
                values.retain(|value| !contains(removed, value));
                (Value::Array(values), Value::Null)
            }
        };
        set(fields, &self.path, value);
        result
    }
}

fn numeric(operand: Json) -> Result<Value> {
    let value = Value::from_json(operand)?;
    if is_number(&value) { Ok(value) } else { Err(Error::invalid("a transform's operand is not a number")) }
}

fn elements(operand: Json) -> Result<Vec<Value>> {
    match Value::from_json(serde_json::json!({ "arrayValue": operand }))? {
        Value::Array(values) => Ok(values),
        _ => Err(Error::invalid("a transform's operand is not an array")),
    }
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Integer(_) | Value::Double(_))
}

fn array(stored: Option<&Value>) -> Vec<Value> {
    if let Some(Value::Array(values)) = stored { values.clone() } else { Vec::new() }
}

/// As a query compares: 1 equals 1.0, NaN itself.
fn contains(values: &[Value], value: &Value) -> bool {
    let wanted = encoded(value);
    values.iter().any(|value| encoded(value) == wanted)
}

#[expect(clippy::cast_precision_loss, reason = "an integer added to a double is a double")]
fn add(stored: &Value, by: &Value) -> Option<Value> {
    match (stored, by) {
        (Value::Integer(a), Value::Integer(b)) => Some(Value::Integer(a.saturating_add(*b))),
        (Value::Integer(a), Value::Double(b)) => Some(Value::Double(*a as f64 + b)),
        (Value::Double(a), Value::Integer(b)) => Some(Value::Double(a + *b as f64)),
        (Value::Double(a), Value::Double(b)) => Some(Value::Double(a + b)),
        _ => None,
    }
}
