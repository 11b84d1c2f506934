//! Functions over the workspace's tables, saved there by the deployment: one per table with its newest
//! state, written from the catalogue, and a few by hand. Pure.

use crate::source::{ALL, AUDIT, ESTIMATED_SCORES, Own, RUNS, Reads, Sends, Source, Table};
use std::fmt::Write;

/// A saved function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// What a query calls it by.
    pub name: String,
    /// Its parameters as the workspace declares them: `device:string`; empty for none.
    pub parameters: &'static str,
    /// Its body.
    pub query: String,
    /// Whether it is written from the catalogue.
    pub written: bool,
}

/// The functions that are written by hand: name, parameters, body.
const BY_HAND: &[(&str, &str, &str)] = &[
    ("PostureSecureScoreTrend", "", include_str!("../infra/kql/PostureSecureScoreTrend.kql")),
    ("PostureTopActions", "", include_str!("../infra/kql/PostureTopActions.kql")),
    ("PostureVulnerabilityRisk", "", include_str!("../infra/kql/PostureVulnerabilityRisk.kql")),
    ("PostureDeviceCard", "device:string", include_str!("../infra/kql/PostureDeviceCard.kql")),
    ("PostureCollectionHealth", "", include_str!("../infra/kql/PostureCollectionHealth.kql")),
    ("PostureScoreHistory", "", include_str!("../infra/kql/PostureScoreHistory.kql")),
];

/// Every function, those that others call first.
pub fn functions() -> Vec<Function> {
    let written = |name: String, query| Function { name, parameters: "", query, written: true };
    let mut functions = vec![
        written("PostureSources".to_owned(), sources()),
        written(name_of(&RUNS).to_owned(), runs()),
        written(name_of(&AUDIT).to_owned(), audit()),
    ];
    let own = ALL.iter().filter(|source| source.identity() == source.name);
    functions.extend(own.map(|source| {
        let name = name_of(&source.table).to_owned();
        let changes =
            ALL.iter().find(|other| other.name != source.name && other.identity() == source.name);
        let query = match changes {
            Some(changes) => newest_state_with_changes(source, changes),
            None => newest_state(source),
        };
        written(name, query)
    }));
    functions.push(written(name_of(&ESTIMATED_SCORES).to_owned(), estimated_scores()));
    functions.extend(BY_HAND.iter().map(|&(name, parameters, query)| {
        let query = query.to_owned();
        Function { name: name.to_owned(), parameters, query, written: false }
    }));
    functions
}

/// The function that gives a table's newest state: its name without `_CL`.
pub fn name_of(table: &Table) -> &'static str {
    table.name.trim_end_matches("_CL")
}

/// The catalogue as rows.
fn sources() -> String {
    let mut query = String::from(
        "// PostureSources: what can be collected, how often by default, and into which table.\n//\n\
         // Written by `posture describe` from the catalogue.\n\
         datatable(Source: string, About: string, EveryHours: real, TableName: string)\n[\n",
    );
    for source in ALL {
        let hours = source.every.as_secs_f64() / 3600.0;
        let (name, about, table) = (source.name, source.about, source.table.name);
        // Writing to a string never fails.
        let _ = writeln!(query, "    '{name}', \"{about}\", {hours:.2}, '{table}',");
    }
    query.push_str("]\n");
    query
}

fn runs() -> String {
    format!(
        "// PostureRuns: what each job of each run did, its newest report alone.\n//\n\
         // Written by `posture describe`. A run that took several attempts has reported several times, and a\n\
         // report whose answer was lost is there twice.\n\
         PostureRuns_CL\n\
         | summarize arg_max(Ended, *) by AadTenantId, Source, RunId\n{}",
        project(&RUNS)
    )
}

