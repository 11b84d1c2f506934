//! Every event validates against the schema that the OCSF project publishes: an independent judge.

use super::{app, events, json};
use crate::support::{self, Folder, job, kept_lines, tools};
use posture::findings::ocsf;
use posture::report::Status;
use posture::run::run;
use posture::source::Source;
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Once;

/// What the judge says of these events; nothing where it isn't installed, which is said once.
fn judged(events: &[String]) -> Option<Value> {
    let Some(python) = tools::python() else {
        static SAID: Once = Once::new();
        #[expect(
            clippy::explicit_write,
            reason = "the test harness keeps what `eprintln!` says to itself"
        )]
        SAID.call_once(|| {
            let left_out = "left out: judging OCSF events, which needs tests/python/.venv (see \
                            CONTRIBUTING.md)";
            writeln!(std::io::stderr(), "{left_out}").unwrap();
        });
        return None;
    };
    let mut judge = Command::new(python);
    judge.arg(tools::root().join("tests/python/ocsf.py"));
    let mut judge = judge.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, text) = (judge.stdin.take().unwrap(), events.join("\n"));
    let writes = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = judge.wait_with_output().unwrap();
    writes.join().unwrap().unwrap();
    assert!(output.status.success(), "the judge ended with {}", output.status);
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

/// Collects every source that has a mapping: all events, and how many records each source has.
async fn collected(options: simulator::Options, folder: &Folder) -> Vec<String> {
    let microsoft = support::start(options).await;
    let app = app(&microsoft, 0, folder.ledger());
    for mapping in ocsf::ALL {
        let source = Source::named(mapping.source).unwrap();
        let report = run(&app, &job(&app, source)).await;
        assert_eq!(report.status, Status::Complete, "{report}");
        let kept = kept_lines(&*folder.ledger(), source).await.len();
        let name = format!("/{}-", source.name);
        let written = events(&*folder.ledger(), &name).await.len();
        assert_eq!(written, kept, "{}: no record is dropped", source.name);
        assert!(kept > 0, "{}: nothing to judge", source.name);
    }
    events(&*folder.ledger(), "findings/").await
}

fn options(devices: u32) -> simulator::Options {
    let tables = posture::describe::tables_json();
    let mut options = simulator::Options::new(vec![support::tenant(devices)], tables);
    options.limits = false;
    options
}

#[tokio::test]
async fn every_event_of_a_simulated_tenant_is_what_the_schema_says() {
    let folder = Folder::new();
    let events = collected(options(40), &folder).await;

    let Some(judged) = judged(&events) else { return };

    assert_eq!(judged["complaints"], 0, "{:#}", judged["wrong"]);
    let classes: Vec<_> = judged["classes"].as_object().unwrap().keys().collect();
    assert_eq!(classes, ["2002", "2003", "2004", "5001"]);
}

#[tokio::test]
async fn every_event_of_a_recorded_answer_is_what_the_schema_says() {
    let folder = Folder::new();
    let mut options = options(0);
    options.replay = Some("tests/fixtures".into());
    let events = collected(options, &folder).await;

    let Some(judged) = judged(&events) else { return };

    assert_eq!(judged["complaints"], 0, "{:#}", judged["wrong"]);
    let judged_events: u64 =
        judged["classes"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(judged_events, events.len() as u64);
}

/// The fields of a source that its tables know, each of a type that it never has.
fn odd_record(source: &Source) -> Value {
    let fields = source
        .table
        .columns
        .iter()
        .map(|column| (column.field.to_owned(), serde_json::json!([[1]])));
    Value::Object(fields.collect())
}

/// A record of which nothing can be mapped, and one that is none, are events too.
#[test]
fn a_record_of_which_nothing_can_be_read_is_an_event_that_the_schema_takes() {
    let mut events = Vec::new();
    for mapping in ocsf::ALL {
        let source = Source::named(mapping.source).unwrap();
        for own in [odd_record(&source), serde_json::json!({})] {
            let envelope = serde_json::json!({
                "TimeGenerated": "2026-11-22T10:15:00.000000Z",
                "CollectedTime": "2026-11-22T10:15:00.000000Z",
                "AadTenantId": support::tenant(0).id, "TenantName": "Contoso",
                "Source": source.name, "RunId": "20261122T101500Z",
                "RecordId": "00112233445566778899aabbccddeeff",
            });
            // In the envelope's own order, which a map of this crate doesn't keep.
            let names = posture::source::ENVELOPE.iter().map(|column| column.name);
            let front: Vec<_> = names.map(|name| format!("{name:?}:{}", envelope[name])).collect();
            let own = own.to_string();
            let rest = own.trim_start_matches('{');
            let comma = if rest == "}" { "" } else { "," };
            let line = format!("{{{}{comma}{rest}", front.join(","));
            let line = posture::findings::Line::read(&line).unwrap();
            events.push(mapping.event(line).to_string());
        }
    }

    let Some(judged) = judged(&events) else { return };

    assert_eq!(judged["complaints"], 0, "{:#}", judged["wrong"]);
    assert_eq!(events.len(), 2 * ocsf::ALL.len());
}

#[tokio::test]
async fn the_judge_refuses_what_the_schema_doesnt_know() {
    let folder = Folder::new();
    let microsoft = support::start(options(3)).await;
    let app = app(&microsoft, 3, folder.ledger());
    run(&app, &job(&app, posture::source::DEVICES)).await;
    let events = events(&*folder.ledger(), "/5001/").await;
    let spoiled = |change: &dyn Fn(&mut Value)| {
        let mut event = json(&events[0]);
        change(&mut event);
        vec![event.to_string()]
    };

    for wrong in [
        spoiled(&|event| event["device"]["invented"] = "x".into()),
        spoiled(&|event| event["severity_id"] = 7.into()),
        spoiled(&|event| event["time"] = "2026-11-22T10:15:00Z".into()),
        spoiled(&|event| drop(event.as_object_mut().unwrap().remove("cloud"))),
        spoiled(&|event| event["type_uid"] = 500_101.into()),
    ] {
        let Some(judged) = judged(&wrong) else { return };
        assert!(judged["complaints"].as_u64().unwrap() > 0, "{}", wrong[0]);
    }
}
