//! Microsoft Graph security: alerts and incidents, by last update.

use super::table::{datetime, dynamic, real, text};
use super::{Api, Fetch, Permission, Reads, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

/// Updates of the last month at first, then what has changed since, with a quarter of an hour before
/// it: an index that lags must not cost a record.
const BY_UPDATE: Reads = Reads::Updated {
    fields: &["lastUpdateDateTime"],
    filter: true,
    overlap: SignedDuration::from_mins(15),
    first: SignedDuration::from_hours(30 * 24),
};

/// Alerts of all Defender products, each as often as it is updated.
///
/// Every five minutes. They stay in the ledger by default, since Sentinel's own connector brings them;
/// `POSTURE_SEND` changes that. A page of 100: an alert with its evidence may have 50 KB.
///
/// <https://learn.microsoft.com/graph/api/security-list-alerts_v2>
pub const ALERTS: Source = Source {
    name: "graph.alerts",
    about: "Alerts of all Defender products, with their evidence",
    api: Api::Graph,
    fetch: Fetch::Collection("/v1.0/security/alerts_v2?$top=100"),
    key: &["id"],
    reads: BY_UPDATE,
    needs: Permission::AppRole("SecurityAlert.Read.All", "472e4a4d-bb4a-4026-98d1-0b0d74cb74a5"),
    default: true,
    every: SignedDuration::from_mins(5),
    sends: Sends::Nothing,
    digest: Kind::Alerts,
    table: Table {
        name: "PostureAlerts_CL",
        columns: &[
            text("id").named("AlertId"),
            text("providerAlertId"),
            text("incidentId"),
            text("status"),
            text("severity"),
            text("serviceSource"),
            text("detectionSource"),
            text("productName"),
            text("detectorId"),
            text("classification"),
            text("determination"),
            text("investigationState"),
            text("title").named("AlertTitle"),
            text("description"),
            text("recommendedActions"),
            text("category"),
            dynamic("categories"),
            dynamic("mitreTechniques"),
            dynamic("systemTags"),
            text("assignedTo"),
            text("actorDisplayName"),
            text("threatDisplayName"),
            text("threatFamilyName"),
            text("alertPolicyId"),
            text("alertWebUrl"),
            text("incidentWebUrl"),
            text("tenantId").named("RecordTenantId"),
            datetime("createdDateTime"),
            datetime("lastUpdateDateTime"),
            datetime("firstActivityDateTime"),
            datetime("lastActivityDateTime"),
            datetime("resolvedDateTime"),
            dynamic("comments"),
            dynamic("customDetails"),
            dynamic("additionalData"),
            dynamic("evidence"),
        ],
        classic: &[],
    },
};

/// Incidents, each as often as it is updated.
///
/// Every five minutes, without their alerts: expanding them fails for good on large tenants, and the
/// alerts carry `incidentId`. A page holds at most 50. They stay in the ledger by default.
///
/// <https://learn.microsoft.com/graph/api/security-list-incidents>
pub const INCIDENTS: Source = Source {
    name: "graph.incidents",
    about: "Incidents of Microsoft Defender XDR, with state and assignment",
    api: Api::Graph,
    fetch: Fetch::Collection("/v1.0/security/incidents?$top=50"),
    key: &["id"],
    reads: BY_UPDATE,
    needs: Permission::AppRole("SecurityIncident.Read.All", "45cc0394-e837-488b-a098-1918f48d186c"),
    default: true,
    every: SignedDuration::from_mins(5),
    sends: Sends::Nothing,
    digest: Kind::Incidents,
    table: Table {
        name: "PostureIncidents_CL",
        columns: &[
            text("id").named("IncidentId"),
            text("displayName"),
            text("description"),
            text("summary"),
            text("status"),
            text("severity"),
            text("classification"),
            text("determination"),
            real("priorityScore"),
            text("assignedTo"),
            dynamic("customTags"),
            dynamic("systemTags"),
            dynamic("comments"),
            text("resolvingComment"),
            text("redirectIncidentId"),
            text("lastModifiedBy"),
            text("incidentWebUrl"),
            text("tenantId").named("RecordTenantId"),
            datetime("createdDateTime"),
            datetime("lastUpdateDateTime"),
        ],
        classic: &[],
    },
};
