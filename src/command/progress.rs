//! Runs jobs beside one another and shows how far they are: a bar on a terminal, lines elsewhere.

use crate::app::App;
use crate::plan::Job;
use crate::report::Report;
use crate::run;
use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
use futures::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{IsTerminal, Write, stdout};

/// Carries jobs out and says what became of each; one that fails costs the others nothing.
pub async fn run_all(app: &App, jobs: Vec<Job>) -> Vec<Report> {
    let bar = bar(jobs.len());
    let reports = stream::iter(&jobs).map(|job| run::run(app, job)).buffer_unordered(app.parallel);
    let shown = reports.inspect(|report| {
        bar.inc(1);
        let line = format!("{:>4}/{} {report}", bar.position(), jobs.len());
        if stdout().is_terminal() { bar.println(line) } else { say(&line) }
    });
    let mut reports: Vec<Report> = shown.collect().await;
    bar.finish_and_clear();
    let place = |report: &Report| {
        jobs.iter().position(|job| job.tenant == report.tenant && job.source.name == report.source)
    };
    reports.sort_by_key(place);
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

/// What became of each job, as a table.
pub fn table(reports: &[Report]) -> String {
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
