//! Cloud Discovery of Defender for Cloud Apps: what people use beside what was approved (Shadow IT).

use super::table::{datetime, dynamic, real, text};
use super::{Api, Below, Fetch, Permission, Reads, Sends, Source, Table};
use crate::digest::Kind;
use jiff::SignedDuration;

/// Apps found in the traffic of the last 30 days, stream by stream.
///
/// A stream is a place that traffic is reported from; `Global view` holds what all of them found, so
/// that an app comes once a stream. `riskScore` is 1 to 10, and 10 is safest. A tenant without Defender
/// for Cloud Apps has no such data, nor have the clouds of the US Government and of China. The beta
/// version is the only one, and may change.
///
/// <https://learn.microsoft.com/graph/api/security-datadiscoveryreport-list-uploadedstreams?view=graph-rest-beta>
pub const CLOUD_APPS: Source = Source {
    name: "graph.cloud_apps",
    about: "Apps that Cloud Discovery has found in the traffic of 30 days (Shadow IT)",
    api: Api::Graph,
    fetch: Fetch::Below(Below {
        parents: "/beta/security/dataDiscovery/cloudAppDiscovery/uploadedStreams",
        list: "/beta/security/dataDiscovery/cloudAppDiscovery/uploadedStreams/{}/aggregatedAppsDetails(period=duration'P30D')",
        parent: &[("id", "streamId"), ("displayName", "streamName")],
    }),
    key: &["streamId", "id"],
    reads: Reads::Whole,
    needs: Permission::AppRole(
        "CloudApp-Discovery.Read.All",
        "64a59178-dad3-4673-89db-84fdcd622fec",
    ),
    default: true,
    every: SignedDuration::from_hours(24),
    sends: Sends::All,
    digest: Kind::CloudApps,
    table: Table {
        name: "PostureCloudApps_CL",
        columns: &[
            text("streamId"),
            text("streamName"),
            text("id").named("CloudAppId"),
            text("displayName"),
            text("category"),
            real("riskScore"),
            real("userCount"),
            real("ipAddressCount"),
            real("deviceCount"),
            real("transactionCount"),
            real("uploadNetworkTrafficInBytes"),
            real("downloadNetworkTrafficInBytes"),
            datetime("firstSeenDateTime"),
            datetime("lastSeenDateTime"),
            dynamic("domains"),
            dynamic("tags"),
            text("description"),
        ],
        classic: &[],
    },
};
