use super::*;

#[test]
fn rows_are_counted_in_both_spellings_and_software_apart() {
    let rows = [
        r#"{"CveId":"CVE-2026-0001","VulnerabilitySeverityLevel":"High","ExploitabilityLevel":"ExploitIsInKit","SecurityUpdateAvailable":true}"#,
        r#"{"cveId":"CVE-2026-0001","vulnerabilitySeverityLevel":"High","exploitabilityLevel":"ExploitIsInKit","securityUpdateAvailable":"false"}"#,
        r#"{"cveId":"CVE-2026-0002","vulnerabilitySeverityLevel":"critical","exploitabilityLevel":"ExploitIsPublic"}"#,
        r#"{"cveId":"CVE-2026-0003","vulnerabilitySeverityLevel":7,"exploitabilityLevel":"ExploitIsSold"}"#,
        r#"{"cveId":"CVE-2026-0004","vulnerabilitySeverityLevel":"Low","exploitabilityLevel":"NoExploit"}"#,
        r#"{"cveId":null,"securityUpdateAvailable":true}"#,
        r#"{"SoftwareName":"editor"}"#,
    ];

    let fold = folded!(DeviceVulnerabilities, &rows);

    assert_eq!((fold.total, fold.software, fold.with_security_update), (5, 2, 1));
    let standing = fold.standing();
    let by = standing.by_severity;
    assert_eq!((by.critical, by.high, by.medium, by.low, by.other), (1, 2, 0, 1, 1));
    let by = standing.by_exploitability;
    assert_eq!((by.in_kit, by.verified, by.public, by.none, by.other), (2, 0, 1, 1, 1));
    let by = standing.with_exploit;
    assert_eq!((by.critical, by.high, by.total()), (1, 2, 3));
    assert_eq!(standing.total, 5);
}

#[test]
fn vulnerabilities_beyond_the_bound_are_counted_all_the_same() {
    let mut digest = Digest::new(Kind::DeviceVulnerabilities);
    for number in 0..25_000 {
        let row = r#","VulnerabilitySeverityLevel":"Medium","ExploitabilityLevel":"NoExploit"}"#;
        add(&mut digest, &format!(r#"{{"CveId":"CVE-2026-{number}"{row}"#));
    }

    let size = serde_json::to_string(&digest).unwrap().len();
    let Digest::DeviceVulnerabilities(fold) = digest else { panic!() };

    assert_eq!((fold.standing().total, fold.standing().by_severity.medium), (25_000, 25_000));
    assert!(size < 400_000, "{size} bytes with each part");
}

#[test]
fn a_setting_that_does_not_apply_neither_complies_nor_fails() {
    let rows = [
        r#"{"ConfigurationId":"scid-1","ConfigurationName":"One","ConfigurationImpact":9,"IsApplicable":true,"IsCompliant":false}"#,
        r#"{"configurationId":"scid-2","configurationName":"Two","configurationImpact":8.5,"isApplicable":true,"isCompliant":false}"#,
        r#"{"configurationId":"scid-2","isApplicable":"true","isCompliant":"false"}"#,
        r#"{"configurationId":"scid-3","configurationImpact":10,"isApplicable":true,"isCompliant":false}"#,
        r#"{"configurationId":"scid-1","isApplicable":true,"isCompliant":true}"#,
        r#"{"configurationId":"scid-4","isApplicable":false,"isCompliant":false}"#,
    ];

    let fold = folded!(DeviceConfigurations, &rows);

    assert_eq!((fold.rows, fold.applicable, fold.compliant, fold.failing()), (6, 5, 1, 4));
    let top: Vec<_> = fold.top().iter().map(|top| (top.id.as_str(), top.failing_devices)).collect();
    assert_eq!(top, [("scid-2", 2), ("scid-3", 1), ("scid-1", 1)]);
    assert_eq!(fold.top()[0].name.as_deref(), Some("Two"));
}

#[test]
fn software_is_counted_by_end_of_support() {
    let rows = [
        r#"{"NumberOfWeaknesses":12,"EndOfSupportStatus":"EOS Version"}"#,
        r#"{"numberOfWeaknesses":"0","endOfSupportStatus":"None"}"#,
        r#"{"numberOfWeaknesses":null}"#,
    ];

    let fold = folded!(DeviceSoftware, &rows);

    assert_eq!((fold.rows, fold.with_weaknesses), (3, 1));
    assert_eq!(
        (fold.by_end_of_support.of("EOS Version"), fold.by_end_of_support.of("None")),
        (1, 2)
    );
}
