//! Running a query: for each alternative the narrowest index, then one merge.
//!
//! An index gives its entries in the query's order whenever what is left of it after the fields fixed by
//! equality is what the query orders by. Then no more than `offset + limit` documents are looked at per
//! alternative, however many match; else all matching ones are, and without an index the collection.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use crate::{
    collection::{Collection, Document, Index},
    filter::{Condition, Conjunction, Test},
    name::FieldPath,
    order::{encode, kind},
    query::{Order, Query},
    value::Value,
};

pub(crate) type Found = (Arc<str>, Arc<Document>);

/// The documents in order.
pub(crate) fn run(query: &Query, collection: &Collection) -> Vec<Found> {
    let wanted = query.limit.map_or(usize::MAX, |limit| limit.saturating_add(query.offset));
    // By position, which ends with the id: what several alternatives find comes once.
    let mut found = BTreeMap::new();
    if wanted > 0 {
        for conditions in &query.alternatives {
            collect(query, collection, conditions, wanted, &mut found);
        }
    }
    found.into_values().skip(query.offset).take(query.limit.unwrap_or(usize::MAX)).collect()
}

fn collect(
    query: &Query,
    collection: &Collection,
    conditions: &Conjunction,
    wanted: usize,
    found: &mut BTreeMap<Vec<u8>, Found>,
) {
    if conditions.iter().any(|condition| condition.test == Test::Never) {
        return;
    }
    let mut scratch = Vec::new();
    let mut taken = 0;
    // Answers whether to go on.
    let mut visit = |id: &Arc<str>, document: &Arc<Document>, in_order: bool| {
        let name = name_value(query, conditions, id);
        if !conditions.iter().all(|condition| condition.holds(&name, &document.fields, &mut scratch)) {
            return true;
        }
        if let Some(position) = query.position(id, &document.fields)
            && query.includes(&position)
        {
            found.insert(position, (Arc::clone(id), Arc::clone(document)));
            taken += 1;
        }
        !in_order || taken < wanted
    };

    if let Some(plan) = plan(query, collection, conditions) {
        let get = |id: &Arc<str>| collection.documents.get(id);
        let range = (Bound::Included((plan.low, plan.low_id)), Bound::Excluded((plan.high, Arc::from(""))));
        if range_is_empty(&range) {
            return;
        }
        let mut entries = plan.index.entries.range(range);
        let backwards = plan.direction == Some(true);
        while let Some((_, id)) = if backwards { entries.next_back() } else { entries.next() } {
            let Some(document) = get(id) else { continue };
            if !visit(id, document, plan.direction.is_some()) {
                return;
            }
        }
        return;
    }
    let mut documents = collection.documents.iter();
    let direction = direction(query.orders.iter(), &[]);
    while let Some((id, document)) =
        if direction == Some(true) { documents.next_back() } else { documents.next() }
    {
        if !visit(id, document, direction.is_some()) {
            return;
        }
    }
}

type Entry = (Box<[u8]>, Arc<str>);

/// `BTreeSet::range` panics on a range whose ends are swapped.
fn range_is_empty((low, high): &(Bound<Entry>, Bound<Entry>)) -> bool {
    matches!((low, high), (Bound::Included(low), Bound::Excluded(high)) if low >= high)
}

/// The name as a value, only where a condition looks at it.
fn name_value(query: &Query, conditions: &Conjunction, id: &str) -> Value {
    if conditions.iter().any(|condition| condition.path.is_name()) {
        Value::Reference(format!("{}/{id}", query.collection))
    } else {
        Value::Null
    }
}

struct Plan<'a> {
    index: &'a Index,
    low: Box<[u8]>,
    low_id: Arc<str>,
    high: Box<[u8]>,
    /// The entries are in the query's order, and whether backwards.
    direction: Option<bool>,
}

