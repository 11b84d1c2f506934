//! The report for people who would rather look than read: one page of HTML without scripts and without
//! anything from elsewhere.

mod chart;
mod extras;
mod portfolio;
mod sections;
mod tables;

pub use portfolio::portfolio;

use crate::summary::{History, Summary};
use base64::{Engine, prelude::BASE64_STANDARD};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

const STYLE: &str = include_str!("style.css");

/// Days of a score that the page shows.
pub const DAYS: i32 = 90;

/// The page of one tenant.
pub fn tenant(summary: &Summary, history: &History) -> String {
    let title = format!("Security posture of {}", summary.tenant.name);
    let content = html! {
        (sections::tiles(summary))
        (sections::secure_score(summary, history))
        (sections::categories(summary))
        (sections::vulnerabilities(summary))
        (tables::actions(summary))
        (extras::estimated(summary))
        (extras::compliance(summary))
        (sections::device_scores(summary, history))
        (tables::devices(summary))
        (extras::cloud_apps(summary))
        (tables::worst(summary))
        (tables::freshness(summary))
    };
    let made = summary.generated.strftime("%-d %B %Y, %H:%M UTC").to_string();
    let portal = html! { " · " a href=(summary.tenant.portal_url) { "Microsoft Defender portal" } };
    frame(&title, &made, portal, content)
}

/// A page of that title around its content.
fn frame(title: &str, made: &str, more: Markup, content: Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "To the content" }
                header {
                    h1 { (title) }
                    p { "Made " (made) (more) }
                }
                main id="content" { (content) }
            }
        }
    };
    page.into_string()
}

/// The policy that the page is sent with: nothing but its own style.
///
/// <https://developer.mozilla.org/docs/Web/HTTP/Reference/Headers/Content-Security-Policy>
pub fn policy() -> String {
    let hash = BASE64_STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'"
    )
}

#[cfg(test)]
mod tests;
