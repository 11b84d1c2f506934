//! Runs jobs beside one another and shows how far they are: a bar on a terminal, lines elsewhere.

use crate::app::App;
use crate::plan::Job;
use crate::report::{Report, Status};
use crate::run;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use futures::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use std::collections::HashMap;
use std::io::{IsTerminal, Write, stdout};

/// Jobs that are shown one by one at the end; nobody reads a longer table, and it takes memory.
const MAX_ROWS: usize = 500;

/// Carries jobs out and says what became of each; one that fails costs the others nothing.
pub async fn run_all(app: &App, jobs: Vec<Job>) -> Vec<Report> {
    let bar = bar(jobs.len());
    let reports = stream::iter(&jobs).map(|job| run::run(app, job)).buffer_unordered(app.parallel);
    // What is shown line by line needn't be held for every job of a thousand tenants.
    let shown = reports.map(|mut report| {
        bar.inc(1);
        let line = format!("{:>4}/{} {report}", bar.position(), jobs.len());
        if stdout().is_terminal() {
            bar.println(line)
        } else {
            say(&line)
        }
        (report.tally.undeclared, report.tally.cut) = Default::default();
        report
    });
    let mut reports: Vec<Report> = shown.collect().await;
    bar.finish_and_clear();
    let places = jobs.iter().enumerate();
    let places: HashMap<_, _> =
        places.map(|(place, job)| ((job.tenant.as_str(), job.source.name), place)).collect();
    let place = |report: &Report| places.get(&(report.tenant.as_str(), report.source)).copied();
    reports.sort_by_cached_key(place);
    reports
}

fn bar(jobs: usize) -> ProgressBar {
    if !stdout().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} jobs, {elapsed}");
    let bar = ProgressBar::new(jobs as u64);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Prints a line; a reader that has gone away is no failure.
pub fn say(line: &str) {
    let _ = writeln!(stdout(), "{line}");
}

/// What became of each job, as a table; of very many jobs, those that didn't end well.
pub fn table(reports: &[Report]) -> String {
    let is_short = reports.len() <= MAX_ROWS;
    let rows = reports.iter().filter(|report| is_short || !went_well(report)).take(MAX_ROWS);
    let shown = rows_table(rows);
    match (is_short, reports.iter().filter(|report| went_well(report)).count()) {
        (true, _) => shown,
        (false, well) if well == reports.len() => format!("{well} jobs, all of them well"),
        (false, well) => format!("{shown}\n{} jobs, {well} of them well", reports.len()),
    }
}

/// Whether a job is complete, or had nothing to do.
pub fn went_well(report: &Report) -> bool {
    !matches!(report.status, Status::Incomplete | Status::Refused | Status::Failed)
}

fn rows_table<'a>(reports: impl Iterator<Item = &'a Report>) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_header([
        "tenant",
        "source",
        "status",
        "read",
        "kept",
        "parts",
        "sent",
        "withheld",
        "rejected",
        "requests",
        "waited ms",
        "took ms",
    ]);
    for Report { tenant_name, source, status, tally, .. } in reports {
        let status = status.name().to_owned();
        let numbers = [
            tally.read,
            tally.kept,
            tally.parts,
            tally.sent,
            tally.withheld,
            tally.rejected,
            tally.requests,
            tally.waited_ms,
            tally.took_ms,
        ];
        let texts = [tenant_name.clone(), (*source).to_owned(), status];
        table.add_row(texts.into_iter().chain(numbers.map(|number| number.to_string())));
    }
    table.to_string()
}
