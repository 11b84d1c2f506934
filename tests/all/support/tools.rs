//! What the tests run beside Rust: Node.js tools, installed from a lock file where they are missing, and
//! Python's where somebody has installed them.

use serde_json::{Value, json};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The folder of the tests' Node.js tools, installed once and again whenever the lock file changes.
pub fn node() -> PathBuf {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    let folder = root().join("tests/node");
    INSTALLED.get_or_init(|| {
        // Two test runs at once must not install into each other's half-made folder.
        let lock = File::create(folder.join(".installing")).unwrap();
        lock.lock().unwrap();
        let (wanted, installed) =
            (folder.join("package-lock.json"), folder.join("node_modules/.installed.json"));
        if fs::read(&installed).is_ok_and(|there| there == fs::read(&wanted).unwrap()) {
            return;
        }
        let npm = Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(&folder)
            .output();
        let npm = npm.expect("npm is needed for the tests: install Node.js, see README.md");
        assert!(npm.status.success(), "npm ci: {}", String::from_utf8_lossy(&npm.stderr));
        fs::copy(wanted, installed).unwrap();
    });
    folder
}

/// Which of the documents fit a JSON schema, by the judge in `tests/node/schema.mjs`.
pub fn fits(schema: &Value, documents: &[Value]) -> Vec<bool> {
    let mut judge = Command::new("node");
    judge.arg("schema.mjs").current_dir(node()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut judge = judge.spawn().expect("Node.js is needed for the tests, see README.md");
    let input = json!({ "schema": schema, "documents": documents }).to_string();
    judge.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = judge.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Python with the packages of `tests/python/requirements.txt`, where `.ci/run` or somebody has put it.
pub fn python() -> Option<PathBuf> {
    let python = root().join("tests/python/.venv/bin/python");
    python.exists().then_some(python)
}

/// Schemathesis, as [`python`]; what is left out without it is said once.
pub fn schemathesis() -> Option<PathBuf> {
    static SAID: OnceLock<()> = OnceLock::new();
    let found = root().join("tests/python/.venv/bin/schemathesis");
    let text = "left out: routes against their description, which needs tests/python/.venv (see \
                CONTRIBUTING.md)";
    found.exists().then_some(found).or_else(|| {
        SAID.get_or_init(|| drop(writeln!(std::io::stderr(), "{text}")));
        None
    })
}

/// Headless Chromium, where somebody has installed it; what is left out without it is said once.
pub fn chromium() -> Option<PathBuf> {
    static SAID: OnceLock<()> = OnceLock::new();
    let places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let found = places.into_iter().map(PathBuf::from).find(|path| path.exists());
    if found.is_none() {
        SAID.get_or_init(|| {
            let _ = writeln!(
                std::io::stderr(),
                "left out: the report page in a browser, which needs Chromium (.ci/run installs it)"
            );
        });
    }
    found
}

/// A path in the project's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
