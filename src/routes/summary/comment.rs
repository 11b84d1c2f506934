//! A summary as an incident comment: what matters in lines, then tables.

use crate::routes::{Block, Cell, Comment};
use crate::summary::{
    Compliance, ImprovementAction, RatedRecommendation, Recommendations, SecureScore, Summary,
    Vulnerabilities, lines,
};

/// Lines that say what the tables or the title say.
const ELSEWHERE: [&str; 3] = ["Tenant", "By category", "Missing"];

/// The summary, the most important first.
pub(super) fn comment(summary: &Summary) -> Comment {
    let made = format!("As of {:.0}; open the portal", summary.generated);
    let facts = lines(summary).into_iter().filter(|(label, _)| !ELSEWHERE.contains(&&**label));
    let facts = facts.map(|(label, value)| (label, Cell::new(value))).collect();
    let mut blocks = vec![
        Block::Text(Cell::link(made, &*summary.tenant.portal_url)),
        Block::Facts(facts),
        absences(summary),
        actions(&summary.improvement_actions),
    ];
    blocks.extend(summary.secure_score.as_ref().map(|score| categories(score, summary)));
    blocks.extend(summary.vulnerabilities.as_ref().map(vulnerabilities));
    blocks.extend(summary.recommendations.as_ref().map(recommendations));
    blocks.extend(summary.compliance.as_ref().map(compliance));
    blocks.extend([settings(summary), apps(summary)]);
    blocks.retain(|block| !matches!(block, Block::Table { rows, .. } if rows.is_empty()));
    Comment { title: format!("Security posture of {}", summary.tenant.name), blocks }
}