fn plan<'a>(query: &Query, collection: &'a Collection, conditions: &Conjunction) -> Option<Plan<'a>> {
    let usable = collection.indexes.iter().filter_map(|index| {
        let (prefix, fixed) = equal_prefix(index, conditions);
        let rest = &index.fields[fixed..];
        // A document without one of the index's fields must not be in the result anyway.
        let covered = rest.iter().all(|field| {
            query.orders.iter().any(|order| order.path == *field)
                || conditions.iter().any(|condition| condition.path == *field)
        });
        let bounds = rest.first().map(|field| bounds(&prefix, field, conditions));
        let bounded = bounds.as_ref().is_some_and(|(bounded, ..)| *bounded);
        let (low, high) = match bounds {
            Some((_, low, high)) => (low, high),
            None => (prefix.clone(), [prefix.as_slice(), &[0xff]].concat()),
        };
        let fixed_fields: Vec<&FieldPath> = conditions
            .iter()
            .filter(|condition| matches!(condition.test, Test::Equal(_)))
            .map(|condition| &condition.path)
            .collect();
        let orders = query.orders.iter().filter(|order| !fixed_fields.contains(&&order.path));
        let direction = direction(orders, rest);
        let useful = covered && (fixed > 0 || bounded || direction.is_some());
        useful.then_some(((fixed, bounded, direction.is_some()), index, prefix, low, high, direction))
    });
    let (_, index, prefix, mut low, mut high, direction) = usable.max_by_key(|(score, ..)| *score)?;
    let mut low_id = Arc::from("");
    if let Some(descending) = direction
        && let Some(position) = resume(query, conditions, prefix)
    {
        if descending {
            high = high.min([position.as_slice(), &[0xff]].concat());
        } else if position > low {
            let id = query.start.as_ref().and_then(|start| match start.values.last() {
                Some(Value::Reference(name)) if start.values.len() == query.orders.len() => {
                    name.rsplit_once('/').map(|(_, id)| Arc::from(id))
                }
                _ => None,
            });
            low_id = id.unwrap_or(low_id);
            low = position;
        }
    }
    Some(Plan { index, low: low.into(), low_id, high: high.into(), direction })
}

/// The encodings of the leading fields that are fixed, and how many these are.
fn equal_prefix(index: &Index, conditions: &Conjunction) -> (Vec<u8>, usize) {
    let mut prefix = Vec::new();
    for (fixed, field) in index.fields.iter().enumerate() {
        let operand = conditions.iter().find_map(|Condition { path, test }| match test {
            Test::Equal(operand) if path == field => Some(operand),
            _ => None,
        });
        match operand {
            Some(operand) => prefix.extend_from_slice(operand),
            None => return (prefix, fixed),
        }
    }
    (prefix, index.fields.len())
}

/// The narrowest interval `[low, high)` of keys, and whether it is narrower than the prefix.
fn bounds(prefix: &[u8], field: &FieldPath, conditions: &Conjunction) -> (bool, Vec<u8>, Vec<u8>) {
    let key = |operand: &[u8], after: &[u8]| [prefix, operand, after].concat();
    let (mut low, mut high) = (prefix.to_vec(), key(&[], &[0xff]));
    let mut bounded = false;
    for Condition { path, test } in conditions {
        if path != field {
            continue;
        }
        let (from, to) = match test {
            Test::Less(operand) => (key(&[kind(operand)], &[]), key(operand, &[])),
            Test::LessOrEqual(operand) => (key(&[kind(operand)], &[]), key(operand, &[0xff])),
            Test::Greater(operand) => (key(operand, &[0xff]), key(&[kind(operand) + 1], &[])),
            Test::GreaterOrEqual(operand) => (key(operand, &[]), key(&[kind(operand) + 1], &[])),
            Test::Equal(_) | Test::NoneOf(_) | Test::Contains(_) | Test::Never => continue,
        };
        low = low.max(from);
        high = high.min(to);
        bounded = true;
    }
    (bounded, low, high)
}

/// Whether `fields` and then the name is exactly what `orders` asks for, all in one direction: which.
fn direction<'a>(orders: impl Iterator<Item = &'a Order>, fields: &[FieldPath]) -> Option<bool> {
    let mut descending = None;
    let mut fields = fields.iter();
    for order in orders {
        if *descending.get_or_insert(order.descending) != order.descending {
            return None;
        }
        if order.path.is_name() {
            return if fields.next().is_none() { descending } else { None };
        }
        if fields.next() != Some(&order.path) {
            return None;
        }
    }
    None
}

/// The key at which the start cursor stands, when no ordered field is fixed by equality.
fn resume(query: &Query, conditions: &Conjunction, prefix: Vec<u8>) -> Option<Vec<u8>> {
    let start = query.start.as_ref()?;
    let fixed = |order: &Order| {
        conditions
            .iter()
            .any(|Condition { path, test }| *path == order.path && matches!(test, Test::Equal(_)))
    };
    if query.orders.iter().any(fixed) {
        return None;
    }
    let mut key = prefix;
    for (order, value) in query.orders.iter().zip(&start.values) {
        if !order.path.is_name() {
            encode(value, &mut key);
        }
    }
    Some(key)
}
