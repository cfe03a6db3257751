//! Filters as alternatives of conjunctions, the form that both the limit of 30 and the indexes speak about.

use serde_json::{Value as Json, json};

use crate::{
    error::{Error, Result},
    name::FieldPath,
    order::{encode, encoded, kind},
    value::{Fields, Value, get},
};

pub(crate) const MAX_DISJUNCTIONS: usize = 30;

/// One condition on one field; operands are encoded (`order`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    pub(crate) path: FieldPath,
    pub(crate) test: Test,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    Equal(Vec<u8>),
    /// A bound of the operand's kind.
    Less(Vec<u8>),
    LessOrEqual(Vec<u8>),
    Greater(Vec<u8>),
    GreaterOrEqual(Vec<u8>),
    /// Present, not null, and none of these.
    NoneOf(Vec<Vec<u8>>),
    Contains(Vec<u8>),
    Never,
}

/// All conditions of one alternative.
pub(crate) type Conjunction = Vec<Condition>;

impl Condition {
    pub(crate) fn is_inequality(&self) -> bool {
        !matches!(self.test, Test::Equal(_) | Test::Contains(_))
    }

    /// `scratch` is any buffer, to save an allocation per document.
    pub(crate) fn holds(&self, id: &Value, fields: &Fields, scratch: &mut Vec<u8>) -> bool {
        let value = if self.path.is_name() { Some(id) } else { get(fields, &self.path) };
        let Some(value) = value else { return false };
        if let Test::Contains(wanted) = &self.test {
            let Value::Array(values) = value else { return false };
            return values.iter().any(|value| encoded(value) == *wanted);
        }
        scratch.clear();
        encode(value, scratch);
        let scratch = scratch.as_slice();
        let is_kind = |operand: &[u8]| kind(scratch) == kind(operand);
        match &self.test {
            Test::Equal(operand) => scratch == operand.as_slice(),
            Test::Less(operand) => is_kind(operand) && scratch < operand.as_slice(),
            Test::LessOrEqual(operand) => is_kind(operand) && scratch <= operand.as_slice(),
            Test::Greater(operand) => is_kind(operand) && scratch > operand.as_slice(),
            Test::GreaterOrEqual(operand) => is_kind(operand) && scratch >= operand.as_slice(),
            Test::NoneOf(operands) => {
                !matches!(value, Value::Null) && !operands.iter().any(|operand| operand == scratch)
            }
            Test::Contains(_) | Test::Never => false,
        }
    }
}

/// `where` in disjunctive form; without one, a single conjunction of nothing.
pub(crate) fn parse(filter: Option<&Json>) -> Result<Vec<Conjunction>> {
    filter.map_or_else(|| Ok(vec![Vec::new()]), disjunctions)
}

fn disjunctions(filter: &Json) -> Result<Vec<Conjunction>> {
    if let Some(filter) = filter.get("compositeFilter") {
        let parts = filter["filters"].as_array().filter(|parts| !parts.is_empty());
        let parts = parts.ok_or_else(|| Error::invalid("a composite filter without filters"))?;
        let parts = parts.iter().map(disjunctions).collect::<Result<Vec<_>>>()?;
        let count = match filter["op"].as_str() {
            Some("OR") => parts.iter().map(Vec::len).sum::<usize>(),
            Some("AND") => parts.iter().map(Vec::len).fold(1, usize::saturating_mul),
            _ => return Err(Error::invalid("a composite filter without an operator")),
        };
        if count > MAX_DISJUNCTIONS {
            return Err(Error::invalid(format!(
                "too many disjunctions: {count}, at most {MAX_DISJUNCTIONS}"
            )));
        }
        if filter["op"] == "OR" {
            return Ok(parts.into_iter().flatten().collect());
        }
        return Ok(parts.into_iter().fold(vec![Vec::new()], |left, right| {
            left.iter().flat_map(|left| right.iter().map(|right| [left.as_slice(), right].concat())).collect()
        }));
    }
    if let Some(filter) = filter.get("unaryFilter") {
        let path = field(filter)?;
        let test = match filter["op"].as_str() {
            Some("IS_NULL") => Test::Equal(encoded(&Value::Null)),
            Some("IS_NAN") => Test::Equal(encoded(&Value::Double(f64::NAN))),
            Some("IS_NOT_NULL") => Test::NoneOf(Vec::new()),
            Some("IS_NOT_NAN") => Test::NoneOf(vec![encoded(&Value::Double(f64::NAN))]),
            _ => return Err(Error::invalid("a unary filter without an operator")),
        };
        return Ok(vec![vec![Condition { path, test }]]);
    }
    match filter.get("fieldFilter") {
        Some(filter) => field_filter(filter),
        None => Err(Error::invalid("a filter of no known kind")),
    }
}

