//! Every call of every playbook against the description that is served: path, method, query, body, and each
//! field of an answer that is read.

use super::expression::{Expression, texts};
use super::tree::Tree;
use super::{names, playbook};
use posture::routes::openapi;
use serde_json::Value;
use std::collections::BTreeMap;

/// A description with its references followed.
struct Described(Value);

/// What a call is held against: its operation, and the schema of its answer.
struct Operation<'a> {
    body: Option<&'a Value>,
    queries: Vec<&'a str>,
    answer: Option<&'a Value>,
}

impl Described {
    fn resolved<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(place) => self.resolved(self.0.pointer(place.trim_start_matches('#')).unwrap()),
            None => schema,
        }
    }

    /// The schema of a property, wherever in the parts of a schema it stands; of a list its items'.
    fn property<'a>(&'a self, schema: &'a Value, name: Option<&str>) -> Option<&'a Value> {
        let schema = self.resolved(schema);
        let own = match name {
            Some(name) => schema["properties"].get(name),
            None => schema.get("items"),
        };
        let parts =
            ["allOf", "anyOf", "oneOf"].into_iter().filter_map(|kind| schema[kind].as_array());
        let mut parts = parts.flatten().filter_map(|part| self.property(part, name));
        own.or_else(|| parts.next())
    }

    /// The operation that an address leads to: `{}` stands for what varies.
    fn operation(&self, method: &str, path: &str) -> Option<Operation<'_>> {
        let fits = |described: &&String| {
            let (own, given): (Vec<_>, Vec<_>) =
                (described.split('/').collect(), path.split('/').collect());
            let pairs = own.iter().zip(&given);
            own.len() == given.len()
                && pairs
                    .into_iter()
                    .all(|(own, given)| own == given || own.starts_with('{') && *given == "{}")
        };
        let paths = self.0["paths"].as_object()?;
        let operation = paths[paths.keys().find(fits)?].get(method.to_lowercase())?;
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let queries =
            parameters.filter(|one| one["in"] == "query").filter_map(|one| one["name"].as_str());
        let json = "content/application~1json/schema";
        let answers = operation["responses"].as_object()?.iter();
        let mut right = answers.filter(|(status, _)| status.starts_with('2'));
        Some(Operation {
            body: operation.pointer(&format!("/requestBody/{json}")),
            queries: queries.collect(),
            answer: right.find_map(|(_, answer)| answer.pointer(&format!("/{json}"))),
        })
    }
}

/// An address as its path with `{}` for what varies, and the names of its query.
fn address(text: &str) -> Result<(String, Vec<String>), String> {
    let parts = match Expression::of(text)? {
        Expression::Template(parts) => parts,
        other => return Err(format!("{other:?} is no address")),
    };
    let piece = |part: &Expression| part.text().unwrap_or("{}").to_owned();
    let plain: String = parts.iter().skip(1).map(piece).collect();
    let behind = plain.strip_prefix("/api/caller").ok_or(format!("{plain} isn't by identity"))?;
    let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
    let queries = query.split('&').filter_map(|pair| pair.split('=').next());
    Ok((path.to_owned(), queries.filter(|name| !name.is_empty()).map(str::to_owned).collect()))
}

/// What is wrong with a definition's calls.
fn problems(described: &Described, definition: &Value) -> Vec<String> {
    let tree = Tree::of(definition);
    let (mut found, mut answers, mut shown) = (Vec::new(), BTreeMap::new(), 0);
    for (name, place) in tree.places.iter().filter(|(_, place)| place.action["type"] == "Http") {
        let inputs = &place.action["inputs"];
        let (method, uri) = (inputs["method"].as_str().unwrap(), inputs["uri"].as_str().unwrap());
        let (path, queries) = address(uri).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        let Some(operation) = described.operation(method, &path) else {
            found.push(format!("{name}: there is no {method} {path}"));
            continue;
        };
        for query in queries.iter().filter(|query| !operation.queries.contains(&query.as_str())) {
            found.push(format!("{name}: {path} takes no {query}"));
        }
        body(described, name, (&inputs["body"], operation.body), &mut found);
        // A comment is a text: nothing but it as a whole is read.
        let is_comment = uri.contains("format=html");
        shown += usize::from(is_comment);
        answers.insert(*name, operation.answer.filter(|_| !is_comment));
    }
    let mut all = Vec::new();
    texts(&definition["actions"], "", &mut all);
    for (place, text) in all {
        for expression in Expression::of(text).unwrap().all() {
            let reader = Reader { described, tree: &tree, answers: &answers };
            if let Err(problem) = reader.schema(expression) {
                found.push(format!("{place}: {problem}"));
            }
        }
    }
    assert!(shown > 0 || !answers.is_empty());
    found
}

