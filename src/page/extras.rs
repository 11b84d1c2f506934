//! What the page tells of compliance, Shadow IT and the scores that Microsoft doesn't give.

use super::sections::age;
use crate::summary::Summary;
use maud::{Markup, html};

/// Planned, achievable and current-licence score beside the one that is reached.
pub(super) fn estimated(summary: &Summary) -> Markup {
    let Some(scores) = &summary.estimated_scores else { return html! {} };
    let estimate = &scores.estimate;
    let percent = |points: f64| match estimate.licence > 0.0 {
        true => format!("{:.1} %", 100.0 * points / estimate.licence),
        false => "–".to_owned(),
    };
    let rows = [
        ("Reached", estimate.current),
        ("Planned: what somebody is assigned to", estimate.planned),
        ("Achievable: without what is ignored", estimate.achievable),
        ("With the current licences", estimate.licence),
    ];
    html! {
        section {
            h2 { "What the Secure Score can become (estimated)" }
            table {
                tr { th { "" } th.n { "Points" } th.n { "Of the licences" } }
                @for (name, points) in rows {
                    tr { td { (name) } td.n { (format!("{points:.1}")) } td.n { (percent(points)) } }
                }
            }
            p.note { "Estimated here, not Microsoft's: " (scores.formula) " · " (age(&scores.freshness)) }
        }
    }
}

/// Regulatory compliance by standard.
pub(super) fn compliance(summary: &Summary) -> Markup {
    const SHOWN: usize = 12;
    let Some(compliance) = &summary.compliance else { return html! {} };
    let left = compliance.standards.len().saturating_sub(SHOWN);
    html! {
        section {
            h2 { "Regulatory compliance (Azure)" }
            table {
                tr {
                    th { "Standard" } th.n { "Passed" } th.n { "Failed" } th.n { "Skipped" }
                    th.n { "Passed, %" }
                }
                @for standard in compliance.standards.iter().take(SHOWN) {
                    tr {
                        td { (standard.standard) }
                        td.n { (standard.controls.passed) }
                        td.n { (standard.controls.failed) }
                        td.n { (standard.controls.skipped) }
                        td.n {
                            (standard.passed_percent.map_or("–".to_owned(), |share| format!("{share:.0}")))
                        }
                    }
                }
            }
            p.note {
                @if left > 0 { (left) " more · " }
                (age(&compliance.freshness))
            }
        }
    }
}

/// Apps that Cloud Discovery has found.
pub(super) fn cloud_apps(summary: &Summary) -> Markup {
    let Some(apps) = &summary.cloud_apps else { return html! {} };
    html! {
        section {
            h2 { "Shadow IT: risky apps with the most traffic" }
            table {
                tr { th { "App" } th.n { "Safety, 1 to 10" } th.n { "Users" } th.n { "Traffic, MB" } }
                @for app in apps.top_risky.iter().take(8) {
                    tr {
                        td { (app.name.as_deref().unwrap_or(&app.id)) }
                        td.n { (app.risk_score) }
                        td.n { (app.users.map_or("–".to_owned(), |users| users.to_string())) }
                        td.n { (format!("{:.1}", app.traffic_bytes as f64 / 1e6)) }
                    }
                }
            }
            p.note {
                (apps.apps) " apps: " (apps.by_risk.high) " of high risk, " (apps.by_risk.medium)
                " of medium, " (apps.by_risk.low) " of low · " (age(&apps.freshness))
            }
        }
    }
}
