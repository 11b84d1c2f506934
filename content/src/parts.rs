//! Reading the parts: every YAML file of a folder, as what it must be.

use crate::root;
use serde::de::DeserializeOwned;
use std::fs;

/// The files of a folder of `content/`, by their names without the ending, in the order of the names.
///
/// # Errors
///
/// A file that can't be read, or that is not what it must be: the file, the field and what is wrong.
pub fn of<T: DeserializeOwned>(folder: &str) -> Result<Vec<(String, T)>, String> {
    let there = root().join("content").join(folder);
    let entries = fs::read_dir(&there).map_err(|error| format!("{folder}: {error}"))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "yaml")).collect();
    files.sort();
    let read = |path: &std::path::PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).map_err(|error| format!("{folder}/{stem}: {error}"))?;
        let part = parse(&text).map_err(|error| format!("{folder}/{stem}.yaml: {error}"))?;
        Ok((stem, part))
    };
    files.iter().map(read).collect()
}

/// One file of `content/`, by its name without the ending.
///
/// # Errors
///
/// As [`of`].
pub fn one<T: DeserializeOwned>(name: &str) -> Result<T, String> {
    let file = root().join("content").join(name).with_extension("yaml");
    let text = fs::read_to_string(file).map_err(|error| format!("{name}.yaml: {error}"))?;
    parse(&text).map_err(|error| format!("{name}.yaml: {error}"))
}

/// A part out of its text.
///
/// # Errors
///
/// The field, and what is wrong with it.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| error.to_string())
}