fn body(
    described: &Described,
    name: &str,
    (given, taken): (&Value, Option<&Value>),
    found: &mut Vec<String>,
) {
    match (given, taken) {
        (Value::Null, None) | (Value::String(_), Some(_)) => {}
        (Value::Object(members), Some(schema)) => {
            for key in members.keys().filter(|key| described.property(schema, Some(key)).is_none())
            {
                found.push(format!("{name}: the body has no {key}"));
            }
            let required = described.resolved(schema)["required"].as_array().into_iter().flatten();
            for key in required.filter_map(Value::as_str).filter(|key| !members.contains_key(*key))
            {
                found.push(format!("{name}: the body lacks {key}"));
            }
        }
        (given, taken) => found.push(format!("{name}: {given} for a body of {taken:?}")),
    }
}

/// Follows what an expression reads through answers, loops and queries.
struct Reader<'a> {
    described: &'a Described,
    tree: &'a Tree<'a>,
    answers: &'a BTreeMap<&'a str, Option<&'a Value>>,
}

impl<'a> Reader<'a> {
    /// The schema of what an expression gives, where it is a part of an answer.
    fn schema(&self, expression: &Expression) -> Result<Option<&'a Value>, String> {
        match expression {
            Expression::Call(name, arguments) => match (name.as_str(), arguments.as_slice()) {
                ("body", [one]) => self.body(one.text().unwrap()),
                ("items", [one]) => {
                    let place = self.tree.places[one.text().unwrap()];
                    let list = self.text(&place.action["foreach"])?;
                    Ok(list.and_then(|list| self.described.property(list, None)))
                }
                ("first" | "last", [one]) => {
                    let list = self.schema(one)?;
                    Ok(list.and_then(|list| self.described.property(list, None)))
                }
                ("coalesce", [one, ..]) => self.schema(one),
                _ => Ok(None),
            },
            Expression::Access { of, key, .. } => {
                let (Some(schema), Some(key)) = (self.schema(of)?, key.text()) else {
                    return Ok(None);
                };
                let property = self.described.property(schema, Some(key));
                property.map(Some).ok_or_else(|| format!("an answer has no {key}"))
            }
            _ => Ok(None),
        }
    }

    fn body(&self, action: &str) -> Result<Option<&'a Value>, String> {
        if let Some(answer) = self.answers.get(action) {
            return Ok(*answer);
        }
        // A query gives some of the list that it is over.
        match self.tree.places.get(action) {
            Some(place) if place.action["type"] == "Query" => {
                self.text(&place.action["inputs"]["from"])
            }
            _ => Ok(None),
        }
    }

    fn text(&self, value: &Value) -> Result<Option<&'a Value>, String> {
        self.schema(&Expression::of(value.as_str().unwrap())?)
    }
}

#[test]
fn every_call_and_all_that_is_read_of_its_answer_is_described() {
    let described = Described(openapi::document());
    for name in names() {
        let (definition, _) = playbook(&name);
        assert_eq!(problems(&described, &definition), [""; 0], "{name}");
    }
}

#[test]
fn a_call_that_is_not_described_is_found() {
    let described = Described(openapi::document());
    let with = |from: &str, to: &str| {
        let (definition, _) = playbook("IsolateDevice");
        let text = definition.to_string();
        assert!(text.contains(from), "{from}");
        problems(&described, &serde_json::from_str(&text.replace(from, to)).unwrap())
    };
    for (from, to, says) in [
        ("/isolate?wait", "/isolated?wait", "there is no POST"),
        ("wait=60", "waiting=60", "takes no waiting"),
        ("\"isolationType\"", "\"isolation\"", "the body has no isolation"),
        ("\"reason\":", "\"comment\":", "the body"),
        ("'computerDnsName'", "'computerName'", "an answer has no computerName"),
        ("'possible'", "'isPossible'", "an answer has no isPossible"),
        ("body('Act')?['id']", "body('Act')?['attempt']", "an answer has no attempt"),
        ("?['outcome']", "?['state']", "an answer has no state"),
    ] {
        let found = with(from, to);
        assert!(found.iter().any(|one| one.contains(says)), "{from} {to}: {found:?}");
    }
}
