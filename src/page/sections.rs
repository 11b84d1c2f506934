//! What the page draws: tiles and charts, each chart with its figures as a table.

use super::DAYS;
use super::chart::{self, Bar, Line};
use crate::digest::Severities;
use crate::summary::{Change, Freshness, History, Summary};
use jiff::civil::Date;
use maud::{Markup, PreEscaped, html};

/// The figures that matter most.
pub(super) fn tiles(summary: &Summary) -> Markup {
    let score = summary.secure_score.as_ref();
    let percent = score.and_then(|score| score.percent).map(|value| format!("{value:.1} %"));
    let exposure = summary.exposure_score.as_ref();
    let device = summary.device_secure_score.as_ref();
    let azure = summary.azure_score.as_ref().and_then(|score| score.combined_percent);
    let change = |change: Option<&Change>, good_up: bool| trend(change, good_up);
    let vulnerabilities = summary.vulnerabilities.as_ref();
    let exploit = vulnerabilities.map(|one| one.with_public_exploit.total());
    html! {
        section.wide.tiles aria-label="Key figures" {
            (tile("Secure Score", percent, change(score.and_then(|s| s.change.days30.as_ref()), true)))
            (tile("Exposure score", exposure.map(|score| format!("{:.1}", score.value)),
                change(exposure.and_then(|s| s.change.days30.as_ref()), false)))
            (tile("Secure Score for Devices", device.map(|score| format!("{:.0}", score.value)),
                change(device.and_then(|s| s.change.days30.as_ref()), true)))
            (tile("Azure secure score", azure.map(|value| format!("{value:.1} %")), html! {}))
            (tile("Vulnerabilities with a public exploit", exploit.map(|count| count.to_string()), html! {}))
            (tile("Open incidents", summary.incidents.as_ref().map(|open| open.open.to_string()), html! {}))
        }
    }
}

fn tile(name: &str, value: Option<String>, more: Markup) -> Markup {
    html! {
        div.tile {
            small { (name) }
            b { @match value { Some(value) => (value), None => span title="not known" { "–" } } }
            small { (more) }
        }
    }
}

/// How a score has changed over 30 days, in words.
fn trend(change: Option<&Change>, good_up: bool) -> Markup {
    let Some(change) = change else { return html! { "no history yet" } };
    let points = change.percentage_points.unwrap_or(change.points);
    let class = match (points > 0.0) == good_up {
        _ if points == 0.0 => "note",
        true => "good",
        false => "bad",
    };
    html! { span class=(class) { (format!("{points:+.1}")) } " since " (change.from) }
}

/// The Secure Score of 90 days, beside what others reach.
pub(super) fn secure_score(summary: &Summary, history: &History) -> Markup {
    let Some(score) = &summary.secure_score else { return html! {} };
    let days = &history.secure_score;
    let mut lines = vec![Line { name: "This organisation".to_owned(), points: days.clone() }];
    for comparison in score.comparison.iter().take(2) {
        let name = match comparison.basis.as_str() {
            "AllTenants" => "All organisations (today)".to_owned(),
            "TotalSeats" => "Organisations of this size (today)".to_owned(),
            other => format!("{other} (today)"),
        };
        let ends = [days.first(), days.last()].into_iter().flatten();
        let points = ends.map(|(day, _)| (*day, comparison.average_percent)).collect();
        lines.push(Line { name, points });
    }
    let title = format!("Secure Score over {DAYS} days, in percent");
    trend_section(&title, lines, None, &score.freshness, true)
}

/// The scores of Defender for Endpoint over 90 days.
pub(super) fn device_scores(summary: &Summary, history: &History) -> Markup {
    let one = |name: &str, points: &[(Date, f64)]| {
        vec![Line { name: name.to_owned(), points: points.to_vec() }]
    };
    html! {
        @if let Some(score) = &summary.exposure_score {
            (trend_section("Exposure score (high is bad)",
                one("Exposure score", &history.exposure_score), Some((0.0, 100.0)), &score.freshness, false))
        }
        @if let Some(score) = &summary.device_secure_score {
            (trend_section("Secure Score for Devices (points, high is good)",
                one("Points", &history.device_secure_score), None, &score.freshness, false))
        }
    }
}

