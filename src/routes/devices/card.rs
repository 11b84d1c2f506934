//! One device's card, and its comment.

use crate::host::Problem;
use crate::lookup::{Card, Lookup, MissingPart, Named};
use crate::routes::{Answer, Block, Call, Cell, Comment, Parameter, Shown};

/// `?kept=`, of every look-up.
pub(in crate::routes) const KEPT: Parameter = Parameter {
    name: "kept",
    about: "true answers from the newest kept snapshots instead of asking Defender; default false",
};

const NO_NAME: &str = "this names no device: give its id at Defender (40 hex digits), its id in Entra ID \
                       (a GUID), its name or an IP address";

pub(super) async fn card(call: &Call<'_>) -> Result<Answer, Problem> {
    let named = Named::read(call.segment("id")).ok_or_else(|| Problem::new(400, NO_NAME))?;
    let kept = call.query.flag("kept")?;
    let lookup = Lookup::new(call.app, call.tenant(), call.known().await?);
    let card = lookup.card(&named, kept).await?;
    Answer::of(call, &card)
}

impl Shown for Card {
    fn comment(&self) -> Option<Comment> {
        let title = format!("{}: {:?}", self.device.name(), self.rating.level);
        let mut blocks = vec![Block::Facts(self.facts())];
        blocks.extend(self.worst());
        blocks.extend(self.tables());
        Some(Comment { title, blocks })
    }
}

/// A value, or a dash.
pub(in crate::routes) fn or_dash(value: Option<&str>) -> &str {
    value.filter(|value| !value.is_empty()).unwrap_or("-")
}

/// A fact of a comment.
pub(in crate::routes) fn fact(name: &str, value: impl Into<Cell>) -> (String, Cell) {
    (name.to_owned(), value.into())
}

impl Card {
    fn facts(&self) -> Vec<(String, Cell)> {
        let device = &self.device;
        let text = |value: &Option<String>| Cell::new(or_dash(value.as_deref()));
        let system = [device.os_platform.as_deref(), device.version.as_deref()];
        let system = system.into_iter().flatten().collect::<Vec<_>>().join(" ");
        let mut facts = vec![
            fact("Level", format!("{:?}", self.rating.level)),
            fact("Because of", or_dash(Some(&self.rating.reasons.join("; ")))),
            fact("Device", Cell::link(device.name(), &*self.links.overview)),
            fact("Operating system", or_dash(Some(&system))),
            fact("Health", text(&device.health_status)),
            fact("Onboarding", text(&device.onboarding_status)),
            fact("Risk level", text(&device.risk_score)),
            fact("Exposure level", text(&device.exposure_level)),
            fact("Group", text(&device.rbac_group_name)),
        ];
        if let Some(alerts) = &self.alerts {
            let worst = or_dash(alerts.worst_severity.as_deref());
            let text = format!("{}, the worst: {worst}", alerts.open);
            facts.push(fact("Open alerts", Cell::link(text, &*self.links.alerts)));
        }
        if let Some(of) = &self.criticality {
            let level = of.level.map_or("not critical", criticality);
            let rules = of.rules.join(", ");
            let rules = if rules.is_empty() { rules } else { format!(" ({rules})") };
            facts.push(fact("Criticality", format!("{level}{rules}")));
        }
        if let Some(facing) = self.internet_facing.and_then(|known| known.facing) {
            facts.push(fact("Internet-facing", if facing { "yes" } else { "no" }));
        }
        if let Some(users) = &self.logged_on_users {
            let names = users.iter().take(5).map(|user| {
                let domain = user.account_domain.as_deref().map(|domain| format!("{domain}\\"));
                format!("{}{}", domain.unwrap_or_default(), or_dash(user.account_name.as_deref()))
            });
            let names = names.collect::<Vec<_>>().join(", ");
            facts.push(fact("Logged on", or_dash(Some(&names))));
        }
        if let Some(age) = self.origin.age_seconds {
            facts.push(fact("As kept", format!("{} hours ago", age / 3_600)));
        }
        facts
    }

    fn worst(&self) -> Vec<Block> {
        let Some(all) = &self.vulnerabilities else { return Vec::new() };
        let by = all.by_severity;
        let listed = all.known_exploited.map(|count| format!("; {count} known exploited"));
        let text = format!(
            "{} vulnerabilities: {} critical, {} high, {} medium, {} low; {} with an exploit, {} of them in a kit{}",
            all.total,
            by.critical,
            by.high,
            by.medium,
            by.low,
            all.exploited,
            all.in_kit,
            listed.unwrap_or_default()
        );
        let mut blocks = vec![Block::Text(Cell::link(text, &*self.links.vulnerabilities))];
        if let Some(worst) = &all.worst {
            let description = or_dash(worst.description.as_deref());
            blocks.push(Block::Text(format!("Worst: {}. {description}", worst.id).into()));
        }
        let first = all.with_exploit.first();
        if let Some((first, risk)) = first.and_then(|one| Some((one, one.risk.as_ref()?))) {
            let exploited = match first.known_exploited {
                Some(true) => "known to be exploited",
                Some(false) => "not known to be exploited",
                None => "unknown whether it is exploited",
            };
            let text = format!("First by risk: {} ({} of 100, {exploited})", first.id, risk.score);
            blocks.push(Block::Text(text.into()));
        }
        blocks
    }

    fn tables(&self) -> Vec<Block> {
        let mut tables = Vec::new();
        let actions = self.actions.iter().map(|one| {
            let why = if one.possible { "possible" } else { or_dash(one.reason.as_deref()) };
            vec![Cell::new(one.action), Cell::new(why)]
        });
        tables.push(table("Response actions", &["Action", "Whether"], actions.collect()));
        if let Some(updates) = self.missing_updates.as_ref().filter(|all| !all.is_empty()) {
            let rows = updates.iter().map(|one| {
                let name = Cell {
                    text: or_dash(one.name.as_deref().or(one.id.as_deref())).to_owned(),
                    link: one.url.clone(),
                };
                vec![name, one.cve_addressed.map_or("-".into(), |count| count.to_string().into())]
            });
            tables.push(table("Missing updates", &["Update", "Vulnerabilities"], rows.collect()));
        }
        if let Some(settings) = self.failed_configurations.as_ref().filter(|all| all.failed > 0) {
            let rows = settings.worst.iter().map(|one| {
                let category = or_dash(one.category.as_deref());
                vec![Cell::new(or_dash(one.name.as_deref())), Cell::new(category)]
            });
            let heading = format!("{} failed settings", settings.failed);
            tables.push(table(&heading, &["Setting", "Category"], rows.collect()));
        }
        tables.extend(not_known(&self.missing));
        tables
    }
}

fn criticality(level: u8) -> &'static str {
    match level {
        0 => "very high",
        1 => "high",
        2 => "medium",
        _ => "low",
    }
}

/// A table of a comment.
pub(in crate::routes) fn table(heading: &str, columns: &[&str], rows: Vec<Vec<Cell>>) -> Block {
    let columns = columns.iter().map(|&name| name.to_owned()).collect();
    Block::Table { heading: heading.to_owned(), columns, rows }
}

/// What an answer lacks, where it lacks something.
pub(in crate::routes) fn not_known(missing: &[MissingPart]) -> Option<Block> {
    let rows = missing.iter().map(|one| vec![one.part.into(), one.reason.as_str().into()]);
    let rows: Vec<Vec<Cell>> = rows.collect();
    (!rows.is_empty()).then(|| table("Not known", &["Part", "Reason"], rows))
}
