//! A job and all that follows from it in one process, where no queue brings the messages.

use super::step;
use crate::app::App;
use crate::outbox::Here;
use crate::plan::{Job, Message};
use crate::report::{Report, Status};
use futures::{StreamExt, stream};
use std::time::Duration;

/// Files of one export that are read beside one another.
const FILES_AT_ONCE: usize = 2;
/// How often a set may begin anew because the service has made a newer snapshot meanwhile.
const MAX_ANEW: usize = 1;

/// Carries one job out, and what it posts: the files of an export, and what goes on later.
///
/// Says what became of the job; of an export what became of the set.
pub async fn run(app: &App, job: &Job) -> Report {
    let here = Here::default();
    let mut report = step(app, job, &here).await;
    let mut anew = 0;
    loop {
        let posted = here.take();
        if posted.is_empty() {
            return settled(report);
        }
        let were_files = posted.iter().any(|(message, _)| message.file.is_some());
        let steps = posted.into_iter().map(|posted| follow(app, job, posted, &here));
        let reports: Vec<_> = stream::iter(steps).buffer_unordered(FILES_AT_ONCE).collect().await;
        report = reports.into_iter().fold(report, told);
        // Only a file that is gone posts its set.
        anew += usize::from(were_files && here.any(|message| message.kind.is_none()));
        if anew > MAX_ANEW {
            let message = "the export's snapshot changes while it is read: the next attempt reads \
                           it anew";
            return Report { status: Status::Failed, message: message.to_owned(), ..report };
        }
    }
}

async fn follow(
    app: &App,
    job: &Job,
    (message, after): (Message, Duration),
    here: &Here,
) -> Followed {
    tokio::time::sleep(after).await;
    let findings = message.is(Message::FINDINGS);
    let Message { run, now, file, .. } = message;
    let report = step(app, &Job { run, now, file, findings, ..job.clone() }, here).await;
    Followed { report, findings }
}

/// What became of a message that was followed.
struct Followed {
    report: Report,
    findings: bool,
}

/// What is said of the whole: snapshots in open formats only where there is trouble with them.
fn told(one: Report, Followed { report, findings }: Followed) -> Report {
    match findings {
        true if report.wants_retry() => report,
        true => one,
        false => weightier(one, report),
    }
}

/// Of two reports the one that says more of the whole: how it ended, or what is in its way.
fn weightier(one: Report, other: Report) -> Report {
    let weight = |report: &Report| match report.status {
        Status::Unneeded => 0,
        Status::Postponed => 1,
        Status::Failed => 2,
        Status::Refused | Status::Unavailable => 3,
        Status::Complete | Status::Incomplete | Status::Unchanged => 4,
    };
    if weight(&other) >= weight(&one) { other } else { one }
}

/// What is still postponed when nothing is left to do here is in another process's hands.
fn settled(report: Report) -> Report {
    match report.status {
        Status::Postponed => {
            let message = "another attempt is at work on the rest".to_owned();
            Report { status: Status::Unneeded, message, ..report }
        }
        _ => report,
    }
}
