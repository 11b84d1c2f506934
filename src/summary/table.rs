//! A summary in a dozen lines for a terminal.

use super::{
    AzureScore, Changes, CloudApps, Compliance, DeviceConfigurations, DeviceSoftware,
    DeviceVulnerabilities, Devices, EstimatedScores, Freshness, ImprovementAction, Open, Ranked,
    Recommendations, Score, SecureScore,
};
use super::{Summary, Vulnerabilities, rounded};
use crate::digest::{OpenSeverities, Severities, Tally};

/// What stands for a part that has no snapshot.
const NOT_COLLECTED: &str = "not collected";

/// Standards that a line names.
const MOST_STANDARDS: usize = 5;

/// Levels of risk and exposure, worst first; others follow.
const LEVELS: [&str; 5] = ["High", "Medium", "Low", "Informational", "None"];

/// Vulnerabilities of the risk order that a line names.
const MOST_BY_RISK: usize = 3;

/// A summary as labels and values, always the same labels but for the missing sources, one line each.
pub fn lines(summary: &Summary) -> Vec<(String, String)> {
    let mut lines = vec![
        ("Tenant", format!("{} ({})", summary.tenant.name, summary.tenant.id)),
        ("Secure Score", or_none(&summary.secure_score, secure_score)),
        ("Compared with", or_none(&summary.secure_score, comparison)),
        ("By category", or_none(&summary.secure_score, categories)),
        ("Estimated scores", or_none(&summary.estimated_scores, estimated_scores)),
        ("Improvement actions", improvement_actions(&summary.improvement_actions)),
        ("Exposure score", or_none(&summary.exposure_score, score)),
        ("Device Secure Score", or_none(&summary.device_secure_score, score)),
        ("Azure secure score", or_none(&summary.azure_score, azure_score)),
        ("Compliance", or_none(&summary.compliance, compliance)),
        ("Vulnerabilities", or_none(&summary.vulnerabilities, vulnerabilities)),
        ("With public exploit", or_none(&summary.vulnerabilities, with_public_exploit)),
        ("First by risk", or_none(&summary.vulnerabilities, first_by_risk)),
        ("On devices", or_none(&summary.device_vulnerabilities, device_vulnerabilities)),
        ("Settings", or_none(&summary.device_configurations, device_configurations)),
        ("Software", or_none(&summary.device_software, device_software)),
        (
            "Devices by risk",
            or_none(&summary.devices, |devices| by_level(devices, &devices.by_risk)),
        ),
        (
            "Devices by exposure",
            or_none(&summary.devices, |devices| by_level(devices, &devices.by_exposure_level)),
        ),
        ("Recommendations", or_none(&summary.recommendations, recommendations)),
        ("Open alerts", or_none(&summary.alerts, open)),
        ("Open incidents", or_none(&summary.incidents, open)),
        ("Shadow IT", or_none(&summary.cloud_apps, cloud_apps)),
        ("Collected", collected(summary)),
    ];
    let missing = summary.missing.iter();
    lines.extend(
        missing.map(|missing| ("Missing", format!("{}: {}", missing.source, missing.reason))),
    );
    lines.into_iter().map(|(label, value)| (label.to_owned(), value)).collect()
}

fn improvement_actions(actions: &[ImprovementAction]) -> String {
    let Some(first) = actions.first() else {
        return "none".to_owned();
    };
    let points: f64 = actions.iter().map(|action| action.points).sum();
    let title = first.title.as_deref().unwrap_or(&first.control_id);
    let count = actions.len();
    format!("top {count} worth {} points; first: {title} (+{})", rounded(points), first.points)
}

fn or_none<T>(part: &Option<T>, line: impl Fn(&T) -> String) -> String {
    part.as_ref().map_or_else(|| NOT_COLLECTED.to_owned(), line)
}