fn estimated_scores() -> String {
    format!(
        "// PostureEstimatedScores: planned, achievable and current-licence score of each day, each day once.\n//\n\
         // Written by `posture describe`. The figures are this program's estimate, not Microsoft's: `Formula` says\n\
         // how they are made. A row whose answer was lost is there twice, and a day that was estimated again has\n\
         // the same `RecordId`.\n\
         PostureEstimatedScores_CL\n\
         | summarize arg_max(CollectedTime, *) by AadTenantId, RecordId\n{}",
        project(&ESTIMATED_SCORES)
    )
}

fn audit() -> String {
    format!(
        "// PostureAudit: every attempt at a response action, as it stands now.\n//\n\
         // Written by `posture describe`. An attempt has a row whenever something changes about it, and a row\n\
         // whose answer was lost is there twice.\n\
         PostureAudit_CL\n\
         | summarize arg_max(Updated, *) by AadTenantId, RecordId\n{}",
        project(&AUDIT)
    )
}

/// The newest state of a source's table, each record once.
fn newest_state(source: &Source) -> String {
    let Source { name: source_name, about, table, .. } = source;
    let (name, table_name) = (name_of(table), table.name);
    let (why, runs) = match source.reads {
        Reads::Whole => (of_newest_run(source), newest_run(source)),
        Reads::Since(_) | Reads::Updated { .. } | Reads::Modified | Reads::Changes { .. } => {
            (ALL_RUNS.to_owned(), COMPLETE_RUNS.to_owned())
        }
    };
    let order = by_update(source);
    let newest = if order.is_empty() { "CollectedTime" } else { "Newest" };
    format!(
        "// {name}: {about}; the newest state, each record once.\n//\n\
         // Written by `posture describe` from the catalogue.\n{why}\n\
         let runs = PostureRuns_CL\n    \
         | where Source == '{source_name}' and Status == 'complete'\n{runs};\n\
         {table_name}\n\
         | where Source == '{source_name}'\n\
         | lookup kind=inner runs on AadTenantId, RunId\n\
         {order}\
         | summarize arg_max({newest}, *) by AadTenantId, RecordId\n{}",
        project(table)
    )
}

/// The newest state of a full source with the changes since applied.
///
/// A change applies where its event is later than the full's snapshot, the newest of a record wins; a
/// device that changes its group is `Fixed` and `New` in one instant, and stays.
fn newest_state_with_changes(source: &Source, changes: &Source) -> String {
    let Source { name: full, about, table, .. } = source;
    let (name, table_name, changes) = (name_of(table), table.name, changes.name);
    let why = of_newest_run(source);
    format!(
        "// {name}: {about}, with the changes since; the newest state, each record once.\n//\n\
         // Written by `posture describe` from the catalogue.\n{why}\n\
         // A change applies where its event is later than the snapshot that the full run read (than the run's\n\
         // beginning, where it read pages, which don't say); of several\n\
         // the newest wins. A device that changes its group is fixed and new in one instant: it stays.\n\
         let full = PostureRuns_CL\n    \
         | where Source == '{full}' and Status == 'complete'\n    \
         | where Sent > 0 or (Pages > 0 and Rejected == 0)\n    \
         | summarize arg_max(Began, RunId, Generated) by AadTenantId\n    \
         | project AadTenantId, RunId, Generated = coalesce(Generated, Began);\n\
         let snapshots = full\n    \
         | project AadTenantId, Generated;\n\
         let later = PostureRuns_CL\n    \
         | where Source == '{changes}' and Status == 'complete'\n    \
         | distinct AadTenantId, RunId;\n\
         let rows = {table_name}\n    \
         | where Source == '{full}'\n    \
         | lookup kind=inner full on AadTenantId, RunId\n    \
         | extend Event = Generated;\n\
         let events = {table_name}\n    \
         | where Source == '{changes}'\n    \
         | lookup kind=inner later on AadTenantId, RunId\n    \
         | lookup kind=inner snapshots on AadTenantId\n    \
         | extend Event = todatetime(eventTimestamp)\n    \
         | where Event > Generated;\n\
         union rows, events\n\
         | extend Newest = iff(status == 'Fixed', Event, Event + 1ms)\n\
         | summarize arg_max(Newest, *) by AadTenantId, RecordId\n\
         | where Event == Generated or status != 'Fixed'\n{}",
        project(table)
    )
}

