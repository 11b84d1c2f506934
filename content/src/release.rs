//! What of the content is released: ids that stay, and versions that go up when a text changes.
//!
//! `infra/generated/released.json` has an entry of each rule and hunting query, under `content`. A release alone
//! changes it: `cargo run -p content -- release`.

use crate::{Written, parts, root};
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

const FILE: &str = "infra/generated/released.json";
/// Folders whose files have an id and a version.
const FOLDERS: [&str; 2] = ["rules", "hunts"];

/// What a release had of a part: its version, and the SHA-256 of its file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Such as `1.0.0`.
    pub version: String,
    /// In hex.
    pub sha256: String,
}

/// Parts by id.
pub type Entries = BTreeMap<String, Entry>;

#[derive(Deserialize)]
struct Part {
    id: String,
    version: String,
}

/// The parts as they are now.
///
/// # Errors
///
/// The file that can't be read.
pub fn current() -> Result<Entries, String> {
    let mut entries = Entries::new();
    for folder in FOLDERS {
        for (file, Part { id, version }) in parts::of::<Part>(folder)? {
            let path = root().join(format!("content/{folder}/{file}.yaml"));
            let text = fs::read(path).map_err(|error| format!("{folder}/{file}.yaml: {error}"))?;
            entries.insert(id, Entry { version, sha256: sha256(&text) });
        }
    }
    Ok(entries)
}

/// The parts as the last release had them.
///
/// # Errors
///
/// Where the file isn't there, or lacks `content`.
pub fn released() -> Result<Entries, String> {
    let content = file()?["content"].take();
    serde_json::from_value(content).map_err(|error| format!("{FILE}: content: {error}"))
}

/// The file as a release writes it: with the parts as they are now.
///
/// # Errors
///
/// As [`current`] and [`released`]; and what is wrong between the two, since a release would hide it.
pub fn renewed() -> Result<Written, String> {
    let now = current()?;
    let problems = problems(&released()?, &now);
    if !problems.is_empty() {
        return Err(problems.join("\n"));
    }
    let mut file = file()?;
    file["content"] = serde_json::to_value(now).map_err(|error| error.to_string())?;
    Ok((FILE.to_owned(), format!("{file:#}\n")))
}

/// What is wrong with the parts of now beside those of the last release: an id that is gone, a text that has
/// changed under its version, a version that went down.
#[must_use]
pub fn problems(released: &Entries, now: &Entries) -> Vec<String> {
    let problem = |(id, before): (&String, &Entry)| match now.get(id) {
        None => Some(format!("{id} was released and is gone: its id must stay")),
        Some(after) if after.sha256 == before.sha256 => None,
        Some(after) if numbers(&after.version) > numbers(&before.version) => None,
        Some(after) => Some(format!(
            "{id} has changed since the release of {}: raise its version, {} now",
            before.version, after.version
        )),
    };
    released.iter().filter_map(problem).collect()
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().unwrap_or_default()).collect()
}

fn file() -> Result<Value, String> {
    let text = fs::read_to_string(root().join(FILE)).map_err(|error| format!("{FILE}: {error}"))?;
    serde_json::from_str(&text).map_err(|error| format!("{FILE}: {error}"))
}

fn sha256(text: &[u8]) -> String {
    let mut hex = String::new();
    for byte in digest::digest(&digest::SHA256, text).as_ref() {
        write!(hex, "{byte:02x}").ok();
    }
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(version: &str, text: &str) -> Entries {
        let entry = Entry { version: version.to_owned(), sha256: sha256(text.as_bytes()) };
        Entries::from([("one".to_owned(), entry)])
    }

    #[test]
    fn a_changed_text_needs_a_higher_version_and_an_id_stays() {
        let before = entries("1.0.9", "text");

        assert_eq!(problems(&before, &before), [""; 0]);
        assert_eq!(problems(&before, &entries("1.0.10", "changed")), [""; 0]);
        assert_eq!(problems(&Entries::new(), &before), [""; 0]);
        assert!(problems(&before, &entries("1.0.9", "changed"))[0].contains("raise its version"));
        assert!(problems(&before, &entries("1.0.8", "changed"))[0].contains("raise its version"));
        assert!(problems(&before, &Entries::new())[0].contains("its id must stay"));
    }

    #[test]
    fn a_release_names_every_part() {
        let (path, text) = renewed().unwrap();
        let written: Value = serde_json::from_str(&text).unwrap();

        assert_eq!(path, FILE);
        assert_eq!(
            serde_json::from_value::<Entries>(written["content"].clone()).unwrap(),
            current().unwrap()
        );
        assert!(written["assignments"].as_object().is_some_and(|streams| !streams.is_empty()));
    }

    #[test]
    fn nothing_has_changed_under_a_released_version() {
        assert_eq!(problems(&released().unwrap(), &current().unwrap()), [""; 0]);
    }
}