fn secure_score(score: &SecureScore) -> String {
    let of = score.maximum.map(|maximum| format!(" of {}", rounded(maximum))).unwrap_or_default();
    let share = score.percent.map(|percent| format!(" ({percent} %)")).unwrap_or_default();
    let change = latest_change(&score.change);
    format!("{}{of} points{share}{change}{}", rounded(score.current), aged(score.freshness))
}

fn score(score: &Score) -> String {
    let unit = if score.unit == "points" { " points" } else { " of 100" };
    let change = latest_change(&score.change);
    let (value, direction) = (rounded(score.value), score.direction);
    format!("{value}{unit}{change} ({direction}){}", aged(score.freshness))
}

fn azure_score(score: &AzureScore) -> String {
    let percent = score.combined_percent;
    let percent =
        percent.map_or_else(|| "without a weight".to_owned(), |share| format!("{share} %"));
    let (count, direction) = (score.subscriptions, score.direction);
    format!("{percent} over {count} subscriptions ({direction}){}", aged(score.freshness))
}

fn estimated_scores(scores: &EstimatedScores) -> String {
    let estimate = &scores.estimate;
    let (planned, achievable, licence) = (estimate.planned, estimate.achievable, estimate.licence);
    format!("{planned} planned, {achievable} achievable, {licence} with the current licences")
}

fn compliance(found: &Compliance) -> String {
    let standards = found.standards.iter().map(|standard| {
        let (name, state) = (&standard.standard, standard.state.name().to_lowercase());
        let (passed, failed) = (standard.controls.passed, standard.controls.failed);
        format!("{name} {state} ({passed} passed, {failed} failed)")
    });
    format!("{}{}", listed(standards.take(MOST_STANDARDS)), aged(found.freshness))
}

/// The change over 7 days, or else over the nearest number of days that is known.
fn latest_change(changes: &Changes) -> String {
    let known =
        [(7, &changes.days7), (1, &changes.days1), (30, &changes.days30), (90, &changes.days90)];
    let found = known.into_iter().find_map(|(days, change)| Some((days, change.as_ref()?)));
    match found {
        Some((1, change)) => format!(", {:+} in 1 day", change.points),
        Some((days, change)) => format!(", {:+} in {days} days", change.points),
        None => String::new(),
    }
}

fn comparison(score: &SecureScore) -> String {
    let averages = score.comparison.iter();
    listed(averages.map(|other| format!("{} {} %", other.basis, rounded(other.average_percent))))
}

fn categories(score: &SecureScore) -> String {
    listed(score.categories.iter().filter_map(|category| {
        let percent = category.percent?;
        Some(format!("{} {percent} %", category.category))
    }))
}

fn vulnerabilities(counts: &Vulnerabilities) -> String {
    let (exposed, aged) = (counts.exposed, aged(counts.freshness));
    format!("{exposed} with exposed machines: {}{aged}", severities(&counts.exposed_by_severity))
}

fn with_public_exploit(counts: &Vulnerabilities) -> String {
    let exploited = &counts.with_public_exploit;
    format!("{} of them: {}", exploited.total(), severities(exploited))
}

/// The first of the risk order, with what they score of 100 and how many machines are exposed.
fn first_by_risk(counts: &Vulnerabilities) -> String {
    let first = counts.risk_order.iter().take(MOST_BY_RISK);
    let named = |one: &Ranked| {
        format!("{} ({} of 100, {} machines)", one.id, one.risk.score, one.exposed_machines)
    };
    listed(first.map(named))
}

fn device_vulnerabilities(counts: &DeviceVulnerabilities) -> String {
    let DeviceVulnerabilities { total, full_generated, freshness, .. } = counts;
    let changes = match counts.changes_through {
        Some(through) => format!(", changes through {through:.0}"),
        None => String::new(),
    };
    let about = if counts.exact { "" } else { "about " };
    let severities = severities(&counts.by_severity);
    let aged = aged(*freshness);
    format!("{about}{total} rows: {severities}; full of {full_generated:.0}{changes}{aged}")
}

