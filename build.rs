//! Turns the hunting packs, `hunting/*.yaml`, into constants of the catalogue: see `docs/hunting.md`.

#[path = "src/source/pack.rs"]
mod pack;

use std::fs;
use std::path::{Path, PathBuf};

const FOLDER: &str = "hunting";

fn main() {
    println!("cargo::rerun-if-changed={FOLDER}");
    println!("cargo::rerun-if-changed=src/source/pack.rs");
    match constants() {
        Ok(code) => {
            if let Err(error) = fs::write(out_folder().join("hunting.rs"), code) {
                println!("cargo::error=the packs' constants can't be written: {error}");
            }
        }
        Err(problem) => println!("cargo::error={problem}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "cargo says where to write in the environment")]
fn out_folder() -> PathBuf {
    std::env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default()
}

/// The constants of all packs, in the order of their files' names.
fn constants() -> Result<String, String> {
    let entries =
        fs::read_dir(FOLDER).map_err(|error| format!("{FOLDER}/ can't be read: {error}"))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    let mut packs = Vec::new();
    for file in files {
        packs.push(read(&file)?);
    }
    pack::unlike(&packs)?;
    Ok(pack::code(&packs))
}

fn read(file: &Path) -> Result<pack::Pack, String> {
    let shown = file.display();
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    if file.extension().is_none_or(|extension| extension != "yaml") {
        return Err(format!("{shown} is no pack: packs end in .yaml, move it away"));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("{shown}: {error}"))?;
    pack::read(stem, &text).map_err(|problem| format!("{shown}: {problem}"))
}
