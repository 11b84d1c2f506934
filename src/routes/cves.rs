//! One vulnerability.

use super::devices::{KEPT, fact, not_known, or_dash, table};
use super::{Answer, Block, Call, Cell, Comment, Route, Shown, shape};
use crate::host::Problem;
use crate::lookup::{self, Cve, Lookup};
use futures::FutureExt;

/// Rows of each of a comment's tables.
const MOST_ROWS: usize = 25;

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    query: &[KEPT],
    ..Route::get(
        "cves/{cve}",
        "One vulnerability: severity, score, exploits, the devices and software exposed here, updates, links",
        shape::<Cve>,
        |call| cve(call).boxed(),
    )
}];

async fn cve(call: &Call<'_>) -> Result<Answer, Problem> {
    let id = lookup::cve(call.segment("cve"));
    let id = id.ok_or_else(|| Problem::new(400, "this is no CVE id: CVE-<year>-<number>"))?;
    let kept = call.query.flag("kept")?;
    let lookup = Lookup::new(call.app, call.tenant(), call.known().await?);
    let cve = lookup.cve(&id, kept).await?;
    Answer::of(call, &cve)
}

impl Shown for Cve {
    fn comment(&self) -> Option<Comment> {
        let about = &self.about;
        let severity = or_dash(about.severity.as_deref());
        let number = |value: Option<f64>| value.map_or("-".to_owned(), |value| value.to_string());
        let mut facts = vec![
            fact("Vulnerability", Cell::link(&*self.id, &*self.links.overview)),
            fact("Severity", severity),
            fact("CVSS score", number(about.cvss)),
            fact("EPSS", number(about.epss)),
            fact("Exploit", format!("{:?}", about.exploit)),
            fact("Known exploited", self.exploited()),
            fact("Risk", format!("{} of 100", self.risk.score)),
        ];
        if let Some(devices) = &self.exposed_devices {
            facts.push(fact("Exposed devices", devices.total.to_string()));
        }
        if let Some(age) = self.origin.age_seconds {
            facts.push(fact("As kept", format!("{} hours ago", age / 3_600)));
        }
        let mut blocks = vec![Block::Facts(facts)];
        blocks.push(Block::Text(or_dash(about.description.as_deref()).into()));
        blocks.extend(self.tables());
        Some(Comment { title: format!("{}: {severity}", self.id), blocks })
    }
}

impl Cve {
    /// What CISA's catalogue says, in a few words.
    fn exploited(&self) -> String {
        match (self.outside.known_exploited, &self.outside.exploited) {
            (None, _) => "unknown".to_owned(),
            (_, None) => "not listed".to_owned(),
            (_, Some(listed)) => {
                let since = or_dash(listed.since.as_deref());
                let used = if listed.ransomware { ", used by ransomware" } else { "" };
                format!("since {since}, due {}{used}", or_dash(listed.due.as_deref()))
            }
        }
    }

    fn tables(&self) -> Vec<Block> {
        let mut tables = Vec::new();
        let software = self.software.iter().flatten().take(MOST_ROWS);
        let software: Vec<Vec<Cell>> = software
            .map(|one| {
                let (name, versions) =
                    (format!("{} {}", one.vendor, one.name), one.versions.join(", "));
                vec![name.into(), versions.into(), one.devices.to_string().into()]
            })
            .collect();
        let fixes = self.fixes.iter().flatten().take(MOST_ROWS);
        let fixes: Vec<Vec<Cell>> = fixes
            .map(|one| {
                let text = one.name.as_deref().unwrap_or(&one.id).to_owned();
                vec![Cell { text, link: one.url.clone() }, one.rows.to_string().into()]
            })
            .collect();
        let devices = self.exposed_devices.iter().flat_map(|devices| devices.value.iter());
        let devices: Vec<Vec<Cell>> = devices
            .take(MOST_ROWS)
            .map(|one| {
                let cell = |text: &Option<String>| Cell::new(or_dash(text.as_deref()));
                vec![
                    cell(&one.computer_dns_name),
                    cell(&one.os_platform),
                    cell(&one.rbac_group_name),
                ]
            })
            .collect();
        for (heading, columns, rows) in [
            ("Software", &["Software", "Versions", "Devices"][..], software),
            ("Updates", &["Update", "Rows that it ends"], fixes),
            ("Devices", &["Device", "System", "Group"], devices),
        ] {
            if !rows.is_empty() {
                tables.push(table(heading, columns, rows));
            }
        }
        tables.extend(not_known(&self.missing));
        tables
    }
}
