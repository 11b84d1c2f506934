//! The documented limits: how many calls a service takes in which time, and whose count a call is on.

use std::time::Duration;

/// At most so much in any stretch of time of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Calls, or kilobytes.
    pub amount: u32,
    /// The stretch of time.
    pub span: Duration,
}

impl Limit {
    const fn new(amount: u32, seconds: u64) -> Limit {
        Limit { amount, span: Duration::from_secs(seconds) }
    }
}

/// What a service says of one kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// The kind of call, for people.
    pub of: &'static str,
    /// Limits of calls, all of which hold.
    pub calls: &'static [Limit],
    /// Limits of kilobytes sent, before compression.
    pub kilobytes: &'static [Limit],
    /// Calls at the same time.
    pub at_once: Option<usize>,
    /// The page.
    pub page: &'static str,
}

impl Quota {
    const fn of(of: &'static str, calls: &'static [Limit], page: &'static str) -> Quota {
        Quota { of, calls, kilobytes: &[], at_once: None, page }
    }
}

/// Each API's own page says 100 and 1,500; ours count all lists of a tenant together, since they lie
/// behind one service that also throttles by work done.
pub const DEFENDER_LISTS: Quota = Quota::of(
    "Defender's lists, scores and machine actions",
    &[Limit::new(100, 60), Limit::new(1_500, 3_600)],
    "https://learn.microsoft.com/defender-endpoint/api/exposed-apis-list",
);
/// Without a key.
pub const NVD: Quota =
    Quota::of("NVD", &[Limit::new(5, 30)], "https://nvd.nist.gov/developers/start-here");
/// With one.
pub const NVD_WITH_KEY: Quota = Quota::of(
    "NVD with a key",
    &[Limit::new(50, 30)],
    "https://nvd.nist.gov/developers/start-here",
);
/// Half of what the other lists take.
pub const DEVICE_VULNERABILITIES: Quota = Quota::of(
    "Vulnerabilities of one device",
    &[Limit::new(50, 60), Limit::new(1_500, 3_600)],
    "https://learn.microsoft.com/defender-endpoint/api/get-discovered-vulnerabilities",
);
/// Each listing of export files by itself.
pub const EXPORT_FILES: Quota = Quota::of(
    "Listings of export files, each",
    &[Limit::new(5, 60), Limit::new(20, 3_600)],
    "https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities",
);
/// Each export by pages by itself, the changes of vulnerabilities among them.
pub const EXPORT_PAGES: Quota = Quota::of(
    "Exports by pages and changes, each",
    &[Limit::new(30, 60), Limit::new(1_000, 3_600)],
    "https://learn.microsoft.com/defender-endpoint/api/get-assessment-software-vulnerabilities",
);
/// Secure scores and their profiles.
pub const SECURE_SCORES: Quota = Quota {
    at_once: Some(4),
    ..Quota::of(
        "Secure scores and control profiles",
        &[Limit::new(10_000, 600)],
        "https://learn.microsoft.com/graph/throttling-limits#security-service-limits",
    )
};
/// Alerts and incidents.
pub const ALERTS: Quota = Quota::of(
    "Alerts and incidents",
    &[Limit::new(150, 60)],
    "https://learn.microsoft.com/graph/throttling-limits#security-service-limits",
);
/// One a second for all applications of the tenant together, so ours leaves a little.
pub const IDENTITY_PROTECTION: Quota = Quota::of(
    "Risky users and risk detections",
    &[Limit { amount: 1, span: Duration::from_millis(1_100) }],
    "https://learn.microsoft.com/graph/throttling-limits#identity-protection-and-conditional-access-service-limits",
);
/// The least that every tenant has; older pages name the hour's too.
pub const HUNTING: Quota = Quota::of(
    "Advanced hunting",
    &[Limit::new(45, 60), Limit::new(1_500, 3_600)],
    "https://learn.microsoft.com/defender-xdr/advanced-hunting-limits",
);
/// No page gives Cloud Discovery a figure: only what it asks for itself is waited.
pub const CLOUD_DISCOVERY: Quota = Quota::of(
    "Cloud Discovery",
    &[],
    "https://learn.microsoft.com/graph/throttling-limits#security-service-limits",
);
/// Queries of one principal in one tenant.
pub const RESOURCE_GRAPH: Quota = Quota::of(
    "Azure Resource Graph",
    &[Limit::new(15, 5)],
    "https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests",
);
/// A bucket of 250 calls that gains 25 a second, for each subscription: 250 in any ten seconds never
/// empty it.
pub const RESOURCE_MANAGER: Quota = Quota::of(
    "Azure Resource Manager, each subscription",
    &[Limit::new(250, 10)],
    "https://learn.microsoft.com/azure/azure-resource-manager/management/request-limits-and-throttling",
);
/// Each collection rule by itself, whoever sends.
pub const LOGS_INGESTION: Quota = Quota {
    kilobytes: &[Limit::new(2_000_000, 60)],
    ..Quota::of(
        "Logs Ingestion, each collection rule",
        &[Limit::new(12_000, 60)],
        "https://learn.microsoft.com/azure/azure-monitor/service-limits#logs-ingestion-api",
    )
};

/// Every quota that calls are counted by.
pub const QUOTAS: &[Quota] = &[
    DEFENDER_LISTS,
    DEVICE_VULNERABILITIES,
    EXPORT_FILES,
    EXPORT_PAGES,
    SECURE_SCORES,
    ALERTS,
    IDENTITY_PROTECTION,
    HUNTING,
    CLOUD_DISCOVERY,
    RESOURCE_GRAPH,
    RESOURCE_MANAGER,
    LOGS_INGESTION,
];

