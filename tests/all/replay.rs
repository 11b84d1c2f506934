//! Recorded answers, replayed: each record arrives byte for byte, and is sent or withheld, never lost.

use crate::support::{self, Folder, job, kept_lines};
use posture::describe;
use posture::report::Status;
use posture::run::run;
use posture::source::{ALL, Fetch, Source};
use serde_json::Value;
use serde_json::value::RawValue;
use simulator::Options;
use std::collections::BTreeMap;
use std::path::Path;

/// Answers that aren't part of the project: beside it on some machines.
const SAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/samples");

type Object<'a> = BTreeMap<String, &'a RawValue>;

fn list<'a>(object: &Object<'a>, names: &[&str]) -> Vec<&'a RawValue> {
    let found = names.iter().find_map(|name| object.get(*name)).expect("a list of records");
    serde_json::from_str(found.get()).unwrap()
}

/// What NVD wraps.
fn unwrapped(one: &RawValue) -> &RawValue {
    let wrapper: Object = serde_json::from_str(one.get()).unwrap();
    wrapper["cve"]
}

/// The rows of a recorded file of scores, as objects of the header's names.
fn scores(file: &str) -> Vec<String> {
    let mut lines = file.lines().skip(1);
    let names: Vec<_> = lines.next().unwrap().split(',').collect();
    let object = |row: &str| {
        let pairs = names.iter().zip(row.split(','));
        let pairs: Vec<_> = pairs.map(|(name, value)| format!(r#""{name}":"{value}""#)).collect();
        format!("{{{}}}", pairs.join(","))
    };
    lines.map(object).collect()
}

/// The records of a recorded page, as their own bytes.
fn records(source: &Source, page: &str) -> Vec<String> {
    if let Fetch::Epss(_) = source.fetch {
        return scores(page);
    }
    let object: Object = serde_json::from_str(page).unwrap();
    let texts = |raws: Vec<&RawValue>| raws.iter().map(|raw| raw.get().to_owned()).collect();
    match source.fetch {
        Fetch::Kev(_) => texts(list(&object, &["vulnerabilities"])),
        Fetch::Nvd(_) => {
            let wrapped = list(&object, &["vulnerabilities"]);
            texts(wrapped.into_iter().map(unwrapped).collect())
        }
        Fetch::Object(_) => vec![page.to_owned()],
        Fetch::Members { list: name, .. } => {
            let parents = list(&object, &["value"]);
            let members = parents.iter().flat_map(|parent| {
                let parent: Object = serde_json::from_str(parent.get()).unwrap();
                list(&parent, &[name])
            });
            texts(members.collect())
        }
        _ => texts(list(&object, &["value", "data", "results"])),
    }
}

/// All records of a source's recorded pages.
fn recorded(source: &Source, folder: &Path) -> Vec<String> {
    let pages = (1..).map(|number| folder.join(source.name).join(format!("page-{number}.json")));
    let pages = pages.map_while(|page| std::fs::read_to_string(page).ok());
    pages.flat_map(|page| records(source, &page)).collect()
}

/// A record as a line has it: what may stand between its tokens is one blank each.
fn end_of_line(record: &str) -> String {
    record.trim().trim_start_matches('{').trim_start().replace(['\n', '\r'], " ")
}

/// Whether a kept line holds a record: its own bytes at the line's end. The simulated Resource Graph makes
/// rows of recorded resources, so that of Azure only ids and properties can be compared.
fn holds(source: &Source, line: &str, record: &str) -> bool {
    if !matches!(source.fetch, Fetch::Resources(_)) {
        return line.ends_with(&end_of_line(record));
    }
    let [line, record]: [Value; 2] = [line, record].map(|text| serde_json::from_str(text).unwrap());
    let own = record.get("properties").is_none_or(|own| line["properties"] == *own);
    own && line["id"] == record["id"]
}

async fn replays(recordings: &Path) {
    let mut options = Options::new(vec![support::tenant(5)], describe::tables_json());
    (options.limits, options.replay) = (false, Some(recordings.to_owned()));
    let microsoft = support::start(options).await;
    let folder = Folder::new();
    let app = crate::cve::app(&microsoft, &folder);

    let replayed = |source: &&Source| recordings.join(source.name).exists();
    for source in ALL.iter().filter(replayed) {
        let recorded = recorded(source, recordings);
        let report = match source.is_shared() {
            true => crate::cve::collect(&app, *source, 0).await,
            false => run(&app, &job(&app, *source)).await,
        };
        let lines = kept_lines(&*folder.ledger(), *source).await;

        assert_eq!(report.status, Status::Complete, "{report}");
        let tally = &report.tally;
        let ours = recorded.len() as u64 - tally.foreign;
        assert_eq!((tally.rejected, tally.kept), (0, ours), "{report}");
        assert_eq!((tally.read, tally.sent + tally.withheld), (tally.kept, tally.kept), "{report}");
        assert!(support::rejected(&*folder.ledger()).await.is_empty());
        let is_kept = |record: &&String| lines.iter().any(|line| holds(source, line, record));
        let whole = recorded.iter().filter(is_kept).count() as u64;
        assert_eq!(whole, ours, "{}: {}", source.name, lines[0]);
    }
    let received = microsoft.received();
    assert!(received.wrong_types.is_empty(), "{:?}", received.wrong_types);
}

#[tokio::test]
async fn every_fixture_arrives_byte_for_byte() {
    replays(Path::new("tests/fixtures")).await;
}

#[tokio::test]
async fn every_published_sample_arrives_byte_for_byte() {
    if !Path::new(SAMPLES).exists() {
        println!(
            "left out: replaying published samples, which lie beside the project where they are"
        );
        return;
    }
    replays(Path::new(SAMPLES)).await;
}
