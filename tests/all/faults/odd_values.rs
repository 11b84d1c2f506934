//! Values that the documents don't promise: kept as they came, and nothing stops.

use super::{World, ids};
use posture::report::Status;
use posture::source::{
    ALL, DEVICE_VULNERABILITY_CHANGES, DEVICES, EXPOSURE_SCORE, Fetch, RECOMMENDATIONS, RUNS,
    SECURE_SCORE_CONTROLS, VULNERABILITIES,
};
use serde_json::{Value, json};
use simulator::{Api, Fault, FaultKind};

fn records(lines: &[String]) -> Vec<Value> {
    lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A fault of every page of every source; the kept records of each.
async fn of_every_source(kind: FaultKind) -> (World, Vec<Vec<Value>>) {
    let world = World::new(20).await;
    world.inject(Fault::new(Api::Graph, "", kind.clone()).always());
    for api in [Api::Defender, Api::Kev, Api::Nvd] {
        world.inject(Fault::new(api, "", kind.clone()).always());
    }
    let mut kept = Vec::new();
    for source in ALL {
        let report = world.collect(*source).await;
        assert_eq!(report.status, Status::Complete, "{report}");
        assert_eq!((report.tally.read, report.tally.rejected), (report.tally.kept, 0));
        let lines = records(&world.kept(*source).await);
        let events = source.identity() != source.name;
        let different = if events { lines.len() } else { ids(&lines).len() };
        assert_eq!((lines.len() as u64, different), (report.tally.kept, lines.len()));
        kept.push(lines);
    }
    (world, kept)
}

#[tokio::test]
async fn null_where_a_number_is_expected_stays_null() {
    let (world, kept) = of_every_source(FaultKind::NullNumbers).await;

    let of = |source: posture::source::Source| {
        let index = ALL.iter().position(|other| other.name == source.name);
        &kept[index.unwrap()]
    };
    assert!(of(DEVICES)[0]["osBuild"].is_null() && of(DEVICES)[1]["osBuild"].is_number());
    assert!(of(EXPOSURE_SCORE)[0]["score"].is_null());
    assert!(of(RECOMMENDATIONS)[0]["exposureImpact"].is_null());
    // Without a number of exposed machines a vulnerability is one without exposure.
    assert!(of(VULNERABILITIES)[0]["exposedMachines"].is_null());
    assert!(world.microsoft.received().wrong_types.is_empty());
}

#[tokio::test]
async fn an_unknown_enum_value_and_an_unknown_field_are_kept_and_counted() {
    let (world, kept) = of_every_source(FaultKind::UnknownValues).await;

    for (source, lines) in ALL.iter().zip(&kept) {
        let unknown = lines.iter().filter(|line| line["somethingNew"]["depth"] == 1).count();
        // The members of a day have their own fields and two of the day's, which has the new one.
        let is_member = source.name == SECURE_SCORE_CONTROLS.name;
        // The fault changes JSON of these APIs; the rows of export files come from storage.
        let is_other =
            matches!(source.fetch, Fetch::Export { .. } | Fetch::Resources(_) | Fetch::Epss(_));
        // Since the newest full snapshot nothing may have changed yet.
        let is_quiet = lines.is_empty() && source.name == DEVICE_VULNERABILITY_CHANGES.name;
        assert_eq!(unknown == 0, is_member || is_other || is_quiet, "{}", source.name);
    }
    let devices = world.collect_days_on(DEVICES, 1).await;
    assert_eq!(json!(devices.tally.undeclared), json!({ "somethingNew": 1 }));
    let row = &world.rows_of(&devices, &DEVICES.table)[0];
    assert_eq!(row["riskScore"], "SomethingNew");
    let report = &world.rows_of(&devices, &RUNS)[0];
    assert_eq!(report["Undeclared"], json!({ "somethingNew": 1 }));
    let latest = format!("latest/{}/{}.json", devices.tenant, DEVICES.name);
    assert_eq!(world.json(&latest).await.unwrap()["digest"]["total"], 20);
}

/// Digits, spaces and the order of fields are the service's own, whatever a float would make of them.
#[tokio::test]
async fn numbers_keep_every_digit() {
    let own = [
        r#""id":"a","osBuild":19045.5,"price": 1.10,"big":12345678901234567890"#,
        r#""id":"b","osBuild":1e5,"score":33.491554051195706,"tiny":-0.0e-7"#,
        r#""osBuild":"22631","id":"c","nested":{"x":[1.10 , 1E+2,{"y":0.10}]}"#,
        r#""huge":123456789012345678901234567890.12345678901234567890,"id":"d""#,
    ];
    let world = World::new(0).await;
    let body: Vec<_> = own.iter().map(|own| format!("{{{own}}}")).collect();
    world.answer_devices(format!("{{\"value\":[{}]}}", body.join(",")));

    let report = world.collect(DEVICES).await;

    assert_eq!((report.status, report.tally.kept, report.tally.sent), (Status::Complete, 4, 4));
    let kept = world.kept(DEVICES).await;
    for (line, own) in kept.iter().zip(own) {
        assert!(line.ends_with(&format!(",{own}}}")), "{own} isn't in {line}");
    }
    let undeclared = json!({ "big": 1, "huge": 1, "nested": 1, "price": 1, "score": 1, "tiny": 1 });
    assert_eq!(json!(report.tally.undeclared), undeclared);
    world.the_others_are_complete().await;
}

/// A count that came as a fraction, as text, as null or not at all doesn't cost a row or a sum.
#[tokio::test]
async fn a_decimal_where_an_integer_is_documented_counts_as_a_number() {
    let world = World::new(20).await;
    let own = r#"{"id":"CVE-1","severity":"High","exposedMachines":4.5},
        {"id":"CVE-2","severity":"High","exposedMachines":"3"},
        {"id":"CVE-3","severity":"High","exposedMachines":null},
        {"id":"CVE-4","severity":7,"exposedMachines":{"count":3}},
        {"id":"CVE-5","exposedMachines":[1]},
        {"id":"CVE-6"}"#;
    let body = format!("{{\"value\":[{own}]}}").into_bytes();
    let kind = FaultKind::Body { content_type: "application/json".into(), body };
    world.inject(Fault::new(Api::Defender, "/api/vulnerabilities", kind));

    let report = world.collect(VULNERABILITIES).await;

    assert_eq!((report.status, report.tally.kept), (Status::Complete, 6), "{report}");
    let kept = world.kept(VULNERABILITIES).await;
    assert!(kept[0].ends_with(r#""exposedMachines":4.5}"#), "{}", kept[0]);
    assert_eq!((report.tally.sent, report.tally.withheld), (2, 4));
    world.the_others_are_complete().await;
}

/// The ledger has the record byte for byte; the row has our `RunId`.
#[tokio::test]
async fn a_field_with_an_envelopes_name_stays_in_the_ledger() {
    let world = World::new(0).await;
    let own = r#""id":"a","RunId":"theirs","TimeGenerated": 7,"osBuild":1.10"#;
    world.answer_devices(format!("{{\"value\":[{{{own}}},{{\"id\":\"b\"}}]}}"));

    let report = world.collect(DEVICES).await;

    assert_eq!((report.status, report.tally.sent), (Status::Complete, 2), "{report}");
    let kept = world.kept(DEVICES).await;
    assert!(kept[0].ends_with(&format!(",{own}}}")), "{}", kept[0]);
    let rows = world.rows_of(&report, &DEVICES.table);
    assert_eq!(rows.len(), 2, "a row has another RunId than ours");
    assert_eq!(rows[0]["TimeGenerated"], rows[1]["TimeGenerated"]);
    assert_eq!((&rows[0]["id"], &rows[0]["osBuild"]), (&json!("a"), &json!(1.1)));
    assert_eq!(json!(report.tally.undeclared), json!({}));
}

/// The ledger has it whole; of what the workspace takes, the report says which fields lost their end.
#[tokio::test]
async fn a_value_over_64_kb_is_kept_whole_and_counted_by_name_where_it_is_cut() {
    let world = World::new(0).await;
    let (wide, escaped, long) = ("é".repeat(33_000), r"\u0041".repeat(11_000), "x".repeat(70_000));
    let exact = "x".repeat(65_536);
    let own = [
        format!(r#""id":"a","computerDnsName":"{wide}""#),
        format!(r#""id":"b","computerDnsName":"{escaped}","osPlatform":"{exact}""#),
        format!(r#""id":"c","notes":"{long}","version":"short""#),
        format!(r#""id":"d","computerDnsName":"{long}","machineTags":["{long}"]"#),
    ];
    let body: Vec<_> = own.iter().map(|own| format!("{{{own}}}")).collect();
    world.answer_devices(format!("{{\"value\":[{}]}}", body.join(",")));

    let of_rule = |machines: u64| {
        format!(r#"{{"id":"CVE-{machines}","exposedMachines":{machines},"description":"{long}"}}"#)
    };
    let body = format!("{{\"value\":[{},{}]}}", of_rule(0), of_rule(7)).into_bytes();
    let kind = FaultKind::Body { content_type: "application/json".into(), body };
    world.inject(Fault::new(Api::Defender, "/api/vulnerabilities", kind));

    let report = world.collect(DEVICES).await;
    let seen = world.microsoft.received().too_long;
    let by_rule = world.collect(VULNERABILITIES).await;

    assert_eq!((report.status, report.tally.sent), (Status::Complete, 4), "{report}");
    let kept = world.kept(DEVICES).await;
    assert!(kept.iter().zip(&own).all(|(line, own)| line.ends_with(&format!(",{own}}}"))));
    let cut = json!({ "computerDnsName": 2, "machineTags": 1 });
    assert_eq!(json!(report.tally.cut), cut);
    assert_eq!(world.rows_of(&report, &RUNS)[0]["Cut"], cut);
    assert_eq!((by_rule.tally.sent, by_rule.tally.withheld), (1, 1));
    assert_eq!(json!(by_rule.tally.cut), json!({ "description": 1 }), "what isn't sent isn't cut");
    let counts: Vec<_> = seen.values().copied().collect();
    assert_eq!(counts, [2, 1], "the simulated workspace cuts the same: {seen:?}");
}