/// What a call to this path counts by: the quota, and the one thing of several that has it for itself.
/// Nothing where no quota is known, as for roles and consents.
pub fn of(path: &str) -> Option<(Quota, String)> {
    let path = path.to_ascii_lowercase();
    let graph = path.strip_prefix("/v1.0/").or_else(|| path.strip_prefix("/beta/"));
    let plain = match (graph, path.strip_prefix("/api/")) {
        (Some(path), _) => of_graph(path)?,
        (_, Some(name)) => return Some(of_defender(name)),
        _ if path.starts_with("/providers/microsoft.resourcegraph/") => RESOURCE_GRAPH,
        _ if path.starts_with("/rest/json/cves/") => NVD,
        _ => return of_azure(&path),
    };
    Some((plain, String::new()))
}

fn of_graph(path: &str) -> Option<Quota> {
    const AREAS: [(&str, Quota); 7] = [
        ("security/securescore", SECURE_SCORES),
        ("security/alerts", ALERTS),
        ("security/incidents", ALERTS),
        ("security/runhuntingquery", HUNTING),
        ("security/datadiscovery/", CLOUD_DISCOVERY),
        ("identityprotection/", IDENTITY_PROTECTION),
        ("identity/conditionalaccess/", IDENTITY_PROTECTION),
    ];
    AREAS.iter().find(|(area, _)| path.starts_with(area)).map(|(_, quota)| *quota)
}

fn of_defender(name: &str) -> (Quota, String) {
    let name = name.strip_prefix("v1.0/").unwrap_or(name);
    match name.strip_prefix("machines/") {
        Some(export) if export.ends_with("export") => (EXPORT_FILES, name.to_owned()),
        Some(export) if export.ends_with("bymachine") => (EXPORT_PAGES, name.to_owned()),
        Some(of) if of.ends_with("/vulnerabilities") => (DEVICE_VULNERABILITIES, String::new()),
        _ => (DEFENDER_LISTS, String::new()),
    }
}

fn of_azure(path: &str) -> Option<(Quota, String)> {
    let mut names = path.trim_start_matches('/').split('/');
    let (quota, one) = match names.next()? {
        "datacollectionrules" => (LOGS_INGESTION, names.next()?),
        "subscriptions" => (RESOURCE_MANAGER, names.next().unwrap_or_default()),
        "providers" => (RESOURCE_MANAGER, ""),
        _ => return None,
    };
    Some((quota, one.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ALL;

    #[test]
    fn every_source_is_on_somebodys_count() {
        // CISA and FIRST name no limit: one file in hours is far from any.
        for source in ALL.iter().filter(|one| !["cve.kev", "cve.epss"].contains(&one.name)) {
            let path = source.fetch.path().split('?').next().unwrap();
            assert!(of(path).is_some(), "give {} at {path} a quota", source.name);
        }
    }

    #[test]
    fn a_call_counts_by_its_path() {
        let count = |path: &str| of(path).map(|(quota, one)| (quota.of, one));
        let plain = |quota: Quota| Some((quota.of, String::new()));

        assert_eq!(count("/api/machines"), plain(DEFENDER_LISTS));
        assert_eq!(count("/api/machines/00aa/isolate"), plain(DEFENDER_LISTS));
        let of_device = count("/api/machines/00aa/vulnerabilities");
        assert_eq!(of_device, plain(DEVICE_VULNERABILITIES));
        let export = "/api/machines/SoftwareInventoryExport";
        let one = "machines/softwareinventoryexport".to_owned();
        assert_eq!(count(export), Some((EXPORT_FILES.of, one)));
        let pages = "/api/v1.0/machines/SoftwareVulnerabilityChangesByMachine";
        let one = "machines/softwarevulnerabilitychangesbymachine".to_owned();
        assert_eq!(count(pages), Some((EXPORT_PAGES.of, one)));
        assert_eq!(count("/v1.0/security/secureScoreControlProfiles"), plain(SECURE_SCORES));
        assert_eq!(count("/v1.0/identityProtection/riskyUsers"), plain(IDENTITY_PROTECTION));
        let resources = "/providers/Microsoft.ResourceGraph/resources";
        assert_eq!(count(resources), plain(RESOURCE_GRAPH));
        let list = "/subscriptions/S1/providers/Microsoft.Security/assessments";
        assert_eq!(count(list), Some((RESOURCE_MANAGER.of, "s1".to_owned())));
        let stream = "/dataCollectionRules/dcr-1/streams/Custom-X_CL";
        assert_eq!(count(stream), Some((LOGS_INGESTION.of, "dcr-1".to_owned())));
        assert_eq!(count("/v1.0/servicePrincipals"), None);
    }

    #[test]
    fn the_page_of_limits_has_every_figure() {
        let text = std::fs::read_to_string("docs/limits.md").unwrap();
        for quota in QUOTAS {
            let row = text.lines().find(|line| line.contains(&format!("| {} |", quota.of)));
            let row = row.unwrap_or_else(|| panic!("docs/limits.md has no row of {}", quota.of));
            assert!(row.contains(quota.page), "{row} lacks {}", quota.page);
            for limit in quota.calls {
                let figure = format!("{} in {} s", limit.amount, limit.span.as_secs_f64());
                assert!(row.contains(&figure), "{row} lacks {figure}");
            }
        }
    }
}
