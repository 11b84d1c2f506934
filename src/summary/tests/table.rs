use super::*;

fn value(lines: &[(String, String)], label: &str) -> String {
    lines.iter().find(|line| line.0 == label).unwrap().1.clone()
}

#[test]
fn a_tenant_is_summed_up_in_a_dozen_lines() {
    let days = [
        day("2026-11-15", 609.17, 1204.0, &[]),
        day("2026-11-22", 612.37, 1204.0, &[("mfa", "Identity", 7.5)]),
    ];
    let azure = [
        r#"{"name":"ascScore","subscriptionId":"a","percentage":0.6033,"weight":67}"#,
        r#"{"name":"ascScore","subscriptionId":"b","percentage":0.5,"weight":3}"#,
    ];
    let devices = [r#"{"riskScore":"None"}"#, r#"{"riskScore":"High"}"#, r#"{"riskScore":"Odd"}"#];
    let row = r#"{"CveId":"CVE-2026-0001","VulnerabilitySeverityLevel":"High","IsApplicable":true,"IsCompliant":false,"ConfigurationId":"scid-7","EndOfSupportStatus":"EOS Version","NumberOfWeaknesses":1}"#;
    let alert = r#"{"RecordId":"00112233445566778899aabbccddeeff","severity":"high","status":"new","createdDateTime":"2026-11-22T09:00:00Z"}"#;
    let apps = [
        r#"{"streamId":"a","id":"1","displayName":"Share","riskScore":2}"#,
        r#"{"streamId":"a","id":"2","displayName":"Mail","riskScore":9}"#,
    ];
    let standard = r#"{"name":"PCI-4","subscriptionId":"a","state":"Failed","passedControls":7,"failedControls":4}"#;
    let mut known = [
        known("azure.compliance_standards", Kind::ComplianceStandards, &[standard.to_owned()]),
        secure_scores(&days),
        profiles(&[r#"{"id":"mfa","title":"Ask twice","maxScore":9}"#]),
        aged(exposure_score(33.491554051195706), SignedDuration::from_hours(14)),
        known("defender.devices", Kind::Devices, &devices.map(str::to_owned)),
        known("graph.cloud_apps", Kind::CloudApps, &apps.map(str::to_owned)),
        known("azure.secure_scores", Kind::AzureScores, &azure.map(str::to_owned)),
        known("defender.device_vulnerabilities", Kind::DeviceVulnerabilities, &[row.to_owned()]),
        known("defender.device_configurations", Kind::DeviceConfigurations, &[row.to_owned()]),
        known("defender.device_software", Kind::DeviceSoftware, &[row.to_owned()]),
        known("graph.alerts", Kind::Alerts, &[alert.to_owned()]),
    ];
    apply_changes(&mut known);

    let lines = lines(&summed_up(&known));

    assert_eq!(lines.len(), 23);
    assert_eq!(value(&lines, "First by risk"), "not collected");
    assert_eq!(value(&lines, "Secure Score"), "612.37 of 1204 points (50.86 %), +3.2 in 7 days");
    assert_eq!(value(&lines, "Compared with"), "AllTenants 47.12 %, TotalSeats 49.9 %");
    assert_eq!(value(&lines, "By category"), "Identity 83.33 %");
    assert_eq!(
        value(&lines, "Estimated scores"),
        "612.37 planned, 9 achievable, 9 with the current licences"
    );
    assert_eq!(value(&lines, "Compliance"), "PCI-4 failed (7 passed, 4 failed)");
    assert_eq!(
        value(&lines, "Improvement actions"),
        "top 1 worth 1.5 points; first: Ask twice (+1.5)"
    );
    assert_eq!(
        value(&lines, "Exposure score"),
        "33.49 of 100 (high is bad), stale: of 2026-11-21T20:20:00Z"
    );
    assert_eq!(value(&lines, "Azure secure score"), "59.89 % over 2 subscriptions (high is good)");
    assert_eq!(value(&lines, "Devices by risk"), "3 devices: 1 high, 1 none, 1 odd");
    let apps = "2 apps: 1 high risk, 0 medium, 1 low; most traffic at risk: Share";
    assert_eq!(value(&lines, "Shadow IT"), apps);
    assert_eq!(value(&lines, "Vulnerabilities"), "not collected");
    assert_eq!(
        value(&lines, "Open alerts"),
        "1: 1 high, 0 medium, 0 low, 0 informational, 0 other; 1 of them of the last day"
    );
    assert_eq!(value(&lines, "Open incidents"), "not collected");
    assert_eq!(
        value(&lines, "On devices"),
        "1 rows: 0 critical, 1 high, 0 medium, 0 low, 0 other; full of 2026-11-22T10:15:00Z"
    );
    assert_eq!(value(&lines, "Settings"), "1 of 1 rows fail; first: scid-7 (1 devices)");
    assert_eq!(value(&lines, "Software"), "1 rows, 1 with weaknesses, 1 past their end of support");
    assert_eq!(
        value(&lines, "Collected"),
        "11 sources, the oldest at 2026-11-21T20:20:00Z; 1 stale, 0 missing"
    );
}

#[test]
fn each_missing_source_has_a_line() {
    let known = [absent("graph.secure_scores", Kind::SecureScores, Some("grant it"))];

    let lines = lines(&summed_up(&known));

    assert_eq!(value(&lines, "Missing"), "graph.secure_scores: grant it");
    assert_eq!(value(&lines, "Collected"), "nothing yet; 1 missing");
}

#[test]
fn the_first_by_risk_are_named_in_their_order() {
    let of = |id: &str, cvss: f64, kit: bool| {
        format!(
            r#"{{"id":"{id}","severity":"High","cvssV3":{cvss},"exposedMachines":4,"exploitInKit":{kit}}}"#
        )
    };
    let all = [of("CVE-2026-0001", 7.1, false), of("CVE-2026-0002", 7.1, true)];
    let known = [known("defender.vulnerabilities", Kind::Vulnerabilities, &all)];

    let first = value(&lines(&summed_up(&known)), "First by risk");

    let order: Vec<_> = first.split(", ").filter(|part| part.starts_with("CVE")).collect();
    assert!(order[0].starts_with("CVE-2026-0002 (") && order[1].starts_with("CVE-2026-0001 ("));
    assert!(first.ends_with(" of 100, 4 machines)"), "{first}");
}
