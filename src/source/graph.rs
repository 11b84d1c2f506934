//! Microsoft Graph security: Secure Score and its controls.

use super::classic;
use super::table::{boolean, datetime, dynamic, real, text};
use super::{Api, Fetch, Permission, Reads, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

const SECURITY_EVENTS: Permission =
    Permission::AppRole("SecurityEvents.Read.All", "bf394140-e372-4bf9-a898-299cfc7564e5");

// Ten days a page: an entry holds some 230 controls of up to 1 KB each.
const SECURE_SCORES_PATH: &str = "/v1.0/security/secureScores?$top=10";

/// The organisation's Secure Score, one record a day.
///
/// The API keeps 90 days and answers newest first: the first run reads all of them, later ones what
/// is new. `createdDateTime` is the day at midnight UTC.
///
/// <https://learn.microsoft.com/graph/api/security-list-securescores>
pub const SECURE_SCORES: Source = Source {
    name: "graph.secure_scores",
    about: "Microsoft Secure Score of each day, with comparison averages",
    api: Api::Graph,
    fetch: Fetch::Collection(SECURE_SCORES_PATH),
    key: &["id"],
    reads: Reads::Since(&["createdDateTime"]),
    needs: SECURITY_EVENTS,
    default: true,
    every: SignedDuration::from_hours(6),
    sends: Sends::All,
    digest: Kind::SecureScores,
    table: Table {
        name: "PostureSecureScores_CL",
        columns: &[
            text("id").named("SecureScoreId"),
            text("azureTenantId"),
            datetime("createdDateTime"),
            real("currentScore"),
            real("maxScore"),
            real("activeUserCount"),
            real("licensedUserCount"),
            dynamic("enabledServices"),
            dynamic("averageComparativeScores"),
            dynamic("vendorInformation"),
        ],
        classic: &[classic::M365_SECURE_SCORE],
    },
};

/// The score of each control on each day, one record per control and day.
///
/// Read from the days of [`SECURE_SCORES`]; `secureScoreId` and `createdDateTime` are the day's.
/// Counts arrive as text, and so stay.
///
/// <https://learn.microsoft.com/graph/api/resources/controlscore>
pub const SECURE_SCORE_CONTROLS: Source = Source {
    name: "graph.secure_score_controls",
    about: "Score and state of every Secure Score control on each day",
    api: Api::Graph,
    fetch: Fetch::Members {
        path: SECURE_SCORES_PATH,
        list: "controlScores",
        parent: &[("id", "secureScoreId"), ("createdDateTime", "createdDateTime")],
    },
    key: &["secureScoreId", "controlName"],
    reads: Reads::Since(&["createdDateTime"]),
    needs: SECURITY_EVENTS,
    default: true,
    every: SignedDuration::from_hours(6),
    sends: Sends::All,
    digest: Kind::SecureScoreControls,
    table: Table {
        name: "PostureSecureScoreControls_CL",
        columns: &[
            text("secureScoreId"),
            datetime("createdDateTime"),
            text("controlName"),
            text("controlCategory"),
            text("description"),
            real("score"),
            real("scoreInPercentage"),
            text("implementationStatus"),
            datetime("lastSynced"),
            text("count"),
            text("total"),
            text("on"),
            text("IsApplicable"),
            text("state"),
            text("controlState"),
            text("expiry"),
            text("source").named("RecordSource"),
            text("mdoImplementationStatus"),
        ],
        classic: &[classic::M365_SECURE_SCORE_CONTROLS],
    },
};

/// What each control is, what it is worth and what to do for it.
///
/// Some 200 to 600 records, deprecated ones included. There is no state property: the effective
/// state is the newest entry of `controlStateUpdates`.
///
/// <https://learn.microsoft.com/graph/api/security-list-securescorecontrolprofiles>
pub const CONTROL_PROFILES: Source = Source {
    name: "graph.control_profiles",
    about: "Secure Score controls: worth, cost, user impact, remediation and state",
    api: Api::Graph,
    fetch: Fetch::Collection("/v1.0/security/secureScoreControlProfiles"),
    key: &["id"],
    reads: Reads::Whole,
    needs: SECURITY_EVENTS,
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::All,
    digest: Kind::ControlProfiles,
    table: Table {
        name: "PostureControlProfiles_CL",
        columns: &[
            text("id").named("ControlProfileId"),
            text("azureTenantId"),
            text("title").named("ControlTitle"),
            text("controlCategory"),
            text("service"),
            text("tier"),
            text("actionType"),
            text("actionUrl"),
            real("maxScore"),
            real("rank"),
            boolean("deprecated"),
            text("implementationCost"),
            text("userImpact"),
            dynamic("threats"),
            text("remediation"),
            text("remediationImpact"),
            datetime("lastModifiedDateTime"),
            dynamic("complianceInformation"),
            dynamic("controlStateUpdates"),
            dynamic("vendorInformation"),
        ],
        classic: &[],
    },
};