fn trend_section(
    title: &str,
    lines: Vec<Line>,
    bounds: Option<(f64, f64)>,
    freshness: &Freshness,
    wide: bool,
) -> Markup {
    let newest = |line: &Line| line.points.last().map(|(_, value)| format!("{value:.1}"));
    let told: Vec<_> =
        lines.iter().filter_map(|line| Some(format!("{}: {}", line.name, newest(line)?))).collect();
    let rows = lines.first().map(|line| line.points.clone()).unwrap_or_default();
    let width = if wide { chart::WIDE } else { chart::HALF };
    html! {
        section.wide[wide] {
            h2 { (title) }
            figure role="group" aria-label={ (title) ". Newest: " (told.join(", ")) } {
                @if rows.len() > 1 { (PreEscaped(chart::lines(width, &lines, bounds))) }
                @else { p { "One day is known so far: " (told.join(", ")) } }
                figcaption { (key(&lines)) " · " (age(freshness)) }
            }
            details {
                summary { "Figures" }
                table {
                    tr { th { "Day" } th.n { "Value" } }
                    @for (day, value) in rows.iter().rev() {
                        tr { td { (day) } td.n { (format!("{value:.1}")) } }
                    }
                }
            }
        }
    }
}

fn key(lines: &[Line]) -> Markup {
    html! {
        @for (index, line) in lines.iter().enumerate() {
            span class={ "key c" (index) } {} (line.name)
        }
    }
}

/// The points of each category, of those that can be reached.
pub(super) fn categories(summary: &Summary) -> Markup {
    let Some(score) = &summary.secure_score else { return html! {} };
    let bars: Vec<_> = score
        .categories
        .iter()
        .filter_map(|category| {
            let percent = category.percent?;
            let note = format!("{percent:.0} %");
            Some(Bar { name: category.category.clone(), pieces: vec![percent], note })
        })
        .collect();
    let points = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1}"));
    html! {
        section {
            h2 { "Secure Score by category, in percent" }
            figure role="group" aria-label="Secure Score by category; the table below has the figures" {
                (PreEscaped(chart::bars(&bars, 100.0)))
            }
            details {
                summary { "Figures" }
                table {
                    tr { th { "Category" } th.n { "Points" } th.n { "Maximum" } }
                    @for category in &score.categories {
                        tr {
                            td { (category.category) }
                            td.n { (points(category.current)) }
                            td.n { (points(category.maximum)) }
                        }
                    }
                }
            }
        }
    }
}

const SEVERITIES: [&str; 5] = ["Critical", "High", "Medium", "Low", "Other"];

fn counts(of: &Severities) -> [u64; 5] {
    [of.critical, of.high, of.medium, of.low, of.other]
}

/// Vulnerabilities with exposed machines, by age and severity.
pub(super) fn vulnerabilities(summary: &Summary) -> Markup {
    let Some(vulnerabilities) = &summary.vulnerabilities else { return html! {} };
    let ages = &vulnerabilities.exposed_by_age;
    let whole = ages.iter().map(|age| age.by_severity.total()).max().unwrap_or(0);
    let bar = |age: &crate::summary::Age| Bar {
        name: age.age.to_owned(),
        pieces: counts(&age.by_severity).map(|count| count as f64).to_vec(),
        note: age.by_severity.total().to_string(),
    };
    let bars: Vec<_> = ages.iter().map(bar).collect();
    html! {
        section {
            h2 { "Vulnerabilities with exposed machines, by age" }
            figure role="group" aria-label={ "Vulnerabilities by age and severity: "
                (vulnerabilities.exposed) " in all; the table below has the figures" } {
                (PreEscaped(chart::bars(&bars, whole as f64)))
                figcaption {
                    @for (index, name) in SEVERITIES.iter().enumerate() {
                        span class={ "key s" (index) } {} (name)
                    }
                    " · " (age(&vulnerabilities.freshness))
                }
            }
            details {
                summary { "Figures" }
                table {
                    tr { th { "Published" } @for name in SEVERITIES { th.n { (name) } } }
                    @for age in ages {
                        tr { td { (age.age) } @for count in counts(&age.by_severity) { td.n { (count) } } }
                    }
                }
            }
        }
    }
}

/// How old figures are, in words.
pub(super) fn age(freshness: &Freshness) -> Markup {
    let hours = freshness.age_seconds / 3600;
    let old = match hours {
        0 => "less than an hour".to_owned(),
        1..48 => format!("{hours} h"),
        _ => format!("{} days", hours / 24),
    };
    html! {
        "collected " (old) " ago"
        @if freshness.stale { " " span.bad { "(stale)" } }
    }
}
