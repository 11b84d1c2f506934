//! What the page lists: actions, devices, the worst, and how old everything is.

use super::sections::age;
use crate::digest::Tally;
use crate::summary::Summary;
use maud::{Markup, html};

/// Microsoft's words for what an action costs, as a number to divide by.
fn effort(cost: Option<&str>) -> Option<f64> {
    match cost?.to_ascii_lowercase().as_str() {
        "low" => Some(1.0),
        "moderate" => Some(2.0),
        "high" => Some(3.0),
        _ => None,
    }
}

/// What to do first: points to gain, and points for the effort.
pub(super) fn actions(summary: &Summary) -> Markup {
    html! {
        section.wide {
            h2 { "Improvement actions with the most to gain" }
            table {
                tr {
                    th { "Action" } th { "Category" } th.n { "Points" } th { "Cost" } th { "User impact" }
                    th.n { "Points per effort" }
                }
                @for action in &summary.improvement_actions {
                    @let title = action.title.as_deref().unwrap_or(&action.control_id);
                    @let link = action.url.as_deref().filter(|url| url.starts_with("https://"));
                    tr {
                        td { @match link { Some(link) => a href=(link) { (title) }, None => (title) } }
                        td { (action.category.as_deref().unwrap_or("–")) }
                        td.n { (format!("{:.1}", action.points)) }
                        td { (action.cost.as_deref().unwrap_or("–")) }
                        td { (action.user_impact.as_deref().unwrap_or("–")) }
                        td.n {
                            @match effort(action.cost.as_deref()) {
                                Some(effort) => (format!("{:.1}", action.points / effort)),
                                None => "–",
                            }
                        }
                    }
                }
            }
            p.note { "Effort: low cost counts 1, moderate 2, high 3; unknown isn't counted." }
        }
    }
}

const RISKS: [&str; 6] = ["High", "Medium", "Low", "Informational", "None", "Unknown"];
const EXPOSURES: [&str; 5] = ["High", "Medium", "Low", "None", "Unknown"];

/// Devices by risk and exposure level.
pub(super) fn devices(summary: &Summary) -> Markup {
    let Some(devices) = &summary.devices else { return html! {} };
    let none = Tally::default();
    let of = |risk: &str, exposure: &str| {
        devices.by_risk_and_exposure.get(risk).unwrap_or(&none).of(exposure)
    };
    let counts = |exposure: &str| RISKS.iter().map(|risk| of(risk, exposure)).sum::<u64>() > 0;
    let exposures: Vec<_> = EXPOSURES
        .into_iter()
        .enumerate()
        .filter(|(_, one)| *one != "Unknown" || counts(one))
        .collect();
    let is_shown = |risk: &str| risk != "Unknown" || devices.by_risk.of(risk) > 0;
    let risks: Vec<_> = RISKS.into_iter().enumerate().filter(|(_, one)| is_shown(one)).collect();
    let told: u64 =
        RISKS.iter().flat_map(|risk| EXPOSURES.map(|exposure| of(risk, exposure))).sum();
    html! {
        section {
            h2 { "Devices by risk and exposure" }
            table {
                tr { td {} th colspan=(exposures.len()) { "Exposure level" } }
                tr { th { "Risk" } @for (_, exposure) in &exposures { th.n { (exposure) } } }
                @for (row, risk) in &risks {
                    tr {
                        th scope="row" { (risk) }
                        @for (column, exposure) in &exposures {
                            @let count = of(risk, exposure);
                            td class={ "n h" (heat(count, *row, *column)) } { (count) }
                        }
                    }
                }
            }
            p.note {
                (devices.total) " devices"
                @if told < devices.total { ", " (devices.total - told) " with other words" }
                " · " (age(&devices.freshness))
            }
        }
    }
}

/// How a cell is shaded: not where nothing is in it, the more the worse both levels are.
fn heat(count: u64, risk: usize, exposure: usize) -> u8 {
    match (count, risk + exposure) {
        (0, _) => 0,
        (_, 0 | 1) => 3,
        (_, 2 | 3) => 2,
        (_, 4) => 1,
        _ => 0,
    }
}

/// The vulnerabilities with the most exposed machines, and the recommendations with the most impact.
pub(super) fn worst(summary: &Summary) -> Markup {
    html! {
        @if let Some(vulnerabilities) = &summary.vulnerabilities {
            section {
                h2 { "Vulnerabilities with the most exposed machines" }
                table {
                    tr { th { "Vulnerability" } th { "Severity" } th.n { "Machines" } th { "Exploit" } }
                    @for one in &vulnerabilities.top {
                        tr {
                            td {
                                @match &one.url {
                                    Some(url) => a href=(url) { (one.vulnerability.id) },
                                    None => (one.vulnerability.id),
                                }
                            }
                            td { (one.vulnerability.severity.as_deref().unwrap_or("–")) }
                            td.n { (one.vulnerability.exposed_machines) }
                            td { @if one.vulnerability.public_exploit { span.bad { "public" } } @else { "–" } }
                        }
                    }
                }
            }
        }
        @if let Some(recommendations) = &summary.recommendations {
            section {
                h2 { "Recommendations with the most impact" }
                table {
                    tr {
                        th { "Recommendation" } th { "Kind" } th.n { "Exposure impact" } th.n { "Machines" }
                        th.n { "Known exploited" } th { "Worst by risk" }
                    }
                    @for rated in &recommendations.top {
                        @let one = &rated.recommendation;
                        tr {
                            td { (one.name.as_deref().unwrap_or(&one.id)) }
                            td { (one.remediation_type.as_deref().unwrap_or("–")) }
                            td.n { (one.exposure_impact.map_or("–".to_owned(), |impact| format!("{impact:.2}"))) }
                            td.n { (one.exposed_machines.map_or("–".to_owned(), |count| count.to_string())) }
                            td.n { (rated.known_exploited.map_or("–".to_owned(), |count| count.to_string())) }
                            td { (rated.worst.as_ref().map_or("–", |worst| worst.id.as_str())) }
                        }
                    }
                }
            }
        }
    }
}

/// Where the figures come from, how old they are, and what is missing.
pub(super) fn freshness(summary: &Summary) -> Markup {
    html! {
        section.wide {
            h2 { "Where the figures come from" }
            table {
                tr { th { "Source" } th.n { "Records" } th { "Age" } th { "Note" } }
                @for source in &summary.sources {
                    tr {
                        td { (source.source) }
                        td.n { (source.records) }
                        td { (age(&source.freshness)) }
                        td { (source.reason.as_deref().unwrap_or("")) }
                    }
                }
                @for missing in &summary.missing {
                    tr {
                        td { (missing.source) } td.n { "–" } td { span.warn { "missing" } } td { (missing.reason) }
                    }
                }
            }
        }
    }
}
