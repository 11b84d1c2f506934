//! Whether everything that should be collected is, and fresh.

use crate::schema;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use super::{GivenUp, Known, QueueHealth};
use crate::digest::Ending;

/// The answer of `/api/health`.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Health {
    /// Of all tenants together.
    pub status: Status,
    /// The program's version.
    pub version: &'static str,
    /// When the answer was made.
    #[schemars(with = "schema::Timestamp")]
    pub time: Timestamp,
    /// What is wrong with the list of tenants itself, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Jobs that were given up, if any were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<QueueHealth>,
    /// Each tenant with its sources.
    pub tenants: Vec<TenantHealth>,
}

/// How the service is, as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Every source is fresh.
    Healthy,
    /// A source is missing, stale or refused, or a job was given up. A source that is unavailable
    /// counts for nothing.
    Degraded,
    /// Nothing is collected yet, and nothing was refused.
    Starting,
}

/// The sources of a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TenantHealth {
    /// The tenant's id.
    pub id: String,
    /// The tenant's name.
    pub name: String,
    /// What its identity signs in with and ends within 30 days, as the newest complete run has learnt it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credentials: Vec<Ending>,
    /// Its jobs that were given up, those among the first 32 of all tenants.
    #[serde(rename = "givenUp", skip_serializing_if = "Vec::is_empty")]
    pub given_up: Vec<GivenUp>,
    /// Each source.
    pub sources: Vec<SourceHealth>,
}

/// How one source of a tenant is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SourceHealth {
    /// The source's name.
    pub source: String,
    /// How it is.
    pub status: SourceStatus,
    /// When its newest complete snapshot was collected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<schema::Timestamp>")]
    pub collected: Option<Timestamp>,
    /// Why it is missing or isn't renewed, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SourceStatus {
    /// Collected within two of its intervals and an hour.
    Fresh,
    /// Collected, but longer ago.
    Stale,
    /// Never collected.
    Missing,
    /// An administrator's turn, whether it was collected before or not.
    Refused,
    /// The tenant or its cloud has no such data.
    Unavailable,
}

/// How the collection of all tenants (id, name, sources) is at `now`; `problem` is what is wrong with
/// their list.
pub fn health(
    now: Timestamp,
    tenants: &[(String, String, Vec<Known>)],
    problem: Option<&str>,
) -> Health {
    let of_tenant =
        |(id, name, known): &(String, String, Vec<Known>)| tenant_health(id, name, known, now);
    health_of(now, tenants.iter().map(of_tenant).collect(), problem)
}

/// How a tenant's sources are at `now`.
pub fn tenant_health(id: &str, name: &str, known: &[Known], now: Timestamp) -> TenantHealth {
    TenantHealth {
        id: id.to_owned(),
        name: name.to_owned(),
        credentials: endings(known),
        given_up: Vec::new(),
        sources: known.iter().map(|known| of_source(known, now)).collect(),
    }
}

/// How the collection of all tenants is; `problem` is what is wrong with their list.
pub fn health_of(now: Timestamp, tenants: Vec<TenantHealth>, problem: Option<&str>) -> Health {
    let status = match problem {
        Some(_) => Status::Degraded,
        None => overall(&tenants),
    };
    let (version, problem) = (env!("CARGO_PKG_VERSION"), problem.map(str::to_owned));
    Health { status, version, time: now, problem, queue: None, tenants }
}

fn endings(known: &[Known]) -> Vec<Ending> {
    let latest = known.iter().filter_map(|known| known.latest.as_deref());
    latest
        .max_by_key(|latest| latest.completed)
        .map_or_else(Vec::new, |newest| newest.credentials.clone())
}

fn of_source(known: &Known, now: Timestamp) -> SourceHealth {
    // Of whatever form: an earlier release's was collected too.
    let freshness = known.latest.as_deref().map(|latest| known.freshness(latest, now));
    let status = match freshness {
        _ if known.unavailable => SourceStatus::Unavailable,
        _ if known.reason.is_some() => SourceStatus::Refused,
        None => SourceStatus::Missing,
        Some(freshness) if freshness.stale => SourceStatus::Stale,
        Some(_) => SourceStatus::Fresh,
    };
    SourceHealth {
        source: known.source.to_owned(),
        status,
        collected: freshness.map(|freshness| freshness.collected),
        reason: known.reason.clone(),
    }
}

fn overall(tenants: &[TenantHealth]) -> Status {
    let all = |wanted: SourceStatus| {
        let sources = tenants.iter().flat_map(|tenant| &tenant.sources);
        let mut sources = sources.filter(|source| source.status != SourceStatus::Unavailable);
        sources.all(|source| source.status == wanted)
    };
    match () {
        // Also where there is no source at all, and so nothing that could be healthy.
        () if all(SourceStatus::Missing) => Status::Starting,
        () if all(SourceStatus::Fresh) => Status::Healthy,
        () => Status::Degraded,
    }
}
