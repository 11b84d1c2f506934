//! The tenant's vulnerabilities, ranked by risk.

use super::{Answer, Call, Column, Page, Parameter, Route, shape};
use crate::host::Problem;
use crate::source::VULNERABILITIES;
use crate::summary::{self, ExposedVulnerability};
use futures::FutureExt;

const QUERY: &[Parameter] = &[
    Parameter {
        name: "severity",
        about: "Severities in Defender's word, separated by commas: Critical, High, Medium, Low",
    },
    Parameter {
        name: "knownExploited",
        about: "true: those that CISA lists as exploited; false: those that it doesn't list",
    },
    Parameter {
        name: "minimumMachines",
        about: "The fewest machines that are exposed, such as 10",
    },
    Parameter { name: "minimumRisk", about: "The lowest risk, from 0 to 100, such as 12.5" },
];

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    query: QUERY,
    ..Route::list(
        "vulnerabilities",
        "Vulnerabilities with exposed machines, the highest risk first, with what CISA, EPSS and NVD say; \
         20,000 are kept",
        shape::<Page<ExposedVulnerability>>,
        |call| vulnerabilities(call).boxed(),
    )
}];

const COLUMNS: &[Column] = &[
    Column("Vulnerability", "id"),
    Column("Risk", "risk.score"),
    Column("Exposed machines", "exposedMachines"),
    Column("Severity", "severity"),
    Column("Known exploited", "knownExploited"),
    Column("Due", "dueDate"),
    Column("EPSS", "probability.score"),
    Column("Exploit", "exploit"),
    Column("CVSS", "cvss"),
    Column("Ransomware", "ransomware"),
    Column("EPSS percentile", "probability.percentile"),
    Column("EPSS model", "probability.model"),
    Column("EPSS date", "probability.date"),
    Column("Formula", "risk.formula"),
];

async fn vulnerabilities(call: &Call<'_>) -> Result<Answer, Problem> {
    let severity = call.query.one_of("severity");
    let exploited = call.query.parsed("knownExploited", "true or false", |text| {
        text.to_ascii_lowercase().parse::<bool>().ok()
    })?;
    let count = |text: &str| text.parse::<u64>().ok();
    let machines = call.query.parsed("minimumMachines", "a whole number from 0 on", count)?;
    let score = |text: &str| text.parse().ok().filter(|score: &f64| (0.0..=100.0).contains(score));
    let risk = call.query.parsed("minimumRisk", "a number from 0 to 100", score)?;
    let mut listed = call.of_snapshots(VULNERABILITIES, summary::vulnerability_list).await?;
    listed.items.retain(|one| {
        severity.admits(one.severity.as_deref())
            && exploited.is_none_or(|asked| one.known_exploited == Some(asked))
            && one.exposed_machines >= machines.unwrap_or(0)
            && one.risk.score >= risk.unwrap_or(0.0)
    });
    let heading = format!("Vulnerabilities of {}", call.tenant().name);
    Page::listed(call, (heading, COLUMNS), listed)?.answer(call)
}