fn device_configurations(counts: &DeviceConfigurations) -> String {
    let DeviceConfigurations { applicable, failing, freshness, .. } = counts;
    let first = counts.top.first().map(|first| {
        let name = first.name.as_deref().unwrap_or(&first.id);
        format!("; first: {name} ({} devices)", first.failing_devices)
    });
    let (first, aged) = (first.unwrap_or_default(), aged(*freshness));
    format!("{failing} of {applicable} rows fail{first}{aged}")
}

fn device_software(counts: &DeviceSoftware) -> String {
    let DeviceSoftware { total, with_weaknesses, by_end_of_support, freshness } = counts;
    let ended = by_end_of_support.of("EOS Version") + by_end_of_support.of("EOS Software");
    let aged = aged(*freshness);
    format!(
        "{total} rows, {with_weaknesses} with weaknesses, {ended} past their end of support{aged}"
    )
}

fn severities(counts: &Severities) -> String {
    let Severities { critical, high, medium, low, other } = counts;
    format!("{critical} critical, {high} high, {medium} medium, {low} low, {other} other")
}

fn by_level(devices: &Devices, tally: &Tally) -> String {
    let known = LEVELS.iter().filter_map(|level| Some((*level, *tally.0.get(*level)?)));
    let others = tally.0.iter().filter(|(level, _)| !LEVELS.contains(&level.as_str()));
    let levels = known.chain(others.map(|(level, count)| (level.as_str(), *count)));
    let levels = listed(levels.map(|(level, count)| format!("{count} {}", level.to_lowercase())));
    format!("{} devices: {levels}{}", devices.total, aged(devices.freshness))
}

fn recommendations(counts: &Recommendations) -> String {
    let first = counts.top.first().map(|rated| {
        let first = &rated.recommendation;
        let name = first.name.as_deref().unwrap_or(&first.id);
        let impact = rounded(first.exposure_impact.unwrap_or(0.0));
        let exploited = rated.known_exploited.filter(|count| *count > 0);
        let exploited = exploited.map(|count| format!(", ends {count} known exploited"));
        format!("; first: {name} ({impact} exposure points{})", exploited.unwrap_or_default())
    });
    let first = first.unwrap_or_default();
    format!("{} active{first}{}", counts.active, aged(counts.freshness))
}

fn open(counts: &Open) -> String {
    let OpenSeverities { high, medium, low, informational, other } = counts.by_severity;
    let Open { open, new_in_1_day, freshness, .. } = counts;
    let (about, aged) = (if counts.exact { "" } else { "more than " }, aged(*freshness));
    format!(
        "{about}{open}: {high} high, {medium} medium, {low} low, {informational} informational, \
         {other} other; {new_in_1_day} of them of the last day{aged}"
    )
}

fn cloud_apps(found: &CloudApps) -> String {
    let (apps, risks, aged) = (found.apps, &found.by_risk, aged(found.freshness));
    let first = found.top_risky.first().map(|first| {
        let name = first.name.as_deref().unwrap_or(&first.id);
        format!("; most traffic at risk: {name}")
    });
    let first = first.unwrap_or_default();
    format!(
        "{apps} apps: {} high risk, {} medium, {} low{first}{aged}",
        risks.high, risks.medium, risks.low
    )
}

fn collected(summary: &Summary) -> String {
    let oldest = summary.sources.iter().map(|source| source.freshness.collected).min();
    let stale = summary.sources.iter().filter(|source| source.freshness.stale).count();
    let (sources, missing) = (summary.sources.len(), summary.missing.len());
    match oldest {
        Some(oldest) => {
            format!(
                "{sources} sources, the oldest at {oldest:.0}; {stale} stale, {missing} missing"
            )
        }
        None => format!("nothing yet; {missing} missing"),
    }
}

fn aged(freshness: Freshness) -> String {
    if freshness.stale { format!(", stale: of {:.0}", freshness.collected) } else { String::new() }
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<String> = parts.collect();
    if parts.is_empty() { "unknown".to_owned() } else { parts.join(", ") }
}
