//! Writes what follows from the catalogue.

use super::Failure;
use super::progress::say;
use crate::describe;
use crate::source::Own;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where to write.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// The project's root
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,
}

/// Writes each file that differs, and says so; nothing where the columns of an installation's own are
/// wrong.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    Own::check().map_err(Failure::Other)?;
    for (path, content) in describe::files() {
        let file = options.root.join(&path);
        if fs::read_to_string(&file).is_ok_and(|there| there == content) {
            say(&format!("{path} is current"));
            continue;
        }
        write(&file, &content).map_err(|error| {
            Failure::Other(format!("{} can't be written: {error}", file.display()))
        })?;
        say(&format!("{path} is written"));
    }
    Ok(ExitCode::SUCCESS)
}

fn write(file: &Path, content: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(file, content)
}
