use super::*;

const ENVELOPE: &str = r#""TimeGenerated":"2026-11-22T10:15:00.000000Z","CollectedTime":"2026-11-22T10:15:00.000000Z","AadTenantId":"11111111-2222-3333-4444-555555555555","TenantName":"Fabrikam","Source":"x","RunId":"20261122T101500Z","RecordId":"00112233445566778899aabbccddeeff""#;

/// A digest of records, each behind an envelope.
fn fold(kind: Kind, records: &[&str]) -> Digest {
    let mut digest = Digest::new(kind);
    records.iter().for_each(|record| add(&mut digest, record));
    digest
}

fn add(digest: &mut Digest, record: &str) {
    digest.add(format!("{{{ENVELOPE},{}\n", &record[1..]).as_bytes());
}

macro_rules! folded {
    ($kind:ident, $records:expr) => {
        match fold(Kind::$kind, $records) {
            Digest::$kind(fold) => fold,
            other => panic!("{other:?}"),
        }
    };
}

mod assessments;
mod device_changes;
mod open;
mod scores;

#[test]
fn recommendations_with_an_exception_are_no_work_to_do() {
    let records = [
        r#"{"id":"a","exposureImpact":1.5,"publicExploit":true,"remediationType":"Update","status":"Active","exposedMachinesCount":"4"}"#,
        r#"{"id":"b","exposureImpact":"2.5","remediationType":"Rewrite","status":null}"#,
        r#"{"id":"c","exposureImpact":9,"remediationType":"Update","status":"Exception"}"#,
        r#"{"id":null,"exposureImpact":[],"remediationType":7,"publicExploit":"true"}"#,
    ];

    let fold = folded!(Recommendations, &records);

    assert_eq!((fold.total, fold.active, fold.with_public_exploit), (4, 3, 2));
    let ids: Vec<_> = fold.top.iter().map(|top| top.id.as_str()).collect();
    assert_eq!(ids, ["b", "a"]);
    assert_eq!(fold.top[1].exposed_machines, Some(4));
    let by = &fold.by_remediation_type;
    assert_eq!((by.of("Update"), by.of("Rewrite"), by.of("Unknown")), (1, 1, 1));
}

#[test]
fn recommendations_are_listed_with_exceptions_last_and_stay_small() {
    let long = "é".repeat(400);
    let record = |at: usize, status: &str| {
        format!(
            r#"{{"id":"{at}-{long}","recommendationName":"{long}","productName":"{long}","vendor":"{long}","exposureImpact":{},
            "status":"{status}","recommendationCategory":"{long}","subCategory":"{long}","recommendedVersion":"{long}"}}"#,
            at as f64 / 100.0
        )
    };
    let mut records: Vec<_> = (0..900).map(|at| record(at, "Active")).collect();
    records.extend((0..900).map(|at| record(5_000 + at, "Exception")));
    let records: Vec<&str> = records.iter().map(String::as_str).collect();

    let digest = fold(Kind::Recommendations, &records);

    let size = serde_json::to_string(&digest).unwrap().len();
    let Digest::Recommendations(fold) = digest else { panic!() };
    assert_eq!((fold.list.len(), fold.top.len(), fold.active), (1_000, 10, 900));
    assert!(fold.list[..900].iter().all(Recommendation::is_active));
    assert!(fold.list[900..].iter().all(|one| one.exposure_impact >= Some(57.9)));
    assert!(size < 1_900_000, "{size} bytes");
}

/// The forms of an earlier release, without what came later.
#[test]
fn digests_of_an_older_form_are_read_as_they_are() {
    let old = [
        r#"{"of":"recommendations","total":2,"active":1,"byRemediationType":{"Update":1},"withPublicExploit":0,"top":[{"id":"a","name":"Update","exposureImpact":1.5,"publicExploit":false}],"unreadable":0}"#,
        r#"{"of":"alerts","open":"","newest":0,"beyond":0,"unreadable":0}"#,
        r#"{"of":"secure_scores","days":{"2026-11-22":{"created":"2026-11-22T00:00:00Z","current":1.0,"maximum":2.0}},"controls":{},"comparisons":[],"activeUsers":null,"licensedUsers":1,"unreadable":0}"#,
        r#"{"of":"cloud_apps","streams":{"s":{"name":"Global view","apps":1}},"ofOtherStreams":0,"unreadable":0}"#,
    ];
    for text in old {
        let digest: Digest = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        let next = Digest::start(digest.kind(), Some(&digest), None);
        assert_eq!(next.kind(), digest.kind());
    }
}

#[test]
fn vulnerabilities_without_an_exposed_machine_are_only_known() {
    let records = [
        r#"{"id":"CVE-2026-0001","name":"CVE-2026-0001","severity":"High","cvssV3":7.8,"epss":0.0042,"exposedMachines":"44","publicExploit":"true"}"#,
        r#"{"id":"CVE-2026-0002","severity":"critical","cvssV3":null,"EPSS":0,"exposedMachines":44,"publicExploit":false}"#,
        r#"{"id":"CVE-2026-0003","severity":"Severe","exposedMachines":1}"#,
        r#"{"id":"CVE-2026-0004","severity":"High","exposedMachines":0,"publicExploit":true}"#,
        r#"{"id":"CVE-2026-0005","severity":"High","exposedMachines":null}"#,
        r#"{"id":["CVE"],"severity":5,"exposedMachines":2}"#,
    ];

    let fold = folded!(Vulnerabilities, &records);

    assert_eq!((fold.known, fold.exposed.total(), fold.unreadable), (6, 4, 0));
    assert_eq!((fold.exposed.critical, fold.exposed.high, fold.exposed.other), (1, 1, 2));
    assert_eq!((fold.with_public_exploit.high, fold.with_public_exploit.total()), (1, 1));
    let ids: Vec<_> = fold.top.iter().map(|top| top.id.as_str()).collect();
    assert_eq!(ids, ["CVE-2026-0001", "CVE-2026-0002", "CVE-2026-0003"]);
    assert_eq!((fold.top[0].epss, fold.top[1].epss), (Some(0.0042), Some(0.0)));
}

