//! When findings are written, by whose settings, and what becomes of them over several runs.

use super::{Posted, app, events, job_of, json, uids, written};
use crate::support::{self, Folder, job, later};
use posture::findings::{Formats, Pointer};
use posture::ledger::path;
use posture::part::{Cursor, Lines};
use posture::plan::Message;
use posture::report::Status;
use posture::run::{run, step};
use posture::source::{ALERTS, AZURE_SECURE_SCORE_CONTROLS, DEVICES, SECURE_SCORES, Source};

async fn pointer(folder: &Folder, class: i64) -> Pointer {
    let path = path::latest_findings(&support::tenant(0).id, class);
    let (bytes, _) = folder.ledger().read(&path).await.unwrap().unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn a_tenant_without_formats_gets_no_job_and_no_file() {
    let microsoft = support::microsoft(5).await;
    let folder = Folder::new();
    let app = support::app(&microsoft, &[support::tenant(5)], folder.ledger());
    let posted = Posted::default();

    let report = step(&app, &job(&app, DEVICES), &posted).await;
    let message = Message::of(Message::FINDINGS, &report.run, &report.tenant);
    let asked = step(&app, &job_of(&app, DEVICES, &message), &posted).await;

    assert_eq!(report.status, Status::Complete);
    assert_eq!(asked.status, Status::Unneeded, "{asked}");
    assert!(posted.findings().is_empty() && written(&folder).await.is_empty());
}

#[tokio::test]
async fn a_message_of_that_kind_is_read_as_the_job_that_posted_it() {
    let microsoft = support::microsoft(2).await;
    let folder = Folder::new();
    let app = app(&microsoft, 2, folder.ledger());
    let posted = Posted::default();
    step(&app, &job(&app, DEVICES), &posted).await;
    let message = posted.findings().remove(0);
    let text = serde_json::to_string(&message).unwrap();

    let work = posture::host::work(&app, serde_json::from_str(&text).unwrap()).await;

    let Ok(posture::host::Work::Source(read)) = work else { panic!("{text} is no job") };
    assert!(read.findings && read.file.is_none() && !read.now, "{text}");
    assert_eq!((read.run, read.source.name), (message.run, DEVICES.name));
    assert_eq!(message.kind.as_deref(), Some("findings"));
}

#[tokio::test]
async fn a_class_that_isnt_asked_for_isnt_written() {
    let microsoft = support::microsoft(5).await;
    let folder = Folder::new();
    let mut app = support::app(&microsoft, &[support::tenant(5)], folder.ledger());
    let compliance = Formats::all().ocsf.into_iter().filter(|class| u32::from(*class) == 2003);
    let formats = Formats { ocsf: compliance.collect(), parquet: false };
    support::first_mut(&mut app).formats = formats;

    for source in [DEVICES, SECURE_SCORES] {
        assert_eq!(run(&app, &job(&app, source)).await.status, Status::Complete);
    }

    let written = written(&folder).await;
    assert!(!written.is_empty());
    assert!(written.iter().all(|(path, _)| path.contains("/2003/")), "{written:?}");
}

#[tokio::test]
async fn the_ids_of_findings_are_the_same_in_every_run() {
    let microsoft = support::microsoft(6).await;
    let folder = Folder::new();
    let app = app(&microsoft, 6, folder.ledger());
    let first = job(&app, AZURE_SECURE_SCORE_CONTROLS);
    let second = later(&app, AZURE_SECURE_SCORE_CONTROLS, 600);
    run(&app, &first).await;

    run(&app, &second).await;

    let of = async |run: &str| {
        let mut found = uids(&events(&*folder.ledger(), run).await);
        found.sort();
        found
    };
    let before = of(first.run.as_str()).await;
    assert!(before.len() > 1);
    assert_eq!(before, of(second.run.as_str()).await);
}

#[tokio::test]
async fn devices_keep_their_ids_and_the_pointer_names_the_newest_run() {
    let microsoft = support::microsoft(6).await;
    let folder = Folder::new();
    let app = app(&microsoft, 6, folder.ledger());
    let (first, second) = (job(&app, DEVICES), later(&app, DEVICES, 90));
    run(&app, &first).await;

    run(&app, &second).await;

    let of = async |run: &str| {
        let found = events(&*folder.ledger(), &format!("/5001/{run}")).await;
        let id = |event: &String| json(event)["device"]["uid"].as_str().unwrap().to_owned();
        found.iter().map(id).collect::<Vec<_>>()
    };
    let day = |run: &posture::plan::RunId| format!("{}/{run}", run.day_path());
    let (before, after) = (of(&day(&first.run)).await, of(&day(&second.run)).await);
    assert_eq!((before.len(), &before), (6, &after));
    let newest = &pointer(&folder, 5001).await.sources[DEVICES.name];
    assert_eq!((&newest.run, newest.files), (&second.run, 1));
    assert!(folder.path().join(&newest.manifest).exists());
}

#[tokio::test]
async fn a_second_delivery_does_nothing() {
    let microsoft = support::microsoft(5).await;
    let folder = Folder::new();
    let app = app(&microsoft, 5, folder.ledger());
    let posted = Posted::default();
    step(&app, &job(&app, DEVICES), &posted).await;
    let message = posted.findings().remove(0);
    let follows = job_of(&app, DEVICES, &message);

    let first = step(&app, &follows, &posted).await;
    let before = written(&folder).await;
    let second = step(&app, &follows, &posted).await;

    assert_eq!(
        (first.status, first.tally.kept),
        (Status::Complete, 5 * formats_of(DEVICES)),
        "{first}"
    );
    assert_eq!(second.status, Status::Unneeded, "{second}");
    assert_eq!(written(&folder).await, before);
}

fn formats_of(source: Source) -> u64 {
    Formats::all().of(&source).len() as u64
}

/// Of a whole snapshot the newer one takes the older one's place; of alerts each run has its own.
#[tokio::test]
async fn nothing_goes_back_to_an_older_run_and_no_run_of_alerts_is_lost() {
    let microsoft = support::microsoft(30).await;
    let folder = Folder::new();
    let app = app(&microsoft, 30, folder.ledger());
    for source in [DEVICES, ALERTS] {
        let posted = Posted::default();
        let (first, second) = (job(&app, source), later(&app, source, 90));
        step(&app, &first, &posted).await;
        step(&app, &second, &posted).await;
        let messages = posted.findings();
        assert_eq!(messages.len(), 2, "{}", source.name);

        let newer = step(&app, &job_of(&app, source, &messages[1]), &posted).await;
        let older = step(&app, &job_of(&app, source, &messages[0]), &posted).await;

        assert_eq!(newer.status, Status::Complete, "{newer}");
        let (class, expected) = match source.name {
            "graph.alerts" => (2004, Status::Complete),
            _ => (5001, Status::Unneeded),
        };
        assert_eq!(older.status, expected, "{older}");
        assert_eq!(pointer(&folder, class).await.sources[source.name].run, second.run);
        let of_older = format!("/{class}/{}/{}/", first.run.day_path(), first.run);
        assert_eq!(
            events(&*folder.ledger(), &of_older).await.is_empty(),
            source.name == DEVICES.name
        );
    }
}

#[tokio::test]
async fn a_line_that_cant_be_read_is_an_event_with_what_is_known() {
    let microsoft = support::microsoft(2).await;
    let folder = Folder::new();
    let app = app(&microsoft, 2, folder.ledger());
    let posted = Posted::default();
    let collected = job(&app, DEVICES);
    step(&app, &collected, &posted).await;
    let part = folder.path().join(path::part(&collected, &collected.run, 1));
    let (text, _) = posture::part::open(&std::fs::read(&part).unwrap()).unwrap();
    let mut lines = Lines::default();
    for line in text.lines().chain([r#"{"RunId": broken"#]) {
        lines.push(line.as_bytes(), false, false);
    }
    std::fs::remove_file(&part).unwrap();
    std::fs::write(&part, lines.pack(&Cursor::page(None), false).unwrap().0).unwrap();

    let report = step(&app, &job_of(&app, DEVICES, &posted.findings()[0]), &posted).await;

    assert_eq!(report.status, Status::Complete, "{report}");
    let events = events(&*folder.ledger(), "/5001/").await;
    let broken = json(&events[2]);
    assert_eq!(events.len(), 3);
    assert_eq!(broken["unmapped"]["record"], r#"{"RunId": broken"#);
    assert_eq!(broken["cloud"]["account"]["uid"], support::tenant(0).id);
    assert_eq!(broken["device"]["uid"].as_str().unwrap().len(), 32);
}
