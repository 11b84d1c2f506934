//! Carries out again, one after the other, what the host has given up.

use super::Failure;
use super::progress::{say, table};
use crate::app::App;
use crate::case::State;
use crate::host::{self, Work};
use crate::plan::{Job, Message};
use crate::poison::{Poison, Taken};
use crate::queue::QueueError;
use crate::report::Report;
use crate::run;
use crate::source::Source;
use std::collections::HashSet;
use std::process::ExitCode;
use std::time::Duration;

/// How much longer than a run a message is hidden: an export's files are read within it.
const MARGIN: Duration = Duration::from_secs(600);

/// What was come to, so far.
#[derive(Default)]
struct Tally {
    reports: Vec<Report>,
    /// Jobs that failed again.
    failed: usize,
    /// Messages that are no job of this deployment and release.
    strange: usize,
    /// Messages that go back into everybody's sight.
    left: Vec<Taken>,
}

/// Carries out what was given up of this tenant and these sources, or all. A message is removed only
/// where its job ended otherwise than failed; the exit code is 1 where one did.
pub async fn run(app: &App, tenant: Option<&str>, sources: &[String]) -> Result<ExitCode, Failure> {
    if let Some(name) = sources.iter().find(|name| Source::named(name).is_none()) {
        return Err(Failure::Other(format!("no source {name:?}: docs/sources.md has their names")));
    }
    let Some(queue) = &app.queue else {
        let next = "set POSTURE_STORAGE or POSTURE_QUEUE_URL as the function app has it";
        say(&format!("nothing to retry, since there is no queue beside this storage: {next}"));
        return Ok(ExitCode::SUCCESS);
    };
    let poison = &queue.poison;
    let mut tally = Tally::default();
    let wanted = |message: &Message| {
        let source = |name: &String| message.source.eq_ignore_ascii_case(name);
        tenant.is_none_or(|id| message.tenant.eq_ignore_ascii_case(id))
            && (sources.is_empty() || sources.iter().any(source))
    };
    let emptied = empty(app, poison, wanted, &mut tally).await;
    for taken in &tally.left {
        // A message that isn't left at once comes back by itself.
        let _ = poison.leave(taken).await;
    }
    if !tally.reports.is_empty() {
        say(&table(&tally.reports));
    }
    emptied.map_err(|error| unreachable(poison, &error))?;
    ended(poison, &tally)
}

/// Takes message after message until none is left that hasn't been seen.
async fn empty(
    app: &App,
    poison: &Poison,
    wanted: impl Fn(&Message) -> bool,
    tally: &mut Tally,
) -> Result<(), QueueError> {
    let hidden = app.limits.run + MARGIN;
    let mut seen = HashSet::new();
    while let Some(taken) = poison.take(hidden).await? {
        if !seen.insert(taken.id.clone()) {
            tally.left.push(taken);
            return Ok(());
        }
        let done = match &taken.content {
            Ok(message) if !wanted(message) => false,
            Ok(message) => carry_out(app, message.clone(), tally).await,
            Err(beginning) => {
                tally.strange += 1;
                say(&format!("no job, left where it is: {beginning:?}"));
                false
            }
        };
        if done { poison.remove(&taken).await? } else { tally.left.push(taken) }
    }
    Ok(())
}

/// Carries a message's job out; whether it is done with.
async fn carry_out(app: &App, message: Message, tally: &mut Tally) -> bool {
    let about = format!("{} {} of {}", message.run, message.source, message.tenant);
    let done = match host::work(app, message).await {
        Ok(Work::Source(job)) => all(app, &[*job], tally).await,
        Ok(Work::Plan(tenant, sources)) => match app.plan(&tenant, sources, app.now()).await {
            Ok(jobs) => all(app, &jobs, tally).await,
            Err(error) => failed(&about, &error.to_string()),
        },
        Ok(Work::Case(case)) => match case.open(app).await {
            Ok(open) => {
                all(&open.app, &open.jobs, tally).await;
                match open.close().await {
                    Ok(Some(manifest)) => {
                        manifest.sources.iter().all(|source| source.state != State::Failed)
                    }
                    Ok(None) => failed(&about, "another attempt is at work on the case"),
                    Err(error) => failed(&about, &error.to_string()),
                }
            }
            Err(error) => failed(&about, &error.to_string()),
        },
        Err(problem) if problem.status < 500 => {
            tally.strange += 1;
            say(&format!(
                "no job of this deployment, left where it is: {about}: {}",
                problem.detail
            ));
            return false;
        }
        Err(problem) => failed(&about, &problem.detail),
    };
    tally.failed += usize::from(!done);
    done
}

/// Carries jobs out one after the other; whether none failed.
async fn all(app: &App, jobs: &[Job], tally: &mut Tally) -> bool {
    let mut well = true;
    for job in jobs {
        let report = run::run(app, job).await;
        say(&format!("{:>4} {report}", tally.reports.len() + 1));
        well &= !report.wants_retry();
        tally.reports.push(report);
    }
    well
}

fn failed(about: &str, why: &str) -> bool {
    say(&format!("{about}: {why}"));
    false
}

fn ended(poison: &Poison, tally: &Tally) -> Result<ExitCode, Failure> {
    let Tally { failed, strange, left, .. } = tally;
    let name = &poison.name;
    match (failed, strange, left.len()) {
        (0, 0, 0) if tally.reports.is_empty() => say("nothing was given up"),
        (0, 0, 0) => say(&format!("{name} is empty")),
        (0, 0, others) => say(&format!("{others} others stay in {name}")),
        (0, strange, _) => say(&format!(
            "{strange} messages that are no job here stay in {name}: look at them and remove them \
             with storage's own tools"
        )),
        (failed, ..) => {
            return Err(Failure::Other(format!(
                "{failed} jobs failed again and stay in {name}: mend what their lines say, then \
                 retry"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn unreachable(poison: &Poison, error: &QueueError) -> Failure {
    let next = match error {
        QueueError::Denied(_) => {
            "grant Storage Queue Data Contributor on the account to whoever runs this"
        }
        QueueError::Failed(_) => "check POSTURE_QUEUE_URL, the identity and the network",
    };
    Failure::Other(format!("the queue {} can't be emptied, {error}: {next}", poison.name))
}