#[test]
fn a_top_list_holds_the_ten_highest_each_once() {
    let record =
        |at: u64| format!(r#"{{"id":"CVE-2026-{at:04}","exposedMachines":{}}}"#, 1 + at % 20);
    let records: Vec<String> = (0..40).chain(19..21).map(record).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();

    let top = folded!(Vulnerabilities, &records).top;

    let found: Vec<_> = top.iter().map(|top| (top.exposed_machines, &top.id[9..])).collect();
    let wanted = [(20, "0019"), (20, "0039"), (19, "0018"), (19, "0038")];
    assert_eq!(found[..4], wanted);
    assert_eq!((found.len(), found[9]), (10, (16, "0035")));
}

#[test]
fn devices_are_counted_by_values_nobody_documented_too() {
    let mut records = vec![
        r#"{"riskScore":"High","exposureLevel":"Medium","healthStatus":"Active","onboardingStatus":"Onboarded","Source":"own"}"#.to_owned(),
        r#"{"riskScore":null,"exposureLevel":3,"healthStatus":"Asleep"}"#.to_owned(),
    ];
    records.extend((0..60).map(|at| format!(r#"{{"riskScore":"r{at}"}}"#)));
    let records: Vec<&str> = records.iter().map(String::as_str).collect();

    let devices = folded!(Devices, &records);

    assert_eq!((devices.total, devices.unreadable), (62, 0));
    assert_eq!((devices.by_risk.of("High"), devices.by_risk.of("Unknown")), (1, 1));
    assert_eq!((devices.by_risk.0.len(), devices.by_risk.of("Other")), (33, 30));
    assert_eq!((devices.by_exposure_level.of("Medium"), devices.by_health.of("Asleep")), (1, 1));
}

const KINDS: [Kind; 18] = [
    Kind::SecureScores,
    Kind::SecureScoreControls,
    Kind::ControlProfiles,
    Kind::ExposureScore,
    Kind::DeviceSecureScore,
    Kind::Recommendations,
    Kind::Vulnerabilities,
    Kind::Devices,
    Kind::DeviceVulnerabilities,
    Kind::DeviceVulnerabilityChanges,
    Kind::DeviceConfigurations,
    Kind::DeviceSoftware,
    Kind::Alerts,
    Kind::Incidents,
    Kind::AzureScores,
    Kind::CloudApps,
    Kind::ComplianceStandards,
    Kind::AzureSubscriptions,
];

/// A record that every kind finds something in.
const ANY: &str = r#"{"id":"t_2026-11-02","name":"ascScore","subscriptionId":"a","displayName":"Shop","streamId":"s","riskScore":2,"title":"Invented","time":"2026-11-02T06:23:59.6117512Z","score":33.491554051195706,"createdDateTime":"2026-11-02T00:00:00Z","currentScore":612.37,"maxScore":1204.0,"controlName":"mfa","cveId":"CVE-2026-0001","status":"New","eventTimestamp":"2026-11-02 00:00:00","isCompliant":false,"configurationId":"scid-1","exposureImpact":0.1,"exposedMachines":3,"controlScores":[{"controlName":"mfa","score":0.7}],"averageComparativeScores":[{"basis":"AllTenants","averageScore":47.12}]}"#;

#[test]
fn a_line_that_is_no_record_only_counts_as_unreadable() {
    for kind in KINDS {
        let mut digest = Digest::new(kind);

        let lines = [&b"not json"[..], b"[]", b"", b"{\"id\":", b"\xff{}"];
        lines.iter().for_each(|line| digest.add(line));
        add(&mut digest, ANY);

        assert_eq!(digest.unreadable(), 5, "{kind:?}");
    }
}

#[test]
fn a_digest_goes_through_json_unchanged() {
    for kind in KINDS {
        let digest = fold(kind, &[ANY, ANY]);

        let json = serde_json::to_string(&digest).unwrap();

        assert!(json.starts_with("{\"of\":\""), "{json}");
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest, "{json}");
        assert_eq!(digest.kind(), kind);
    }
}

#[test]
fn only_sources_that_are_read_in_pieces_go_on_from_the_run_before() {
    for kind in KINDS {
        let mut before = fold(kind, &[ANY]);
        before.add(b"[]");

        let next = Digest::start(kind, Some(&before), None);

        let is_new = next == Digest::new(kind);
        let grows = matches!(
            kind,
            Kind::SecureScores
                | Kind::SecureScoreControls
                | Kind::ExposureScore
                | Kind::DeviceSecureScore
                | Kind::DeviceVulnerabilityChanges
                | Kind::Alerts
                | Kind::Incidents
        );
        assert_eq!((is_new, next.unreadable()), (!grows, 0), "{kind:?}");
        assert_eq!(Digest::start(kind, None, None), Digest::new(kind));
    }
}

#[test]
fn a_digest_of_more_vulnerabilities_than_it_tells_apart_is_read_as_it_was_written() {
    let mut digest = Digest::new(Kind::DeviceVulnerabilities);
    for number in 0..20_010 {
        let line = format!(
            r#"{{"cveId":"CVE-2026-{number}","vulnerabilitySeverityLevel":"High","exploitabilityLevel":"NoExploit"}}"#
        );
        digest.add(line.as_bytes());
    }

    let written = serde_json::to_string(&digest).unwrap();

    assert_eq!(serde_json::from_str::<Digest>(&written).unwrap(), digest);
}
