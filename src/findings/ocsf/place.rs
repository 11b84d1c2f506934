//! Places in an event: `vulnerabilities[].cve.uid` is the `uid` of the `cve` of the list's first object.

use serde_json::{Map, Value};

/// Puts a value at a place; what lies on the way there is made. A place that ends in `[]` gets a list.
pub(super) fn put(event: &mut Map<String, Value>, place: &str, value: Value) {
    put_at(event, place, 0, value);
}

/// The same, in the object of that number of each list on the way.
pub(super) fn put_at(event: &mut Map<String, Value>, place: &str, index: usize, value: Value) {
    let (step, rest) = place.split_once('.').unwrap_or((place, ""));
    let (name, is_list) = match step.strip_suffix("[]") {
        Some(name) => (name, true),
        None => (step, false),
    };
    match (is_list, rest) {
        (false, "") => {
            event.insert(name.to_owned(), value);
        }
        (true, "") => {
            let list = if value.is_array() { value } else { Value::Array(vec![value]) };
            event.insert(name.to_owned(), list);
        }
        (false, rest) => {
            let inner = event.entry(name).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put_at(inner, rest, index, value);
            }
        }
        (true, rest) => {
            let list = event.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            let Value::Array(list) = list else { return };
            while list.len() <= index {
                list.push(Value::Object(Map::new()));
            }
            if let Value::Object(inner) = &mut list[index] {
                put_at(inner, rest, index, value);
            }
        }
    }
}

/// Whether something is at a place.
pub(super) fn is_there(event: &Map<String, Value>, place: &str) -> bool {
    at(event, place).is_some()
}

/// Whether what a place belongs to is there.
pub(super) fn has_parent(event: &Map<String, Value>, place: &str) -> bool {
    place.rsplit_once('.').is_none_or(|(parent, _)| is_there(event, parent))
}

fn at<'a>(event: &'a Map<String, Value>, place: &str) -> Option<&'a Value> {
    let mut steps = place.split('.');
    let inside = |value: &'a Value| match value {
        Value::Array(list) => list.first(),
        value => Some(value),
    };
    let name = |step: &str| step.strip_suffix("[]").unwrap_or(step).to_owned();
    let mut value = inside(event.get(&name(steps.next()?))?)?;
    for step in steps {
        value = inside(value.as_object()?.get(&name(step))?)?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_lies_on_the_way_to_a_place_is_made() {
        let mut event = Map::new();

        put(&mut event, "a[].b.c", json!(1));
        put(&mut event, "a[].d[]", json!(["x"]));
        put_at(&mut event, "a[].b.c", 1, json!(2));

        let expected = json!({ "a": [{ "b": { "c": 1 }, "d": ["x"] }, { "b": { "c": 2 } }] });
        assert_eq!(Value::Object(event.clone()), expected);
        assert!(
            is_there(&event, "a[].b") && has_parent(&event, "a[].b.e") && has_parent(&event, "z")
        );
        assert!(!is_there(&event, "a[].e") && !has_parent(&event, "a[].e.f"));
    }
}
