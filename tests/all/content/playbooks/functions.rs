//! Functions of the workflow definition language: how many arguments each takes, and what those come to
//! that our definitions use.

use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

/// A function: its name, and the fewest and the most arguments that it takes.
const KNOWN: &[(&str, usize, usize)] = &[
    ("actions", 1, 1),
    ("add", 2, 2),
    ("and", 2, MANY),
    ("base64ToString", 1, 1),
    ("body", 1, 1),
    ("coalesce", 1, MANY),
    ("concat", 1, MANY),
    ("contains", 2, 2),
    ("createArray", 1, MANY),
    ("empty", 1, 1),
    ("encodeURIComponent", 1, 1),
    ("endsWith", 2, 2),
    ("equals", 2, 2),
    ("first", 1, 1),
    ("formatDateTime", 1, 3),
    ("greater", 2, 2),
    ("greaterOrEquals", 2, 2),
    ("guid", 0, 1),
    ("if", 3, 3),
    ("int", 1, 1),
    ("item", 0, 0),
    ("items", 1, 1),
    ("join", 2, 2),
    ("json", 1, 1),
    ("last", 1, 1),
    ("length", 1, 1),
    ("less", 2, 2),
    ("lessOrEquals", 2, 2),
    ("listCallbackUrl", 0, 0),
    ("not", 1, 1),
    ("or", 2, MANY),
    ("outputs", 1, 1),
    ("parameters", 1, 1),
    ("replace", 3, 3),
    ("result", 1, 1),
    ("split", 2, 2),
    ("startsWith", 2, 2),
    ("string", 1, 1),
    ("sub", 2, 2),
    ("substring", 2, 3),
    ("toLower", 1, 1),
    ("trigger", 0, 0),
    ("triggerBody", 0, 0),
    ("triggerOutputs", 0, 0),
    ("trim", 1, 1),
    ("union", 2, MANY),
    ("utcNow", 0, 1),
    ("variables", 1, 1),
    ("workflow", 0, 0),
];

const MANY: usize = usize::MAX;

/// What is wrong with a call of that many arguments.
pub fn wrong(name: &str, arguments: usize) -> Option<String> {
    let Some((_, least, most)) = KNOWN.iter().find(|(known, ..)| *known == name) else {
        return Some(format!("{name} is no function"));
    };
    let fits = (*least..=*most).contains(&arguments);
    (!fits).then(|| format!("{name} has {arguments} arguments"))
}

/// The value of a function that looks at its arguments only; all of them are evaluated before, as the platform
/// may.
///
/// # Errors
///
/// Where the platform would fail the action.
pub fn value(name: &str, arguments: &[Value], now: Timestamp) -> Result<Value, String> {
    let unfit = || Err(format!("{name} can't take {arguments:?}"));
    Ok(match (name, arguments) {
        ("and", all) => all.iter().all(|one| *one == true).into(),
        ("or", all) => all.iter().any(|one| *one == true).into(),
        ("not", [one]) => (*one != true).into(),
        ("equals", [one, other]) => (one == other).into(),
        ("if", [condition, yes, no]) => if *condition == true { yes } else { no }.clone(),
        ("coalesce", all) => all.iter().find(|one| !one.is_null()).cloned().unwrap_or_default(),
        ("createArray", all) => all.into(),
        ("concat", all) => all.iter().map(text).collect::<Result<String, _>>()?.into(),
        ("string", [one]) => text(one)?.into(),
        ("json", [Value::String(text)]) => {
            serde_json::from_str(text).map_err(|error| format!("json: {error}"))?
        }
        ("base64ToString", [Value::String(text)]) => {
            let bytes = BASE64_STANDARD.decode(text).map_err(|error| error.to_string())?;
            String::from_utf8(bytes).map_err(|error| error.to_string())?.into()
        }
        ("empty", [one]) => match one {
            Value::Null => true.into(),
            Value::String(text) => text.is_empty().into(),
            Value::Array(items) => items.is_empty().into(),
            Value::Object(members) => members.is_empty().into(),
            _ => return unfit(),
        },
        ("length", [Value::Array(items)]) => items.len().into(),
        ("length", [Value::String(text)]) => text.chars().count().into(),
        ("first", [Value::Array(items)]) => items.first().cloned().unwrap_or_default(),
        ("last", [Value::Array(items)]) => items.last().cloned().unwrap_or_default(),
        ("contains", [Value::Array(items), one]) => items.contains(one).into(),
        ("contains", [Value::String(text), Value::String(part)]) => text.contains(part).into(),
        ("startsWith", [Value::String(text), Value::String(part)]) => {
            text.to_lowercase().starts_with(&part.to_lowercase()).into()
        }
        ("split", [Value::String(text), Value::String(by)]) => {
            text.split(by.as_str()).collect::<Vec<_>>().into()
        }
        ("join", [Value::Array(items), Value::String(by)]) => {
            items.iter().map(text).collect::<Result<Vec<_>, _>>()?.join(by).into()
        }
        ("replace", [Value::String(text), Value::String(old), Value::String(new)]) => {
            text.replace(old.as_str(), new).into()
        }
        ("encodeURIComponent", [Value::String(text)]) => encoded(text).into(),
        ("utcNow", []) => now.to_string().into(),
        ("formatDateTime", [Value::String(at), Value::String(form)]) if form == "yyyy-MM-dd" => {
            let at: Timestamp = at.parse().map_err(|_| format!("{at} is no time"))?;
            at.strftime("%Y-%m-%d").to_string().into()
        }
        ("listCallbackUrl", []) => "https://callback.example/".into(),
        ("workflow", []) => {
            json!({ "name": "Invented-playbook", "run": { "name": "0858invented" } })
        }
        _ => return unfit(),
    })
}

/// A value as it stands in a text: null is nothing.
pub fn text(value: &Value) -> Result<String, String> {
    Ok(match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!~*'()".contains(&byte);
    let one = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
