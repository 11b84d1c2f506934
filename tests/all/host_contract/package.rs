//! The package that a function app is deployed from: its layout, and the binary in it started as the host
//! starts it. `POSTURE_PACKAGE` names one that `tools/package` has built; else one is packed of the binary at hand.

use super::{HTTP, QUEUE, TIMER, accepted, delivery, job, tick, within};
use crate::support::azurite::Azurite;
use crate::support::fake_host::Function;
use crate::support::service::{Service, environment};
use crate::support::tools::root;
use crate::support::{self, Folder};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What the central directory of an archive says of a file.
#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    made_by: u8,
    time: u32,
    mode: u32,
}

/// Whether there is what packs and unpacks; said in one line where there isn't.
fn has_tools() -> bool {
    let is_there = |tool: &&str| {
        let mut command = Command::new(tool);
        command.arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    let missing: Vec<_> = ["zip", "unzip"].into_iter().filter(|tool| !is_there(tool)).collect();
    if !missing.is_empty() {
        let missing = missing.join(" and ");
        let _ = writeln!(std::io::stderr(), "left out: the package, which needs {missing}");
    }
    missing.is_empty()
}

#[expect(clippy::disallowed_methods, reason = "a package that is built already is named so")]
fn built() -> Option<PathBuf> {
    std::env::var_os("POSTURE_PACKAGE").map(PathBuf::from)
}

/// The package, packed into the folder where none is built.
fn package(folder: &Folder, name: &str) -> PathBuf {
    if let Some(built) = built() {
        return built;
    }
    let to = folder.path().join(name);
    let mut command = Command::new(root().join("tools/package"));
    command.args(["--binary", env!("CARGO_BIN_EXE_posture")]).arg(&to);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    to.join("released-package.zip")
}

/// The app's root, unpacked as the platform does.
fn unpacked(folder: &Folder) -> PathBuf {
    let (package, to) = (package(folder, "package"), folder.path().join("root"));
    let status = Command::new("unzip").arg("-q").arg(package).arg("-d").arg(&to).status().unwrap();
    assert!(status.success());
    to
}

/// <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>, 4.3.12
fn entries(archive: &[u8]) -> Vec<Entry> {
    let number = |at: usize, bytes: usize| {
        (0..bytes).rev().fold(0, |sum, byte| (sum << 8) | u32::from(archive[at + byte]))
    };
    let end = archive.windows(4).rposition(|four| four == b"PK\x05\x06").unwrap();
    let (count, mut at) = (number(end + 10, 2), number(end + 16, 4) as usize);
    let mut entries = Vec::new();
    for _ in 0..count {
        assert_eq!(&archive[at..at + 4], b"PK\x01\x02");
        let lengths = [28, 30, 32].map(|field| number(at + field, 2) as usize);
        let name = String::from_utf8(archive[at + 46..at + 46 + lengths[0]].to_vec()).unwrap();
        let (made_by, time) = (archive[at + 5], number(at + 12, 4));
        entries.push(Entry { name, made_by, time, mode: number(at + 38, 4) >> 16 });
        at += 46 + lengths.iter().sum::<usize>();
    }
    entries
}

#[test]
fn the_package_is_laid_out_as_the_host_wants() {
    let folder = Folder::new();
    if !has_tools() {
        return;
    }

    let entries = entries(&std::fs::read(package(&folder, "package")).unwrap());

    let functions = Function::all().into_iter().map(|one| format!("{}/function.json", one.name));
    let mut wanted: Vec<_> = functions.chain(["host.json", "posture"].map(str::to_owned)).collect();
    wanted.sort();
    assert_eq!(entries.iter().map(|entry| entry.name.clone()).collect::<Vec<_>>(), wanted);
    for Entry { name, made_by, time, mode } in entries {
        let is_program = name == "posture";
        assert_eq!(mode & 0o7777, if is_program { 0o755 } else { 0o644 }, "{name}");
        // Made by Unix, or nobody heeds the mode; the first instant that an archive can say.
        assert_eq!((made_by, time), (3, 0x0021_0000), "{name}");
    }
}

#[test]
fn the_same_tree_gives_the_same_bytes() {
    let folder = Folder::new();
    if !has_tools() || built().is_some() {
        return;
    }

    let [one, two] = ["one", "two"].map(|name| std::fs::read(package(&folder, name)).unwrap());

    assert!(one == two);
}

/// From the platform's start to a playbook's summary, over Azurite.
#[tokio::test]
async fn the_unpacked_package_collects_and_serves_a_summary() {
    let folder = Folder::new();
    if !has_tools() {
        return;
    }
    let (microsoft, azurite) = (support::microsoft(3).await, Azurite::start().await);
    let root = unpacked(&folder);

    let service = within(Service::start_in(&root, &environment(&microsoft, &azurite.url()))).await;
    let planned = within(service.post(TIMER, &tick(Value::Null, false))).await;
    let jobs = accepted(TIMER, &planned).queues["jobs"].len();
    for source in ["defender.devices", "graph.secure_scores"] {
        let done = within(service.post(QUEUE, &delivery(&job(source), 1))).await;
        assert!(accepted(QUEUE, &done).logs[0].contains(" records in "), "{done:?}");
    }

    assert!(jobs > 2);
    assert_eq!(within(service.get("/")).await.status, 200);
    let tenant = support::tenant(0).id;
    let summary = within(service.get(&format!("/api/summary?tenant={tenant}"))).await.json();
    assert_eq!(summary["devices"]["total"], 3, "{summary}");
    // Pair 25: the same through an envelope, as a host without forwarding sends it.
    let request = json!({ "Url": "http://localhost/api/health", "Method": "GET", "Query": {}, "Headers": {} });
    let envelope = json!({ "Data": { "request": request }, "Metadata": {} }).to_string();
    let health = within(service.post(HTTP, &envelope)).await;
    assert_eq!(accepted(HTTP, &health).http.unwrap().status, 200);
}
