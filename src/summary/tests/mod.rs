use super::*;
use crate::digest::Ending;

mod assessments;
mod health;
mod improvement;
mod open;
mod portfolio;
mod secure_score;
mod table;

const NOW: &str = "2026-11-22T10:20:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// A source that was collected five minutes ago, with these records.
fn known(source: &'static str, kind: Kind, records: &[String]) -> Known {
    let mut digest = Digest::new(kind);
    records.iter().for_each(|record| digest.add(record.as_bytes()));
    let began = now() - SignedDuration::from_mins(5);
    let latest = Latest {
        version: Latest::VERSION,
        tenant: "tenant".to_owned(),
        tenant_name: "Fabrikam".to_owned(),
        source: source.to_owned(),
        run: "20261122T101500Z".to_owned(),
        began,
        completed: began + SignedDuration::from_secs(9),
        parts: 1,
        records: records.len() as u64,
        generated: None,
        credentials: Vec::new(),
        files: Default::default(),
        digest,
    };
    Known {
        source,
        about: "Invented figures",
        kind,
        every: SignedDuration::from_hours(6),
        latest: Some(Arc::new(latest)),
        reason: None,
        applied: None,
        unavailable: false,
    }
}

/// A source that was never collected.
fn absent(source: &'static str, kind: Kind, reason: Option<&str>) -> Known {
    Known { latest: None, reason: reason.map(str::to_owned), ..known(source, kind, &[]) }
}

/// The same source, collected so long before now.
fn aged(known: Known, age: SignedDuration) -> Known {
    let mut latest = Latest::clone(known.latest.as_deref().unwrap());
    latest.began = now() - age;
    Known { latest: Some(Arc::new(latest)), ..known }
}

/// A Secure Score of a day, with controls of (name, category, score).
fn day(day: &str, current: f64, maximum: f64, controls: &[(&str, &str, f64)]) -> String {
    let control = |(name, category, score): &(&str, &str, f64)| {
        format!(r#"{{"controlName":"{name}","controlCategory":"{category}","score":{score}}}"#)
    };
    let controls: Vec<String> = controls.iter().map(control).collect();
    format!(
        r#"{{"createdDateTime":"{day}T00:00:00Z","currentScore":{current},"maxScore":{maximum},"controlScores":[{}],
        "averageComparativeScores":[{{"basis":"AllTenants","averageScore":47.12}},{{"basis":"TotalSeats","averageScore":49.9,"SeatSizeRangeLowerValue":"301"}}]}}"#,
        controls.join(",")
    )
}

fn secure_scores(records: &[String]) -> Known {
    known("graph.secure_scores", Kind::SecureScores, records)
}

fn profiles(records: &[&str]) -> Known {
    let records: Vec<String> = records.iter().map(|record| (*record).to_owned()).collect();
    known("graph.control_profiles", Kind::ControlProfiles, &records)
}