pub(crate) fn field(json: &Json) -> Result<FieldPath> {
    FieldPath::parse(json["field"]["fieldPath"].as_str().unwrap_or_default())
}

fn field_filter(filter: &Json) -> Result<Vec<Conjunction>> {
    let path = field(filter)?;
    let value = Value::from_json(filter.get("value").cloned().unwrap_or(json!({})))?;
    let op = filter["op"].as_str().unwrap_or_default();
    if path.is_name() {
        let operands =
            if let Value::Array(values) = &value { values.as_slice() } else { std::slice::from_ref(&value) };
        if !operands.iter().all(|operand| matches!(operand, Value::Reference(_))) {
            return Err(Error::invalid("a filter on __name__ needs a reference"));
        }
    }
    // Null and NaN are found by IS_NULL and IS_NAN, and are in no range.
    let orders = !matches!(value, Value::Null) && !value.is_nan();
    let operand = encoded(&value);
    let test = match op {
        "EQUAL" => {
            if value.is_nan() {
                Test::Never
            } else {
                Test::Equal(operand)
            }
        }
        "NOT_EQUAL" => {
            if matches!(value, Value::Null) {
                Test::NoneOf(vec![])
            } else {
                Test::NoneOf(vec![operand])
            }
        }
        "LESS_THAN" => {
            if orders {
                Test::Less(operand)
            } else {
                Test::Never
            }
        }
        "LESS_THAN_OR_EQUAL" => {
            if orders {
                Test::LessOrEqual(operand)
            } else {
                Test::Never
            }
        }
        "GREATER_THAN" => {
            if orders {
                Test::Greater(operand)
            } else {
                Test::Never
            }
        }
        "GREATER_THAN_OR_EQUAL" => {
            if orders {
                Test::GreaterOrEqual(operand)
            } else {
                Test::Never
            }
        }
        "ARRAY_CONTAINS" => Test::Contains(operand),
        "IN" | "NOT_IN" | "ARRAY_CONTAINS_ANY" => {
            let Value::Array(values) = &value else {
                return Err(Error::invalid(format!("{op} needs an array")));
            };
            let most = if op == "NOT_IN" { 10 } else { MAX_DISJUNCTIONS };
            if values.is_empty() || values.len() > most {
                return Err(Error::invalid(format!("{op} needs 1 to {most} values")));
            }
            let operands = values.iter().map(encoded);
            if op == "NOT_IN" {
                let has_null = values.iter().any(|value| matches!(value, Value::Null));
                let test = if has_null { Test::Never } else { Test::NoneOf(operands.collect()) };
                return Ok(vec![vec![Condition { path, test }]]);
            }
            let test = if op == "IN" { Test::Equal } else { Test::Contains };
            return Ok(operands
                .map(|operand| vec![Condition { path: path.clone(), test: test(operand) }])
                .collect());
        }
        _ => return Err(Error::invalid("a field filter without an operator")),
    };
    Ok(vec![vec![Condition { path, test }]])
}
