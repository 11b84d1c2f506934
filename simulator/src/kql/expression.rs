//! Expressions of one row.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::Type;
use crate::generate::Draw;

#[derive(Clone, Debug)]
pub(super) enum Expression {
    Literal(Value),
    Column(String, Type),
    Member(Box<Expression>, String),
    Call(Function, Vec<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    And,
    Or,
    Equal,
    EqualInAnyCase,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    Hash,
    IsEmpty,
    IsNotEmpty,
    IsNull,
    IsNotNull,
    ParseJson,
    StrCat,
    ToBool,
    ToInt,
    ToString,
}

impl Function {
    /// The function of that name and the number of arguments that it takes.
    pub(super) fn named(name: &str) -> Option<(Function, std::ops::RangeInclusive<usize>)> {
        Some(match name {
            "hash" => (Function::Hash, 2..=2),
            "isempty" => (Function::IsEmpty, 1..=1),
            "isnotempty" => (Function::IsNotEmpty, 1..=1),
            "isnull" => (Function::IsNull, 1..=1),
            "isnotnull" => (Function::IsNotNull, 1..=1),
            "parse_json" | "todynamic" => (Function::ParseJson, 1..=1),
            "strcat" => (Function::StrCat, 1..=64),
            "tobool" => (Function::ToBool, 1..=1),
            "toint" | "tolong" => (Function::ToInt, 1..=1),
            "tostring" => (Function::ToString, 1..=1),
            _ => return None,
        })
    }
}

impl Expression {
    /// Its type.
    pub(super) fn kind(&self) -> Type {
        match self {
            Expression::Literal(Value::String(_)) => Type::String,
            Expression::Literal(Value::Number(_)) => Type::Int64,
            Expression::Column(_, kind) => *kind,
            Expression::Literal(Value::Bool(_)) | Expression::Binary(..) => Type::SByte,
            Expression::Member(..) | Expression::Literal(_) => Type::Object,
            Expression::Call(function, _) => match function {
                Function::Hash | Function::ToInt => Type::Int64,
                Function::StrCat | Function::ToString => Type::String,
                Function::ParseJson => Type::Object,
                _ => Type::SByte,
            },
        }
    }

    /// Whether it asks for a hash.
    pub(super) fn hashes(&self) -> bool {
        match self {
            Expression::Call(function, arguments) => {
                *function == Function::Hash || arguments.iter().any(Expression::hashes)
            }
            Expression::Binary(_, one, other) => one.hashes() || other.hashes(),
            Expression::Member(of, _) => of.hashes(),
            Expression::Literal(_) | Expression::Column(..) => false,
        }
    }

    /// Its value in a row.
    pub(super) fn of(&self, row: &Map<String, Value>) -> Value {
        match self {
            Expression::Literal(value) => value.clone(),
            Expression::Column(name, _) => row.get(name).cloned().unwrap_or_default(),
            Expression::Member(of, name) => of.of(row).get(name).cloned().unwrap_or_default(),
            Expression::Call(function, arguments) => {
                let values: Vec<Value> =
                    arguments.iter().map(|argument| argument.of(row)).collect();
                call(*function, &values)
            }
            Expression::Binary(operator, one, other) => {
                binary(*operator, &one.of(row), &other.of(row)).into()
            }
        }
    }
}

fn call(function: Function, values: &[Value]) -> Value {
    let first = values.first().unwrap_or(&Value::Null);
    match function {
        Function::Hash => json!(hash(&text(first)) % values[1].as_u64().unwrap_or(1).max(1)),
        Function::IsEmpty => text(first).is_empty().into(),
        Function::IsNotEmpty => (!text(first).is_empty()).into(),
        Function::IsNull => first.is_null().into(),
        Function::IsNotNull => (!first.is_null()).into(),
        Function::ParseJson => match first {
            Value::String(text) => serde_json::from_str(text).unwrap_or_else(|_| first.clone()),
            other => other.clone(),
        },
        Function::StrCat => values.iter().map(text).collect::<String>().into(),
        Function::ToBool => match first {
            Value::Bool(truth) => (*truth).into(),
            Value::Number(number) => (number.as_f64() != Some(0.0)).into(),
            other => text(other).to_lowercase().parse::<bool>().map_or(Value::Null, Value::from),
        },
        Function::ToInt => match first {
            Value::Number(number) => number.as_f64().map_or(Value::Null, |n| json!(n as i64)),
            other => text(other).parse::<i64>().map_or(Value::Null, Value::from),
        },
        Function::ToString => text(first).into(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A hash of a text; the service's own has other values and is as even.
fn hash(text: &str) -> u64 {
    Draw::new(7, text, 0).next()
}

fn binary(operator: Operator, one: &Value, other: &Value) -> bool {
    let is_true = |value: &Value| *value == Value::Bool(true);
    let known = !one.is_null() && !other.is_null();
    let order = || known.then(|| order(one, other));
    match operator {
        Operator::And => is_true(one) && is_true(other),
        Operator::Or => is_true(one) || is_true(other),
        Operator::Equal => order() == Some(Ordering::Equal),
        Operator::Unequal => order() != Some(Ordering::Equal),
        Operator::EqualInAnyCase => text(one).to_lowercase() == text(other).to_lowercase(),
        Operator::Less => order() == Some(Ordering::Less),
        Operator::Greater => order() == Some(Ordering::Greater),
        Operator::LessOrEqual => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
        Operator::GreaterOrEqual => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
    }
}

/// Numbers by size, everything else by its text; nothing comes first.
pub(super) fn order(one: &Value, other: &Value) -> Ordering {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => text(one).cmp(&text(other)),
    }
}
