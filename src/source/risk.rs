//! Entra ID Protection: users at risk and what put them there. Off unless `POSTURE_SOURCES` asks for
//! them, since they name people.
//!
//! One request a second per tenant, over all applications; the service answers 429 without saying
//! how long.

use super::table::{boolean, datetime, dynamic, text};
use super::{Api, Fetch, Permission, Reads, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

/// Users that are or were at risk, past ones included.
///
/// Needs Entra ID P2; a tenant without it is refused.
///
/// <https://learn.microsoft.com/graph/api/riskyuser-list>
pub const RISKY_USERS: Source = Source {
    name: "graph.risky_users",
    about: "Users that Entra ID Protection holds or held for at risk (off by default)",
    api: Api::Graph,
    fetch: Fetch::Collection("/v1.0/identityProtection/riskyUsers?$top=500"),
    key: &["id"],
    reads: Reads::Whole,
    needs: Permission::AppRole(
        "IdentityRiskyUser.Read.All",
        "dc5007c0-2d7d-4c42-879c-2dab87571379",
    ),
    default: false,
    every: SignedDuration::from_hours(6),
    sends: Sends::All,
    digest: Kind::Records,
    table: Table {
        name: "PostureRiskyUsers_CL",
        columns: &[
            text("id").named("UserId"),
            text("userPrincipalName"),
            text("userDisplayName"),
            boolean("isDeleted"),
            boolean("isProcessing"),
            text("riskLevel"),
            text("riskState"),
            text("riskDetail"),
            datetime("riskLastUpdatedDateTime"),
        ],
        classic: &[],
    },
};

/// Risk detections, each as often as its state changes.
///
/// Needs Entra ID P1 or P2. Offline detections arrive days after the activity, so that the update is
/// what counts; an hour of overlap, because its date moves late.
///
/// <https://learn.microsoft.com/graph/api/riskdetection-list>
pub const RISK_DETECTIONS: Source = Source {
    name: "graph.risk_detections",
    about: "Risk detections of Entra ID Protection (off by default)",
    api: Api::Graph,
    fetch: Fetch::Collection("/v1.0/identityProtection/riskDetections?$top=500"),
    key: &["id"],
    reads: Reads::Updated {
        fields: &["lastUpdatedDateTime"],
        filter: true,
        overlap: SignedDuration::from_hours(1),
        first: SignedDuration::from_hours(30 * 24),
    },
    needs: Permission::AppRole(
        "IdentityRiskEvent.Read.All",
        "6e472fd1-ad78-48da-a0f0-97ab2c6b769e",
    ),
    default: false,
    every: SignedDuration::from_hours(1),
    sends: Sends::All,
    digest: Kind::Records,
    table: Table {
        name: "PostureRiskDetections_CL",
        columns: &[
            text("id").named("RiskDetectionId"),
            text("requestId"),
            text("correlationId"),
            text("riskEventType"),
            text("riskLevel"),
            text("riskState"),
            text("riskDetail"),
            text("source").named("RecordSource"),
            text("detectionTimingType"),
            text("activity"),
            text("tokenIssuerType"),
            text("ipAddress"),
            dynamic("location"),
            datetime("activityDateTime"),
            datetime("detectedDateTime"),
            datetime("lastUpdatedDateTime"),
            text("userId"),
            text("userDisplayName"),
            text("userPrincipalName"),
            text("additionalInfo"),
        ],
        classic: &[],
    },
};
