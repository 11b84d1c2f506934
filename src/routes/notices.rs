//! Telling people of alerts: one after the other is taken, sent by whoever took it, and noted.

use super::call::unreadable;
use super::tenants::portal_url;
use super::{Answer, Block, Call, Cell, Comment, Route, Shown, Subject, shape};
use crate::host::Problem;
use crate::ledger::LedgerError;
use crate::notice::{self, Due};
use crate::settings::{Channel, TeamsChannel};
use crate::source::ALERTS;
use crate::summary::{self, Alert};
use crate::tenant::Tenant;
use futures::FutureExt;
use schemars::JsonSchema;
use serde::Serialize;

/// The routes of this file.
pub const ROUTES: &[Route] = &[
    Route {
        method: "POST",
        subject: Subject::Tenants,
        has_comment: false,
        ..Route::get(
            "notices",
            "Takes the oldest alert that somebody is to be told of by the `notices` of a tenant; it is left to the \
             caller for half an hour",
            shape::<Taken>,
            |call| take(call).boxed(),
        )
    },
    Route {
        method: "POST",
        has_comment: false,
        ..Route::get(
            "notices/{id}",
            "Notes that a notice was sent: it is never taken again",
            shape::<Noted>,
            |call| note(call).boxed(),
        )
    },
];

/// What was taken.
#[derive(Debug, Serialize, JsonSchema)]
struct Taken {
    /// The notice; null where nobody is to be told of anything.
    notice: Option<Told>,
}

/// A notice: an alert, and who is to be told of it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Told {
    /// What it is noted by.
    id: String,
    /// In whose tenant.
    tenant: summary::Tenant,
    /// How it goes out: `mail` or `teams`.
    channel: Channel,
    /// Mail addresses, or links to channels.
    recipients: Vec<String>,
    /// The channels of Teams that those links lead to; none of mail.
    channels: Vec<TeamsChannel>,
    /// 1; more where it was taken before and never noted, so that it may have been sent.
    attempt: u32,
    /// A line about it, with the organisation's name.
    subject: String,
    /// The text as HTML, with a link that opens the alert in the tenant.
    html: String,
    /// The alert.
    alert: Alert,
}

impl Shown for Taken {}

/// What was noted.
#[derive(Debug, Serialize, JsonSchema)]
struct Noted {
    /// The notice.
    id: String,
}

impl Shown for Noted {}

async fn take(call: &Call<'_>) -> Result<Answer, Problem> {
    let mut problem = None;
    for tenant in call.tenants.iter().filter(|tenant| tenant.enabled && !tenant.notices.is_empty())
    {
        match of_tenant(call, tenant).await {
            Ok(None) => {}
            Ok(Some(due)) => {
                return Answer::of(call, &Taken { notice: Some(Told::of(tenant, due)) });
            }
            // One tenant that can't be read costs the others nothing.
            Err(error) => problem = Some(error),
        }
    }
    match problem {
        Some(error) => Err(unreadable(error)),
        None => Answer::of(call, &Taken { notice: None }),
    }
}

async fn of_tenant(call: &Call<'_>, tenant: &Tenant) -> Result<Option<Due>, LedgerError> {
    let (app, now) = (call.app, call.app.now());
    let known = [app.known_of(tenant, ALERTS).await?];
    let alerts = summary::alert_list(&known, now, tenant.cloud.portal, &tenant.id);
    let alerts = alerts.map(|listed| listed.items).unwrap_or_default();
    notice::take(&*app.ledger, &tenant.id, &tenant.notices, &alerts, now).await
}

async fn note(call: &Call<'_>) -> Result<Answer, Problem> {
    let (app, id) = (call.app, call.segment("id"));
    let noted = notice::note(&*app.ledger, &call.tenant().id, id, app.now()).await;
    match noted.map_err(unreadable)? {
        true => Answer::of(call, &Noted { id: id.to_owned() }),
        false => {
            Err(Problem::new(404, "nobody has taken such a notice: POST /api/notices takes one"))
        }
    }
}

impl Told {
    fn of(tenant: &Tenant, due: Due) -> Told {
        let Due { id, alert, channel, recipients, attempt, .. } = due;
        let recipients: Vec<_> = recipients.into_iter().collect();
        let channels = match channel {
            Channel::Mail => Vec::new(),
            Channel::Teams => {
                recipients.iter().filter_map(|link| TeamsChannel::read(link)).collect()
            }
        };
        let line = line(tenant, &alert);
        let html = comment(tenant, &line, &alert, attempt).html();
        let subject = if attempt > 1 { format!("{line} (perhaps sent before)") } else { line };
        let portal_url = portal_url(tenant);
        let (id_of, name) = (tenant.id.clone(), tenant.name.clone());
        let tenant = summary::Tenant { id: id_of, name, portal_url };
        Told { id, tenant, channel, recipients, channels, attempt, subject, html, alert }
    }
}

/// One line about an alert.
fn line(tenant: &Tenant, alert: &Alert) -> String {
    let severity = alert.severity.as_deref().unwrap_or("unknown");
    let title = alert.title.as_deref().unwrap_or("alert without a title");
    let line = format!("{}: {title} ({severity})", tenant.name);
    line.replace(|c: char| c.is_control(), " ").chars().take(250).collect()
}

fn comment(tenant: &Tenant, line: &str, alert: &Alert, attempt: u32) -> Comment {
    let mut facts = vec![("Organisation".to_owned(), Cell::new(&*tenant.name))];
    let created = alert.created.map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    let optional = [
        ("Severity", alert.severity.clone()),
        ("State", alert.status.clone()),
        ("Created", created),
        ("Product", alert.product.clone()),
        ("Category", alert.category.clone()),
        ("Devices", Some(alert.devices.join(", ")).filter(|all| !all.is_empty())),
        ("Groups", Some(alert.device_groups.join(", ")).filter(|all| !all.is_empty())),
        ("Incident", alert.incident_id.clone()),
    ];
    let there = optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    facts.extend(there.map(|(name, value)| (name, Cell::new(value))));
    let mut blocks = vec![Block::Facts(facts)];
    if let Some(url) = &alert.url {
        blocks.push(Block::Text(Cell::link("Open the alert in the Defender portal", url.clone())));
    }
    if attempt > 1 {
        let text = "It may have been sent before: an earlier run ended before it noted that.";
        blocks.push(Block::Text(text.into()));
    }
    Comment { title: line.to_owned(), blocks }
}
