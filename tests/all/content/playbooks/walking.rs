//! What expressions come to in a run.

use super::expression::Expression;
use super::functions;
use super::walker::Status;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// All that an expression can see.
#[derive(Default)]
pub struct Evaluation {
    pub trigger: Value,
    pub parameters: Map<String, Value>,
    /// Outputs by action; of a loop's those of the last round.
    pub outputs: BTreeMap<String, Value>,
    pub items: BTreeMap<String, Value>,
    pub item: Value,
    pub statuses: BTreeMap<String, Status>,
}

impl Evaluation {
    pub fn status(&self, action: &str) -> Status {
        self.statuses.get(action).copied().unwrap_or(Status::Skipped)
    }

    /// What an action came to; one that was left out has no outputs of an earlier round either.
    pub fn set_status(&mut self, action: &str, status: Status) {
        if status == Status::Skipped {
            self.outputs.remove(action);
        }
        self.statuses.insert(action.to_owned(), status);
    }

    /// A value of a definition with every expression in it evaluated.
    pub fn of(&self, value: &Value) -> Result<Value, String> {
        Ok(match value {
            Value::String(text) => self.value(&Expression::of(text)?)?,
            Value::Array(items) => {
                items.iter().map(|item| self.of(item)).collect::<Result<_, _>>()?
            }
            Value::Object(members) => {
                let pairs = members.iter().map(|(key, value)| Ok((key.clone(), self.of(value)?)));
                Value::Object(pairs.collect::<Result<_, String>>()?)
            }
            other => other.clone(),
        })
    }

    fn value(&self, expression: &Expression) -> Result<Value, String> {
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Template(parts) => {
                let parts = parts.iter().map(|part| functions::text(&self.value(part)?));
                Ok(parts.collect::<Result<String, _>>()?.into())
            }
            Expression::Access { of, key, lenient } => {
                selected(self.value(of)?, &self.value(key)?, *lenient)
            }
            Expression::Call(name, arguments) => {
                let arguments: Vec<_> =
                    arguments.iter().map(|one| self.value(one)).collect::<Result<_, _>>()?;
                self.call(name, &arguments)
            }
        }
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let first = arguments.first().and_then(Value::as_str).unwrap_or_default();
        let outputs = || self.outputs.get(first).cloned().unwrap_or_default();
        Ok(match name {
            "outputs" => outputs(),
            "body" => outputs().get("body").cloned().unwrap_or_default(),
            "items" => self.items.get(first).cloned().ok_or("not in that loop")?,
            "item" => self.item.clone(),
            "parameters" => self.parameters.get(first).cloned().ok_or(format!("no {first}"))?,
            "triggerBody" => self.trigger.clone(),
            _ => functions::value(name, arguments, posture::app::clock())?,
        })
    }

    /// Whether a condition holds: `and`, `or`, `not` and `equals` over values.
    pub fn condition(&self, value: &Value) -> Result<bool, String> {
        let (kind, of) =
            value.as_object().and_then(|one| one.iter().next()).ok_or("no condition")?;
        let list = of.as_array().map(Vec::as_slice).unwrap_or_default();
        match kind.as_str() {
            "and" => list.iter().try_fold(true, |all, one| Ok(all & self.condition(one)?)),
            "or" => list.iter().try_fold(false, |any, one| Ok(any | self.condition(one)?)),
            "not" => Ok(!self.condition(of)?),
            "equals" if list.len() == 2 => Ok(self.of(&list[0])? == self.of(&list[1])?),
            other => Err(format!("{other} is no condition that is walked")),
        }
    }
}

/// A property or an item. `?` forgives that it isn't there, never that there can be none.
fn selected(of: Value, key: &Value, lenient: bool) -> Result<Value, String> {
    let found = match (&of, key) {
        (Value::Null, _) => None,
        (Value::Object(members), Value::String(key)) => members.get(key).cloned(),
        (Value::Array(items), Value::Number(at)) => {
            at.as_u64().and_then(|at| items.get(at as usize).cloned())
        }
        _ => return Err(format!("{key} can't be selected from {of}")),
    };
    match found {
        None if lenient => Ok(Value::Null),
        None => Err(format!("{key} isn't there")),
        Some(value) => Ok(value),
    }
}

#[test]
fn values_come_to_what_the_platform_makes_of_them() {
    let mut values =
        Evaluation { trigger: serde_json::json!({ "a": null, "b": "x" }), ..Evaluation::default() };
    values.outputs.insert("A".to_owned(), serde_json::json!({ "body": "text" }));
    let of = |text: &str| values.of(&text.into());

    assert_eq!(of("@triggerBody()?['a']?['c']"), Ok(Value::Null));
    assert_eq!(of("<@{triggerBody()?['a']}@{triggerBody()['b']}>"), Ok("<x>".into()));
    assert_eq!(of("@body('B')"), Ok(Value::Null));
    assert_eq!(of("@if(equals(body('A'), 'text'), 1, 2)"), Ok(1.into()));
    assert!(of("@triggerBody()['c']").is_err(), "without ? it must be there");
    assert!(of("@body('A')?['detail']").is_err(), "a text has no properties");
    assert!(of("@if(true, 1, json('{'))").is_err(), "both branches are evaluated");
}
