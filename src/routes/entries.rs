//! The newest alerts and incidents that are kept.

use super::{Answer, Call, Column, OneOf, Page, Parameter, Route, shape};
use crate::host::Problem;
use crate::source::{ALERTS, INCIDENTS};
use crate::summary::{self, Alert, Incident};
use futures::FutureExt;
use jiff::Timestamp;

const SINCE: Parameter = Parameter {
    name: "since",
    about: "Created at or after this instant, such as 2026-11-02T08:15:00Z, or this day in UTC",
};
const SEVERITY: Parameter = Parameter {
    name: "severity",
    about: "Severities, separated by commas: high, medium, low, informational",
};
const STATUS: Parameter = Parameter {
    name: "status",
    about: "States, separated by commas, such as new, inProgress, resolved; open stands for all that are \
            neither resolved nor merged into another",
};
const GROUP: Parameter =
    Parameter { name: "group", about: "Groups of devices, separated by commas" };
const DEVICE: Parameter = Parameter {
    name: "device",
    about: "Names of devices as alerts spell them, separated by commas",
};
const INCIDENT: Parameter =
    Parameter { name: "incident", about: "Ids of incidents, separated by commas" };

/// The routes of this file.
pub const ROUTES: &[Route] = &[
    Route {
        query: &[SINCE, SEVERITY, STATUS, GROUP, DEVICE, INCIDENT],
        ..Route::list(
            "alerts",
            "Alerts in their newest state, the last created first; the thousand newest are kept",
            shape::<Page<Alert>>,
            |call| alerts(call).boxed(),
        )
    },
    Route {
        query: &[SINCE, SEVERITY, STATUS],
        ..Route::list(
            "incidents",
            "Incidents in their newest state, the last created first; the thousand newest are kept",
            shape::<Page<Incident>>,
            |call| incidents(call).boxed(),
        )
    },
];

const ALERT: &[Column] = &[
    Column("Created", "created"),
    Column("Severity", "severity"),
    Column("Status", "status"),
    Column("Alert", "title"),
    Column("Devices", "devices"),
    Column("Groups", "deviceGroups"),
    Column("Incident", "incidentId"),
    Column("Page", "url"),
    Column("Product", "product"),
    Column("Category", "category"),
    Column("Updated", "updated"),
    Column("Id", "id"),
];

const INCIDENT_COLUMNS: &[Column] = &[
    Column("Created", "created"),
    Column("Severity", "severity"),
    Column("Status", "status"),
    Column("Incident", "title"),
    Column("Priority", "priority"),
    Column("Assigned", "assigned"),
    Column("Updated", "updated"),
    Column("Page", "url"),
    Column("Id", "id"),
];

/// What both lists are filtered by.
struct Asked {
    since: Option<Timestamp>,
    severity: OneOf,
    status: OneOf,
}

impl Asked {
    fn of(call: &Call<'_>) -> Result<Asked, Problem> {
        Ok(Asked {
            since: call.query.instant("since")?,
            severity: call.query.one_of("severity"),
            status: call.query.one_of("status"),
        })
    }

    fn admits(
        &self,
        created: Option<Timestamp>,
        severity: Option<&str>,
        (status, open): (Option<&str>, bool),
    ) -> bool {
        let is_open = open && self.status.admits(Some("open"));
        self.since.is_none_or(|since| created >= Some(since))
            && self.severity.admits(severity)
            && (is_open || self.status.admits(status))
    }
}

async fn alerts(call: &Call<'_>) -> Result<Answer, Problem> {
    let asked = Asked::of(call)?;
    let [group, device, incident] =
        ["group", "device", "incident"].map(|name| call.query.one_of(name));
    let tenant = call.tenant();
    let listed = |known: &[summary::Known], now| {
        summary::alert_list(known, now, tenant.cloud.portal, &tenant.id)
    };
    let mut listed = call.of_snapshots(ALERTS, listed).await?;
    let any =
        |of: &OneOf, own: &[String]| of.is_any() || own.iter().any(|one| of.admits(Some(one)));
    listed.items.retain(|alert| {
        let state = (alert.status.as_deref(), alert.open);
        asked.admits(alert.created, alert.severity.as_deref(), state)
            && any(&group, &alert.device_groups)
            && any(&device, &alert.devices)
            && incident.admits(alert.incident_id.as_deref())
    });
    Page::listed(call, (format!("Alerts of {}", tenant.name), ALERT), listed)?.answer(call)
}

async fn incidents(call: &Call<'_>) -> Result<Answer, Problem> {
    let asked = Asked::of(call)?;
    let tenant = call.tenant();
    let listed = |known: &[summary::Known], now| {
        summary::incident_list(known, now, tenant.cloud.portal, &tenant.id)
    };
    let mut listed = call.of_snapshots(INCIDENTS, listed).await?;
    listed.items.retain(|incident| {
        let state = (incident.status.as_deref(), incident.open);
        asked.admits(incident.created, incident.severity.as_deref(), state)
    });
    let heading = format!("Incidents of {}", tenant.name);
    Page::listed(call, (heading, INCIDENT_COLUMNS), listed)?.answer(call)
}
