//! Who is collected: what the roster says of each tenant, and how fresh it is.

use super::{Answer, Call, Column, Page, Route, Subject, shape};
use crate::app::KNOWN_OF_MANY_FOR;
use crate::host::Problem;
use crate::schema;
use crate::summary::{SourceStatus, TenantStanding, TenantState};
use crate::tenant::Tenant;
use futures::FutureExt;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

/// The routes of this file.
pub const ROUTES: &[Route] = &[Route {
    subject: Subject::Tenants,
    ..Route::list(
        "tenants",
        "The tenants that are collected: name, cloud, sources, and how fresh each is",
        shape::<Page<TenantEntry>>,
        |call| tenants(call).boxed(),
    )
}];

const COLUMNS: &[Column] = &[
    Column("Tenant", "name"),
    Column("State", "state"),
    Column("Cloud", "cloud"),
    Column("Enabled", "enabled"),
    Column("Fresh", "fresh"),
    Column("Stale", "stale"),
    Column("Missing", "missing"),
    Column("Refused", "refused"),
    Column("Unavailable", "unavailable"),
    Column("Newest", "newest"),
    Column("Oldest", "oldest"),
    Column("Sources", "sources"),
    Column("Id", "id"),
];

/// A tenant as the deployment has it; nothing of its credential.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantEntry {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The Defender portal, opened in it.
    pub portal_url: String,
    /// Its cloud: `public`, `gcc`, `gcc-high`, `dod` or `china`.
    pub cloud: &'static str,
    /// Whether it is collected; what is kept stays either way.
    pub enabled: bool,
    /// Whether it is broken, stale, fresh, starting or disabled.
    pub state: TenantState,
    /// Sources that were collected within two of their intervals and an hour.
    pub fresh: usize,
    /// Sources that were collected longer ago.
    pub stale: usize,
    /// Sources that were never collected.
    pub missing: usize,
    /// Sources that an administrator's turn holds up.
    pub refused: usize,
    /// Sources that the tenant or its cloud has no data for.
    pub unavailable: usize,
    /// When a source was collected last.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub newest: Option<Timestamp>,
    /// When the source was collected whose snapshot is the oldest.
    #[schemars(with = "Option<schema::Timestamp>")]
    pub oldest: Option<Timestamp>,
    /// What is collected.
    pub sources: Vec<&'static str>,
}

/// The Defender portal, opened in a tenant.
pub(super) fn portal_url(tenant: &Tenant) -> String {
    format!("{}/?tid={}", tenant.cloud.portal.trim_end_matches('/'), tenant.id)
}

impl TenantEntry {
    fn of(tenant: &Tenant, standing: &TenantStanding) -> TenantEntry {
        let count = |status| standing.of(status).count();
        let collected = || standing.health.sources.iter().filter_map(|source| source.collected);
        TenantEntry {
            id: tenant.id.clone(),
            name: tenant.name.clone(),
            portal_url: portal_url(tenant),
            cloud: tenant.cloud.name,
            enabled: tenant.enabled,
            state: standing.state(tenant.enabled),
            fresh: count(SourceStatus::Fresh),
            stale: count(SourceStatus::Stale),
            missing: count(SourceStatus::Missing),
            refused: count(SourceStatus::Refused),
            unavailable: count(SourceStatus::Unavailable),
            newest: collected().max(),
            oldest: collected().min(),
            sources: tenant.sources.iter().map(|source| source.name).collect(),
        }
    }
}

async fn tenants(call: &Call<'_>) -> Result<Answer, Problem> {
    let standings = call.standings(KNOWN_OF_MANY_FOR).await?;
    let both = call.tenants.iter().zip(&standings);
    let entries: Vec<_> = both.map(|(tenant, of)| TenantEntry::of(tenant, of)).collect();
    Page::of(call, ("Tenants", COLUMNS), "tenants", entries)?.answer(call)
}
