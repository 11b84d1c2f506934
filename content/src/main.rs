//! Writes what follows from the parts of `content/`.

use std::fs;
use std::process::ExitCode;

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), String> {
    for (path, text) in content::written()? {
        let file = content::root().join(&path);
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