fn table(heading: &str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Block {
    let columns = columns.iter().map(|&name| name.to_owned()).collect();
    Block::Table { heading: heading.to_owned(), columns, rows }
}

fn text(value: Option<&str>) -> Cell {
    Cell::new(value.unwrap_or("unknown"))
}

fn figure(value: Option<f64>) -> Cell {
    let rounded = |value: f64| ((value * 10_000.0).round() / 10_000.0).to_string();
    Cell::new(value.map_or_else(|| "–".to_owned(), rounded))
}

/// A text that leads where it may lead, or else the text alone.
fn linked(words: &str, url: Option<&str>) -> Cell {
    match url {
        Some(url) => Cell::link(words, url),
        None => Cell::new(words),
    }
}

/// What the figures lack, and what of them is old.
fn absences(summary: &Summary) -> Block {
    let missing = summary.missing.iter().map(|missing| {
        vec![missing.source.as_str().into(), "missing".into(), missing.reason.as_str().into()]
    });
    let stale = summary.sources.iter().filter(|source| source.freshness.stale).map(|source| {
        let collected = format!("stale, of {:.0}", source.freshness.collected);
        let reason = source.reason.as_deref().unwrap_or("late");
        vec![source.source.as_str().into(), collected.into(), reason.into()]
    });
    table("Missing and stale data", &["Source", "State", "Why"], missing.chain(stale).collect())
}

fn actions(actions: &[ImprovementAction]) -> Block {
    let row = |action: &ImprovementAction| {
        let title = action.title.as_deref().unwrap_or(&action.control_id);
        vec![
            linked(title, action.url.as_deref()),
            format!("+{}", action.points).into(),
            text(action.category.as_deref()),
            text(action.cost.as_deref()),
            text(action.user_impact.as_deref()),
            action.state.as_str().into(),
        ]
    };
    let columns = ["Action", "Points", "Category", "Cost", "User impact", "State"];
    table("What raises the Secure Score most", &columns, actions.iter().map(row).collect())
}

/// Points by category, with our estimate beside Microsoft's figures.
fn categories(score: &SecureScore, summary: &Summary) -> Block {
    let estimated = summary.estimated_scores.as_ref();
    let rows = score.categories.iter().filter(|category| category.current.is_some());
    let row = |category: &crate::summary::Category| {
        let own = estimated.and_then(|estimated| {
            let mut all = estimated.estimate.categories.iter();
            all.find(|own| own.category.eq_ignore_ascii_case(&category.category))
        });
        vec![
            category.category.as_str().into(),
            figure(category.current),
            figure(category.maximum),
            figure(category.percent),
            figure(own.map(|own| own.planned)),
            figure(own.map(|own| own.achievable)),
        ]
    };
    let columns = [
        "Category",
        "Points",
        "Maximum",
        "Percent",
        "Planned (estimated)",
        "Achievable (estimated)",
    ];
    table("Secure Score by category", &columns, rows.map(row).collect())
}

fn vulnerabilities(found: &Vulnerabilities) -> Block {
    let row = |top: &crate::summary::VulnerabilityLink| {
        let vulnerability = &top.vulnerability;
        vec![
            linked(&vulnerability.id, top.url.as_deref()),
            text(vulnerability.severity.as_deref()),
            figure(vulnerability.cvss),
            figure(vulnerability.epss),
            vulnerability.exposed_machines.to_string().into(),
            if vulnerability.public_exploit { "public" } else { "none known" }.into(),
        ]
    };
    let columns = ["Vulnerability", "Severity", "CVSS", "EPSS", "Exposed machines", "Exploit"];
    table("Vulnerabilities on the most machines", &columns, found.top.iter().map(row).collect())
}

fn recommendations(found: &Recommendations) -> Block {
    let row = |rated: &RatedRecommendation| {
        let top = &rated.recommendation;
        let worst = rated.worst.as_ref().map(|worst| format!("{} ({})", worst.id, worst.score));
        vec![
            text(top.name.as_deref().or(Some(&top.id))),
            figure(top.exposure_impact),
            figure(top.config_score_impact),
            figure(top.exposed_machines.map(|machines| machines as f64)),
            figure(rated.known_exploited.map(|count| count as f64)),
            worst.as_deref().unwrap_or("–").into(),
            text(top.remediation_type.as_deref()),
        ]
    };
    let columns = [
        "Recommendation",
        "Exposure",
        "Device score",
        "Machines",
        "Known exploited",
        "Worst by risk",
        "Kind",
    ];
    table("What lowers the exposure most", &columns, found.top.iter().map(row).collect())
}

fn compliance(found: &Compliance) -> Block {
    let row = |standard: &crate::summary::Standard| {
        let counts = standard.controls;
        let controls = [counts.passed, counts.failed, counts.skipped, counts.unsupported];
        let mut cells = vec![standard.standard.as_str().into(), standard.state.name().into()];
        cells.extend(controls.map(|count| Cell::new(count.to_string())));
        cells.extend([figure(standard.passed_percent), standard.subscriptions.to_string().into()]);
        cells
    };
    let columns = [
        "Standard",
        "State",
        "Passed",
        "Failed",
        "Skipped",
        "Unsupported",
        "Passed %",
        "Subscriptions",
    ];
    table("Regulatory compliance", &columns, found.standards.iter().map(row).collect())
}

fn settings(summary: &Summary) -> Block {
    let found = summary.device_configurations.iter().flat_map(|found| &found.top);
    let rows = found.map(|setting| {
        vec![
            text(setting.name.as_deref().or(Some(&setting.id))),
            figure(setting.impact),
            setting.failing_devices.to_string().into(),
        ]
    });
    let columns = ["Setting", "Impact", "Devices"];
    table("Secure settings that fail on the most devices", &columns, rows.collect())
}

fn apps(summary: &Summary) -> Block {
    let found = summary.cloud_apps.iter().flat_map(|found| &found.top_risky);
    let rows = found.map(|app| {
        vec![
            text(app.name.as_deref().or(Some(&app.id))),
            text(app.category.as_deref()),
            figure(Some(app.risk_score)),
            figure(app.users.map(|users| users as f64)),
            format!("{:.1}", app.traffic_bytes as f64 / 1_000_000.0).into(),
        ]
    });
    let columns = ["App", "Category", "Risk score (10 is safest)", "Users", "Traffic, MB"];
    table("Shadow IT: risky apps with the most traffic", &columns, rows.collect())
}
