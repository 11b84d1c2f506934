//! The context of a Sentinel incident.

use super::devices::{fact, not_known, or_dash, table};
use super::{Answer, Block, Call, Cell, Comment, Route, Shown, shape};
use crate::host::Problem;
use crate::lookup::{Entities, HostContext, IncidentContext, Lookup};
use futures::FutureExt;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::Value;
use std::time::Duration;

/// How long the look-ups of an incident may take together: a playbook waits longer than a person.
const LOOK_FOR: Duration = Duration::from_secs(40);
/// How long its scans may, from the beginning.
const SCAN_FOR: Duration = Duration::from_secs(60);

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    method: "POST",
    body: Some(body),
    ..Route::get(
        "incident-context",
        "The hosts, accounts, addresses and vulnerabilities of a Sentinel incident, each looked up, in one answer",
        shape::<IncidentContext>,
        |call| context(call).boxed(),
    )
}];

/// The trigger's body, the incident, a list of entities, or the flattened lists.
fn body(_: &mut SchemaGenerator) -> Schema {
    let list = || json_schema!({ "type": "array", "items": { "type": "object" } });
    json_schema!({
        "type": "object",
        "description": "The body of Microsoft Sentinel's incident trigger; or its entities, as relatedEntities \
                        or as the lists Hosts, Accounts, IPs and CVEs. Letter case doesn't matter.",
        "properties": {
            "object": { "type": "object" },
            "relatedEntities": list(),
            "Hosts": list(),
            "Accounts": list(),
            "IPs": list(),
            "CVEs": { "type": "array", "items": { "type": "string" } },
        },
    })
}

async fn context(call: &Call<'_>) -> Result<Answer, Problem> {
    let unfit = "the body is no JSON object or list: send the incident trigger's body as it is";
    let body: Value =
        serde_json::from_slice(call.request.body).map_err(|_| Problem::new(400, unfit))?;
    if !body.is_object() && !body.is_array() {
        return Err(Problem::new(400, unfit));
    }
    let entities = Entities::read(&body);
    let lookup = Lookup::new(call.app, call.tenant(), call.known().await?);
    let lookup = lookup.looking_for(LOOK_FOR).scanning_for(SCAN_FOR);
    let context = lookup.incident(entities).await;
    Answer::of(call, &context)
}

impl Shown for IncidentContext {
    fn comment(&self) -> Option<Comment> {
        let title = self.title.as_deref().unwrap_or("Incident");
        let counts = format!(
            "{} hosts, {} accounts, {} addresses, {} vulnerabilities",
            self.hosts.len(),
            self.accounts.len(),
            self.addresses.len(),
            self.cves.len()
        );
        let facts = vec![fact("Level", format!("{:?}", self.level)), fact("Looked up", counts)];
        let mut blocks = vec![Block::Facts(facts)];
        for (heading, columns, rows) in [
            ("Hosts", &["Host", "Level", "Because of", "Worst vulnerability"][..], self.hosts()),
            ("Accounts", &["Account", "Risk", "State", "Logged on to"][..], self.accounts()),
            ("Addresses", &["Address", "Devices", "Names"][..], self.addresses()),
            (
                "Vulnerabilities",
                &["CVE", "Severity", "Exploit", "Exposed devices"][..],
                self.cves(),
            ),
        ] {
            if !rows.is_empty() {
                blocks.push(table(heading, columns, rows));
            }
        }
        blocks.extend(not_known(&self.missing));
        if self.left_out > 0 {
            let text =
                format!("{} more entities are not looked up: ten of a kind are", self.left_out);
            blocks.push(Block::Text(text.into()));
        }
        Some(Comment { title: format!("{title}: {:?}", self.level), blocks })
    }
}

impl IncidentContext {
    fn hosts(&self) -> Vec<Vec<Cell>> {
        let row = |host: &HostContext| {
            let Some(card) = &host.card else {
                let problem = or_dash(host.problem.as_deref());
                return vec![host.name.as_str().into(), "-".into(), problem.into(), "-".into()];
            };
            let worst = card.vulnerabilities.as_ref().and_then(|all| all.worst.as_ref());
            let worst =
                worst.map(|worst| format!("{} ({})", worst.id, or_dash(worst.severity.as_deref())));
            vec![
                Cell::link(card.device.name(), &*card.links.overview),
                format!("{:?}", card.rating.level).into(),
                or_dash(Some(&card.rating.reasons.join("; "))).into(),
                or_dash(worst.as_deref()).into(),
            ]
        };
        self.hosts.iter().map(row).collect()
    }

    fn accounts(&self) -> Vec<Vec<Cell>> {
        let rows = self.accounts.iter().map(|account| {
            let risk = account.risk.as_ref();
            let level = risk.and_then(|risk| risk.risk_level.as_deref());
            let state = risk.and_then(|risk| risk.risk_state.as_deref());
            vec![
                account.name.as_str().into(),
                or_dash(level).into(),
                or_dash(state).into(),
                or_dash(Some(&account.devices.join(", "))).into(),
            ]
        });
        rows.collect()
    }

    fn addresses(&self) -> Vec<Vec<Cell>> {
        let rows = self.addresses.iter().map(|one| {
            let names: Vec<&str> = one.devices.iter().map(|device| device.name()).collect();
            let names = one.problem.clone().unwrap_or_else(|| names.join(", "));
            let address = one.address.to_string();
            vec![address.into(), one.total.to_string().into(), or_dash(Some(&names)).into()]
        });
        rows.collect()
    }

    fn cves(&self) -> Vec<Vec<Cell>> {
        let rows = self.cves.iter().map(|cve| {
            let id = Cell::link(&*cve.id, &*cve.link);
            let Some(about) = &cve.about else {
                return vec![id, or_dash(cve.problem.as_deref()).into(), "-".into(), "-".into()];
            };
            let exposed = about.exposed_machines.map_or("-".to_owned(), |count| count.to_string());
            let exploit = format!("{:?}", about.exploit);
            vec![id, or_dash(about.severity.as_deref()).into(), exploit.into(), exposed.into()]
        });
        rows.collect()
    }
}