const ALL_RUNS: &str = "// A run brings what is new: the rows of all complete runs count, of a record the newest one.\n\
                        // A run that was abandoned or is under way doesn't show.";

fn of_newest_run(source: &Source) -> String {
    let sent = match source.sends {
        Sends::Positive(field) => format!(
            "// Records whose `{field}` is 0 aren't sent: where all are such, the table's state is empty."
        ),
        Sends::Present(field) => {
            format!("// Records without `{field}` aren't sent: where all are such, the table's state is empty.")
        }
        Sends::Fails(field, applies) => format!(
            "// Records whose `{field}` is true or whose `{applies}` is false aren't sent: where all are such, the\n\
             // table's state is empty."
        ),
        Sends::Exposed(_) => "// Vulnerabilities without exposed machines aren't sent: where all are such, the table's state is\n\
                              // empty."
            .to_owned(),
        Sends::FirstOfDay => "// A day's first complete run (UTC) alone sends its rows; one that found nothing at all \
                              empties the\n// table's state."
            .to_owned(),
        Sends::All | Sends::Nothing => {
            "// A run that found nothing at all empties the table's state.".to_owned()
        }
    };
    format!(
        "// A run brings all: of each tenant, the rows of the newest complete run that sent them. A run that\n\
         // was abandoned or is under way doesn't show.\n{sent}"
    )
}

/// Of each tenant, the newest complete run whose rows are the state.
///
/// A run sends nothing where nothing was found, where no record was to be sent, where the deployment or
/// the day withholds all, or where it read no page because nothing is newer: in the last two cases the
/// state is that of an earlier run.
fn newest_run(source: &Source) -> String {
    let is_state = match source.sends {
        Sends::Positive(_) | Sends::Present(_) | Sends::Fails(..) | Sends::Exposed(_) => {
            "Sent > 0 or (Pages > 0 and Rejected == 0)"
        }
        Sends::All | Sends::Nothing | Sends::FirstOfDay => {
            "Sent > 0 or (Pages > 0 and Kept == 0 and Rejected == 0)"
        }
    };
    format!(
        "    | where {is_state}\n    \
         | summarize arg_max(Began, RunId) by AadTenantId\n    \
         | project AadTenantId, RunId"
    )
}

const COMPLETE_RUNS: &str = "    | distinct AadTenantId, RunId";

/// A record that changes while it is read comes twice in one run: its update tells which is newer.
fn by_update(source: &Source) -> String {
    let stamps = source.reads.stamps();
    let stamp = source.table.columns.iter().find(|column| stamps.contains(&column.field));
    match (source.reads, stamp) {
        (Reads::Updated { .. }, Some(stamp)) => {
            format!("| extend Newest = coalesce({}, CollectedTime)\n", stamp.name)
        }
        _ => String::new(),
    }
}

/// The table's own columns in their order, without those that the workspace adds.
fn project(table: &Table) -> String {
    // These would be taken for words of the language.
    const WORDS: &[&str] = &["count", "on", "time"];
    let own = Own::compiled().columns(table);
    let columns = table.all_columns().chain(own).map(|column| match WORDS.contains(&column.name) {
        true => format!("['{}']", column.name),
        false => column.name.to_owned(),
    });
    let mut text = String::from("| project");
    let mut width = text.len();
    for (index, column) in columns.enumerate() {
        let comma = if index == 0 { "" } else { "," };
        text.push_str(comma);
        if width + column.len() > 96 {
            text.push_str("\n   ");
            width = 4;
        }
        width += column.len() + 2;
        text.push(' ');
        text.push_str(&column);
    }
    text.push('\n');
    text
}
