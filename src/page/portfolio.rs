//! A provider's page: all tenants that the caller may see, those that need somebody first.

use super::chart::{self, Bar};
use super::frame;
use crate::summary::{PortfolioEntry, TenantState};
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};

/// Tenants of the lowest score that the chart shows.
const CHARTED: usize = 20;
/// Tenants that the table lists; `/api/portfolio` has all of them.
const LISTED: usize = 500;

/// The page of these tenants, in this order, with changes over so many days.
pub fn portfolio(entries: &[PortfolioEntry], days: u16, now: Timestamp) -> String {
    let content =
        html! { (tiles(entries)) (lowest(entries)) (drops(entries)) (table(entries, days)) };
    let made = now.strftime("%-d %B %Y, %H:%M UTC").to_string();
    frame("Security posture of all tenants", &made, html! {}, content)
}

fn word(state: TenantState) -> (&'static str, &'static str) {
    match state {
        TenantState::Broken => ("broken", "bad"),
        TenantState::Stale => ("stale", "warn"),
        TenantState::Fresh => ("fresh", "good"),
        TenantState::Starting => ("starting", "note"),
        TenantState::Disabled => ("disabled", "note"),
    }
}

fn tiles(entries: &[PortfolioEntry]) -> Markup {
    let states = [
        TenantState::Broken,
        TenantState::Stale,
        TenantState::Fresh,
        TenantState::Starting,
        TenantState::Disabled,
    ];
    html! {
        section.wide.tiles aria-label="Tenants by state" {
            div.tile { small { "Tenants" } b { (entries.len()) } }
            @for state in states {
                @let count = entries.iter().filter(|entry| entry.state == state).count();
                @if count > 0 {
                    @let (name, class) = word(state);
                    div.tile { small { (name) } b class=(class) { (count) } }
                }
            }
        }
    }
}

fn percent(entry: &PortfolioEntry) -> Option<f64> {
    entry.secure_score.as_ref()?.percent
}

fn lowest(entries: &[PortfolioEntry]) -> Markup {
    let mut scored: Vec<_> =
        entries.iter().filter_map(|entry| Some((entry.name.clone(), percent(entry)?))).collect();
    scored.sort_by(|(_, one), (_, other)| one.total_cmp(other));
    scored.truncate(CHARTED);
    let bar = |(name, share): (String, f64)| Bar {
        note: format!("{share:.0} %"),
        pieces: vec![share],
        name,
    };
    let bars: Vec<_> = scored.into_iter().map(bar).collect();
    html! {
        section {
            h2 { "Lowest Secure Scores, in percent" }
            figure role="group" aria-label="The lowest Secure Scores; the table below has all figures" {
                (PreEscaped(chart::bars(&bars, 100.0)))
            }
        }
    }
}

fn drops(entries: &[PortfolioEntry]) -> Markup {
    let fell: Vec<_> = entries.iter().filter(|entry| !entry.drivers.is_empty()).take(12).collect();
    html! {
        section {
            h2 { "What drops are made of" }
            @if fell.is_empty() { p { "No control is known to have lost points in these days." } }
            table {
                tr { th { "Tenant" } th { "Control" } th.n { "Points lost" } }
                @for entry in fell {
                    @for driver in entry.drivers.iter().take(3) {
                        tr {
                            td { (entry.name) }
                            td { (driver.title.as_deref().unwrap_or(&driver.control_id)) }
                            td.n { (format!("{:.1}", driver.lost)) }
                        }
                    }
                }
            }
        }
    }
}

fn table(entries: &[PortfolioEntry], days: u16) -> Markup {
    let figure = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.1}"));
    let count = |value: Option<u64>| value.map_or("–".to_owned(), |value| value.to_string());
    let left = entries.len().saturating_sub(LISTED);
    html! {
        section.wide {
            h2 { "Tenants" }
            table {
                tr {
                    th { "Tenant" } th { "State" } th.n { "Score, %" } th.n { "Change, " (days) " days" }
                    th.n { "Exposure" } th.n { "Azure, %" } th.n { "High alerts" } th.n { "Incidents" } th { "Note" }
                }
                @for entry in entries.iter().take(LISTED) {
                    @let (name, class) = word(entry.state);
                    @let change = entry.change.as_ref().and_then(|change| change.percentage_points);
                    tr {
                        td { a href={ "?tenant=" (entry.id) } { (entry.name) } }
                        td { span class=(class) { (name) } }
                        td.n { (figure(percent(entry))) }
                        td.n { (change.map_or("–".to_owned(), |points| format!("{points:+.1}"))) }
                        td.n { (figure(entry.exposure_score)) }
                        td.n { (figure(entry.azure_percent)) }
                        td.n { (count(entry.high_alerts)) }
                        td.n { (count(entry.incidents)) }
                        td { (entry.reason.as_deref().unwrap_or("")) }
                    }
                }
            }
            @if left > 0 { p.note { (left) " more: GET /api/portfolio lists all" } }
        }
    }
}
