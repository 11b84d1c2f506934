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

fn behind(pairs: impl IntoIterator<Item = (String, String)>) -> Digest {
    let mut digest = Digest::new(Kind::DeviceVulnerabilities);
    for (of, cve) in pairs {
        add(&mut digest, &format!(r#"{{"cveId":"{cve}","recommendationReference":"{of}"}}"#));
    }
    digest
}

fn rows(digest: &Digest) -> &DeviceVulnerabilities {
    let Digest::DeviceVulnerabilities(fold) = digest else { panic!("{digest:?}") };
    fold
}

fn pair(of: &str, cve: &str) -> (String, String) {
    (of.to_owned(), cve.to_owned())
}

#[test]
fn each_recommendation_has_the_cves_behind_it_once_whatever_file_they_come_from() {
    let mut one = behind([
        pair("va-_-trey-_-Reader", "CVE-2026-0002"),
        pair("va-_-trey-_-reader", "cve-2026-0002"),
        pair("va-_-trey-_-reader", "TVM-2026-0001"),
        pair("va-_-trey-_-reader", "CVE-2026-00002"),
    ]);
    add(&mut one, r#"{"CveId":"CVE-1999-12345","RecommendationReference":"va-_-trey-_-reader"}"#);
    let other =
        behind([pair("va-_-trey-_-reader", "CVE-2026-0002"), pair("x", "CVE-2026-4294967295")]);
    let mut merged = Digest::new(Kind::DeviceVulnerabilities);
    for part in [&one, &other, &Digest::new(Kind::DeviceVulnerabilities)] {
        merged.merge(part);
    }

    let read: Digest = serde_json::from_str(&serde_json::to_string(&merged).unwrap()).unwrap();

    assert_eq!(read, merged);
    let of = |id: &str| rows(&read).behind(id).unwrap();
    assert_eq!(of("VA-_-trey-_-reader"), ["CVE-1999-12345", "CVE-2026-0002"]);
    assert_eq!(of("x"), ["CVE-2026-4294967295"]);
    assert_eq!((of("va-_-none"), rows(&read).beyond()), (Vec::new(), 0));
}

#[test]
fn cves_that_do_not_fit_are_counted_and_their_recommendations_are_unknown() {
    let cve = |number: usize| format!("CVE-2026-{:04}", 1_000 + number % 20_000);
    let of = |number: usize| format!("va-_-vendor-_-product_{}", number / 20_000);
    let full = behind((0..60_010).map(|number| (of(number), cve(number))));
    let name = |number: usize| format!("{number:0<170}");
    let names = behind((1_000..3_010).map(|number| (name(number), cve(0))));

    let mut both = full.clone();
    both.merge(&behind([pair(&of(20_000), "CVE-2025-0001"), pair(&of(1), &cve(1))]));

    let size = serde_json::to_string(&full).unwrap().len();
    assert!(size < 1_000_000, "{size} bytes with each part");
    let full = rows(&full);
    assert_eq!((full.beyond(), full.behind(&of(0)).unwrap().len()), (10, 20_000));
    assert_eq!((full.behind(&of(60_000)), full.behind("another")), (None, None), "not 0");
    assert_eq!(rows(&both).beyond(), 11);
    assert!(rows(&both).behind(&of(20_000)).is_none() && rows(&both).behind(&of(0)).is_some());
    let size = serde_json::to_string(&names).unwrap().len();
    assert!(size < 500_000, "{size} bytes with each part");
    assert_eq!(rows(&names).beyond(), 10);
    assert_eq!(rows(&names).behind(&name(1_000)), Some(vec![cve(0)]), "by its first 160 bytes");
}

#[test]
fn behind_rows_that_an_earlier_release_folded_nothing_is_known() {
    let old: Digest = serde_json::from_str(
        r#"{"of":"device_vulnerabilities","total":3,"withSecurityUpdate":0,"software":0,"rows":{"of":"","rest":{}},"unreadable":0}"#,
    )
    .unwrap();
    let new = behind([pair("x", "CVE-2026-0001")]);
    let (mut resumed, mut merged) = (old.clone(), new.clone());

    add(&mut resumed, r#"{"cveId":"CVE-2026-0001","recommendationReference":"x"}"#);
    merged.merge(&old);

    assert!(rows(&new).behind("x").is_some());
    for unknown in [old, resumed, merged] {
        assert_eq!((rows(&unknown).behind("x"), rows(&unknown).beyond()), (None, 0));
    }
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