fn exposure_score(score: f64) -> Known {
    let record = format!(r#"{{"time":"2026-11-22T06:00:00Z","score":{score}}}"#);
    known("defender.exposure_score", Kind::ExposureScore, &[record])
}

fn summed_up(known: &[Known]) -> Summary {
    summary("tenant", "Fabrikam", "https://security.microsoft.com/", known, now())
}

#[test]
fn a_tenant_of_which_nothing_is_known_yet_lists_what_is_missing_and_why() {
    let advice = "refused (403 Forbidden): grant the app role Score.Read.All";
    let known = [
        absent("graph.secure_scores", Kind::SecureScores, None),
        absent("defender.exposure_score", Kind::ExposureScore, Some(advice)),
    ];

    let summary = summed_up(&known);

    assert!(summary.secure_score.is_none() && summary.exposure_score.is_none());
    assert!(summary.improvement_actions.is_empty() && summary.sources.is_empty());
    let reasons: Vec<_> = summary.missing.iter().map(|missing| missing.reason.as_str()).collect();
    assert_eq!(reasons, ["not collected yet: the next timer run plans it", advice]);
    assert_eq!(summary.tenant.portal_url, "https://security.microsoft.com/?tid=tenant");
}

#[test]
fn a_snapshot_without_a_score_is_missing_too() {
    let known = [secure_scores(&[]), exposure_score(12.5)];

    let summary = summed_up(&known);

    assert_eq!(summary.missing.len(), 1);
    assert_eq!(summary.missing[0].source, "graph.secure_scores");
    assert_eq!(summary.exposure_score.unwrap().value, 12.5);
}

#[test]
fn a_snapshot_of_another_kind_counts_as_none() {
    let known = [Known { kind: Kind::Devices, ..exposure_score(12.5) }];

    let summary = summed_up(&known);

    assert!(summary.exposure_score.is_none() && summary.devices.is_none());
    assert_eq!((summary.missing.len(), summary.sources.len()), (1, 0));
    assert!(summary.missing[0].reason.contains("earlier release"), "{:?}", summary.missing);
    let health = tenant_health("tenant", "Fabrikam", &known, now());
    assert_eq!(health.sources[0].status, SourceStatus::Fresh, "it was collected all the same");
}

#[test]
fn figures_are_stale_after_two_intervals_and_an_hour() {
    let ages = [13 * 3600, 13 * 3600 + 1].map(SignedDuration::from_secs);

    let stale = ages.map(|age| {
        let summary = summed_up(&[aged(exposure_score(12.5), age)]);
        (summary.exposure_score.unwrap().freshness, summary.sources[0].freshness)
    });

    assert_eq!(stale.map(|(of_score, _)| of_score.stale), [false, true]);
    assert_eq!(stale.map(|(_, of_source)| of_source.stale), [false, true]);
    assert_eq!(stale[1].0.age_seconds, 46_801);
}

#[test]
fn a_clock_that_is_behind_makes_nothing_older_than_now() {
    let known = [aged(exposure_score(12.5), SignedDuration::from_mins(-5))];

    let summary = summed_up(&known);

    assert_eq!(summary.sources[0].freshness.age_seconds, 0);
}

#[test]
fn counts_and_top_lists_are_carried_over_with_links_into_the_tenant() {
    let vulnerabilities = [
        r#"{"id":"CVE-2026-0001","severity":"High","exposedMachines":"4","publicExploit":true}"#,
        r#"{"id":"TVM-2026/1","severity":"Low","exposedMachines":2}"#,
        r#"{"id":"CVE-2026-0003","severity":"Low","exposedMachines":0}"#,
    ];
    let known = [
        known(
            "defender.vulnerabilities",
            Kind::Vulnerabilities,
            &vulnerabilities.map(str::to_owned),
        ),
        known("defender.devices", Kind::Devices, &[r#"{"riskScore":"High"}"#.to_owned()]),
        known(
            "defender.recommendations",
            Kind::Recommendations,
            &[r#"{"id":"a","exposureImpact":"1.5"}"#.to_owned()],
        ),
    ];

    let summary = summed_up(&known);

    let found = summary.vulnerabilities.unwrap();
    assert_eq!((found.known, found.exposed, found.exposed_by_severity.high), (3, 2, 1));
    let urls: Vec<_> = found.top.iter().map(|top| top.url.as_deref()).collect();
    let page = "https://security.microsoft.com/vulnerabilities/vulnerability/CVE-2026-0001/overview?tid=tenant";
    assert_eq!(urls, [Some(page), None]);
    assert_eq!(summary.devices.unwrap().by_risk.of("High"), 1);
    assert_eq!(summary.recommendations.unwrap().top[0].recommendation.exposure_impact, Some(1.5));
}

#[test]
fn the_answer_names_units_directions_and_dates() {
    let known = [exposure_score(33.491554051195706)];

    let json = serde_json::to_value(summed_up(&known)).unwrap();

    let score = &json["exposureScore"];
    assert_eq!(score["value"], 33.491554051195706);
    assert_eq!((&score["unit"], &score["direction"]), (&"0-100".into(), &"high is bad".into()));
    assert_eq!(
        (&score["collected"], &score["stale"]),
        (&"2026-11-22T10:15:00Z".into(), &false.into())
    );
    assert!(score["change"]["days90"].is_null() && json["secureScore"].is_null());
    assert_eq!(json["sources"][0]["run"], "20261122T101500Z");
    assert_eq!(json["sources"][0]["ageSeconds"], 300);
}
