//! Parquet files, read back by DuckDB: each row says what its kept record says.

use super::app;
use crate::support::{self, Folder, job, tools};
use posture::findings::{Manifest, parquet};
use posture::ledger::path;
use posture::report::Status;
use posture::run::run;
use posture::source::{ALL, DEVICE_VULNERABILITIES, DEVICES, ENVELOPE, Source};
use serde_json::{Value, json};
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Once;

/// What DuckDB reads in a run's files, compared with its kept parts; nothing where it isn't installed,
/// which is said once.
async fn compared(folder: &Folder, source: &Source, run: &posture::plan::RunId) -> Option<Value> {
    let Some(python) = tools::python() else {
        static SAID: Once = Once::new();
        #[expect(
            clippy::explicit_write,
            reason = "the test harness keeps what `eprintln!` says to itself"
        )]
        SAID.call_once(|| {
            let left_out = "left out: reading Parquet back, which needs tests/python/.venv (see \
                            CONTRIBUTING.md)";
            writeln!(std::io::stderr(), "{left_out}").unwrap();
        });
        return None;
    };
    let (ledger, tenant) = (folder.ledger(), support::tenant(0).id);
    let of_run = path::parquet(&tenant, source.name, run);
    let manifest = path::manifest(&of_run, source.name);
    let (manifest, _) = ledger.read(&manifest).await.unwrap().unwrap();
    let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
    let full = |path: &String| folder.path().join(path).to_str().unwrap().to_owned();
    let mut parts = ledger.list(&path::parts(&tenant, source.name, run)).await.unwrap();
    // A feed's own file lies beside them.
    parts.retain(|part| part.ends_with(".jsonl.gz"));
    let columns = parquet::columns(source).into_iter().map(|column| {
        let kind = format!("{:?}", column.kind).to_lowercase();
        json!({ "name": column.name, "field": column.field, "type": kind })
    });
    let asked = json!({
        "files": manifest.files.iter().map(|name| full(&format!("{of_run}{name}"))).collect::<Vec<_>>(),
        "parts": parts.iter().map(full).collect::<Vec<_>>(),
        "columns": columns.collect::<Vec<_>>(),
        "envelope": ENVELOPE.iter().map(|column| column.name).collect::<Vec<_>>(),
    });
    let mut reader = Command::new(python);
    reader.arg(tools::root().join("tests/python/parquet.py"));
    let mut reader = reader.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    reader.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = reader.wait_with_output().unwrap();
    assert!(output.status.success(), "the reader ended with {}", output.status);
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn options(devices: u32) -> simulator::Options {
    let tables = posture::describe::tables_json();
    let mut options = simulator::Options::new(vec![support::tenant(devices)], tables);
    options.limits = false;
    options
}

/// DuckDB's type of a column.
fn type_of(column: &str) -> &'static str {
    match column {
        "text" | "guid" | "dynamic" | "hunteddynamic" => "VARCHAR",
        "real" | "textreal" => "DOUBLE",
        "long" | "int" => "BIGINT",
        "boolean" | "huntedboolean" => "BOOLEAN",
        _ => "TIMESTAMP WITH TIME ZONE",
    }
}

#[tokio::test]
async fn each_recorded_answer_reads_back_as_it_was_kept() {
    let folder = Folder::new();
    let mut options = options(0);
    options.replay = Some("tests/fixtures".into());
    let microsoft = support::start(options).await;
    let app = app(&microsoft, 0, folder.ledger());
    for source in ALL {
        let job = job(&app, *source);
        let report = run(&app, &job).await;
        assert_eq!(report.status, Status::Complete, "{report}");

        let Some(read) = compared(&folder, source, &job.run).await else { return };

        assert_eq!(read["differences"], json!([]), "{}", source.name);
        assert_eq!(read["rows"], report.tally.kept, "{}", source.name);
        for column in parquet::columns(source) {
            let kind = format!("{:?}", column.kind).to_lowercase();
            assert_eq!(read["types"][column.name], type_of(&kind), "{}", column.name);
        }
    }
}

#[tokio::test]
async fn a_large_snapshot_reads_back_row_by_row_from_bounded_row_groups() {
    let folder = Folder::new();
    let microsoft = support::start(options(1500)).await;
    let app = app(&microsoft, 1500, folder.ledger());
    for source in [DEVICES, DEVICE_VULNERABILITIES] {
        let job = job(&app, source);
        let report = run(&app, &job).await;
        assert_eq!(report.status, Status::Complete, "{report}");

        let Some(read) = compared(&folder, &source, &job.run).await else { return };

        assert_eq!(read["differences"], json!([]), "{}", source.name);
        assert_eq!(read["rows"], report.tally.kept, "{}", source.name);
        assert_eq!(read["codecs"], json!(["ZSTD"]));
        // A row group ends with the record that crosses eight million bytes.
        let groups = read["row_groups"].as_u64().unwrap();
        let least = report.tally.parts.saturating_sub(1) / 9;
        assert!(groups >= least.max(1), "{groups} row groups of {} parts", report.tally.parts);
    }
}
