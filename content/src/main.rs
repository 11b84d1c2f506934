//! Writes what follows from the parts of `content/`.
//!
//! Without an argument the files of the project; with `solution <folder>` the content hub's solution;
//! with `release` what is released of the rules and hunting queries, which a release alone runs.

use content::Written;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "Usage: cargo run -p content [-- solution <folder> | release]";

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => content::written().and_then(|files| write(&content::root(), files)),
        ["solution", folder] => {
            content::solution::files().and_then(|files| write(Path::new(folder), files))
        }
        ["release"] => {
            content::release::renewed().and_then(|file| write(&content::root(), vec![file]))
        }
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

/// Writes each file that differs, and says so.
fn write(below: &Path, files: Vec<Written>) -> Result<(), String> {
    for (path, text) in files {
        let file = below.join(&path);
        if fs::read_to_string(&file).is_ok_and(|there| there == text) {
            println!("{path} is current");
            continue;
        }
        let folder = file.parent().unwrap_or(&file);
        let done = fs::create_dir_all(folder).and_then(|()| fs::write(&file, text));
        done.map_err(|error| format!("{path} can't be written: {error}"))?;
        println!("{path} is written");
    }
    Ok(())
}
