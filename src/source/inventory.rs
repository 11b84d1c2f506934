//! Microsoft Defender for Endpoint: scores by group, software of the organisation, response actions.

use super::defender::SCORE;
use super::table::{boolean, datetime, dynamic, real, text};
use super::{Api, Fetch, Permission, Reads, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

pub(super) const SOFTWARE_READ: Permission =
    Permission::AppRole("Software.Read.All", "37f71c98-d198-41ae-964d-2c49aab74926");

/// The exposure score of each machine group, 0 to 100; high is bad.
///
/// One record per group, the newest state only: the API keeps no history.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-machine-group-exposure-score>
pub const EXPOSURE_SCORE_BY_GROUP: Source = Source {
    name: "defender.exposure_score_by_group",
    about: "Exposure score of each machine group (0 to 100, high is bad)",
    api: Api::Defender,
    fetch: Fetch::Collection("/api/exposureScore/ByMachineGroups"),
    key: &["rbacGroupName", "time"],
    reads: Reads::Whole,
    needs: SCORE,
    default: true,
    every: SignedDuration::from_hours(6),
    sends: Sends::All,
    digest: Kind::Records,
    table: Table {
        name: "PostureExposureScoreByGroup_CL",
        columns: &[datetime("time"), real("score"), text("rbacGroupName")],
        classic: &[],
    },
};

/// The software that the organisation's devices hold.
///
/// One record per product; a page holds at most 10,000.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-software>
pub const SOFTWARE: Source = Source {
    name: "defender.software",
    about: "Software of the organisation, with weaknesses and exposed machines",
    api: Api::Defender,
    fetch: Fetch::Collection("/api/Software"),
    key: &["id"],
    reads: Reads::Whole,
    needs: SOFTWARE_READ,
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::All,
    digest: Kind::Records,
    table: Table {
        name: "PostureSoftware_CL",
        columns: &[
            text("id").named("SoftwareId"),
            text("name"),
            text("vendor"),
            real("weaknesses"),
            real("exposedMachines"),
            real("installedMachines"),
            real("impactScore"),
            boolean("publicExploit"),
            boolean("activeAlert"),
            boolean("isNormalized"),
            text("category"),
        ],
        classic: &[],
    },
};

/// Response actions on devices and their state, each as often as it is updated.
///
/// The service takes no `$filter` on the last update: the whole list is read, and what is known is
/// passed over. A page holds at most 10,000.
///
/// <https://learn.microsoft.com/defender-endpoint/api/get-machineactions-collection>
pub const MACHINE_ACTIONS: Source = Source {
    name: "defender.machine_actions",
    about: "Response actions on devices (isolation, scans, …) and their state",
    api: Api::Defender,
    fetch: Fetch::Collection("/api/machineactions"),
    key: &["id"],
    reads: Reads::Updated {
        // Some answers spell it the second way.
        fields: &["lastUpdateDateTimeUtc", "lastUpdateTimeUtc"],
        filter: false,
        overlap: SignedDuration::from_hours(1),
        first: SignedDuration::from_hours(180 * 24),
    },
    needs: Permission::AppRole("Machine.Read.All", "ea8291d3-4b9a-44b5-bc3a-6cea3026dc79"),
    default: true,
    every: SignedDuration::from_mins(15),
    sends: Sends::All,
    digest: Kind::Records,
    table: Table {
        name: "PostureMachineActions_CL",
        columns: &[
            text("id").named("ActionId"),
            text("type").named("ActionType"),
            text("status"),
            text("scope"),
            text("title").named("ActionTitle"),
            text("requestor"),
            text("requestorComment"),
            text("requestSource"),
            text("externalId"),
            text("machineId"),
            text("computerDnsName"),
            datetime("creationDateTimeUtc"),
            datetime("lastUpdateDateTimeUtc"),
            text("cancellationRequestor"),
            text("cancellationComment"),
            datetime("cancellationDateTimeUtc"),
            real("errorHResult"),
            dynamic("relatedFileInfo"),
            dynamic("commands"),
            dynamic("troubleshootInfo"),
            datetime("lastUpdateTimeUtc"),
        ],
        classic: &[],
    },
};
