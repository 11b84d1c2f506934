//! The envelope that the host posts for a call, and what is sent back.

use super::Problem;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A call's envelope. Metadata is left alone: a payload's own properties may overwrite it.
///
/// <https://learn.microsoft.com/azure/azure-functions/functions-custom-handlers#request-payload>
#[derive(Debug, Deserialize)]
pub struct Envelope {
    #[serde(rename = "Data", default)]
    data: Map<String, Value>,
}

/// What a call answers. Never empty: the host would wait for ever.
#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    /// By output binding.
    #[serde(rename = "Outputs")]
    pub outputs: Map<String, Value>,
    /// Lines that the host logs under the call's id.
    #[serde(rename = "Logs")]
    pub logs: Vec<String>,
}

impl Envelope {
    /// Reads an envelope.
    ///
    /// # Errors
    ///
    /// A 400 where it is none.
    pub fn read(body: &[u8]) -> Result<Envelope, Problem> {
        object(body, "the body is no envelope")
    }

    /// The trigger's value: the one of that binding's name, else the only one.
    pub fn trigger(&self, name: &str) -> Option<&Value> {
        let only = || self.data.values().next().filter(|_| self.data.len() == 1);
        self.data.get(name).or_else(only)
    }
}

/// Reads a JSON object; else it is a 400 that says `otherwise` and where.
pub fn object<T: DeserializeOwned>(bytes: &[u8], otherwise: &str) -> Result<T, Problem> {
    // An array of the fields in order would pass for the object.
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        return Err(Problem::new(400, format!("{otherwise}: it isn't a JSON object")));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Problem::new(400, format!("{otherwise} (line {line}, column {column})"))
    })
}

/// The bytes of a queue message.
///
/// With `dataType: binary` the value is base64 of the bytes; without it, a JSON string inside a JSON
/// string. The two can't be confused, since base64 has no quotation marks.
///
/// # Errors
///
/// What is wrong with the value, where it is neither.
pub fn payload(value: &Value) -> Result<Vec<u8>, String> {
    match value {
        Value::String(text) if text.starts_with('"') => {
            let inner = serde_json::from_str::<String>(text);
            inner
                .map(String::into_bytes)
                .map_err(|_| "the payload is half a JSON string".to_owned())
        }
        Value::String(text) => {
            BASE64_STANDARD.decode(text).map_err(|_| "the payload is no base64".to_owned())
        }
        Value::Null => Err("the payload is missing".to_owned()),
        other => Ok(other.to_string().into_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_payload_is_decoded_as_often_as_it_was_encoded() {
        let text = |value| payload(&value).map(|bytes| String::from_utf8(bytes).unwrap());

        assert_eq!(text(json!("\"hello\"")).unwrap(), "hello");
        assert_eq!(text(json!("\"{\\\"id\\\":7}\"")).unwrap(), "{\"id\":7}");
        assert_eq!(text(json!("eyJpZCI6N30=")).unwrap(), "{\"id\":7}");
        assert_eq!(text(json!("\"[1,2]\"")).unwrap(), "[1,2]");
        assert_eq!(text(json!("\"\"")).unwrap(), "");
        assert!(text(json!("\"half")).is_err());
        assert!(text(json!("not base64!")).is_err());
    }

    #[test]
    fn the_triggers_value_goes_by_name_or_stands_alone() {
        let two = Envelope::read(br#"{"Data":{"a":1,"job":2}}"#).unwrap();
        let one = Envelope::read(br#"{"Data":{"msg":1}}"#).unwrap();

        assert_eq!(two.trigger("job"), Some(&json!(2)));
        assert_eq!(one.trigger("job"), Some(&json!(1)));
        assert_eq!(Envelope::read(b"{}").unwrap().trigger("job"), None);
        assert_eq!(Envelope::read(br#"{"Data":"#).unwrap_err().status, 400);
        assert_eq!(Envelope::read(b"[]").unwrap_err().status, 400);
    }
}
