use super::*;
use crate::findings::Line;
use crate::source::Source;
use serde_json::json;
use std::collections::BTreeSet;

const ENVELOPE: &str = r#""TimeGenerated":"2026-11-22T10:15:00.000000Z","CollectedTime":"2026-11-22T10:15:00.000000Z","AadTenantId":"11111111-2222-3333-4444-555555555555","TenantName":"Contoso","Source":"SOURCE","RunId":"20261122T101500Z","RecordId":"00112233445566778899aabbccddeeff""#;

fn event(source: &str, own: Value) -> Value {
    let envelope = ENVELOPE.replace("SOURCE", source);
    let own = own.to_string();
    let line = format!("{{{envelope},{}", own.strip_prefix('{').unwrap());
    mapping(source).unwrap().event(Line::read(&line).unwrap())
}

/// A value that a row takes, and another one that it never does.
fn fitting(how: How) -> (Value, Value) {
    let odd = json!({ "odd": 1 });
    match how {
        How::Texts | How::EachText => (json!(["one", "two"]), odd),
        How::EachAsIs => (json!([{ "a": 1 }, { "b": 2 }]), odd),
        How::Number | How::Least(..) => (json!(7), odd),
        How::Flag => (json!(true), odd),
        How::Time => (json!("2026-11-20T04:00:00Z"), odd),
        How::Words(words) | How::Among(words) => {
            // The first one may be what is said where nothing is known.
            (json!(words.last().unwrap().is), odd)
        }
        How::Behind(what) => (json!(format!("/a{what}b/c")), odd),
        How::Before(what) => (json!(format!("/a{what}b/c")), odd),
        _ => (json!("some text"), odd),
    }
}

/// A record with that value at a path, and what conditions of the row ask for.
fn record(path: &str, value: Value) -> Value {
    path.rsplit('.').fold(value, |inner, name| json!({ name: inner }))
}

fn at<'a>(event: &'a Value, place: &str) -> Option<&'a Value> {
    let mut value = event;
    for step in place.split('.') {
        value = match step.strip_suffix("[]") {
            Some(name) => value.get(name).map(|list| list.get(0).unwrap_or(list))?,
            None => value.get(step)?,
        };
    }
    Some(value)
}

/// What the page says of a row is what the mapper does: the field makes the attribute, a value that
/// doesn't fit makes none and stays under `unmapped`.
#[test]
fn each_row_makes_its_attribute_of_its_field_alone() {
    for mapping in ALL {
        for row in mapping.rows.iter().flat_map(|rows| rows.iter()) {
            let takes = !matches!(row.how, How::Always(_) | How::Missing(_) | How::Joined);
            let fields = row.from.iter().filter(|path| takes && !path.starts_with('@'));
            for path in fields {
                let (fits, odd) = fitting(row.how);
                let mut with = record(path, fits.clone());
                if row.only_with.starts_with("vulnerabilities[].cve") {
                    with["cveId"] = json!("CVE-2026-20001");
                }
                let made = event(mapping.source, with);
                let without = event(mapping.source, record(path, odd.clone()));

                let what = format!("{} {path} → {}", mapping.source, row.to);
                let place = at(&made, row.to);
                assert!(place.is_some(), "{what}: {made}");
                let before = at(&without, row.to);
                let is_constant = mapping
                    .rows
                    .iter()
                    .flat_map(|rows| rows.iter())
                    .any(|other| other.to == row.to && matches!(other.how, How::Always(_)));
                assert!(is_constant || place != before, "{what}: {made}");
                let kept = find_path(&without["unmapped"], path);
                assert_eq!(kept, Some(&odd), "{what}: a value that doesn't fit is lost");
            }
        }
    }
}

fn find_path<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, name| value.get(name))
}

#[test]
fn every_mapping_is_of_a_source_and_each_source_has_one() {
    let names: BTreeSet<_> = ALL.iter().map(|mapping| mapping.source).collect();

    assert_eq!(names.len(), ALL.len());
    assert!(names.iter().all(|name| Source::named(name).is_some()));
}

#[test]
fn a_change_of_a_vulnerability_has_its_activity_and_status() {
    let change = |status: &str| {
        let own = json!({
            "cveId": "CVE-2026-20001", "softwareName": "editor", "status": status,
            "eventTimestamp": "2026-11-21 00:00:00",
        });
        let event = event("defender.device_vulnerability_changes", own);
        let of = |name: &str| event[name].clone();
        (of("activity_id"), of("type_uid"), of("status_id"), of("status"), of("time"))
    };
    let at = json!(1_795_219_200_000_i64);

    assert_eq!(change("New"), (json!(1), json!(200_201), json!(1), json!("New"), at.clone()));
    assert_eq!(change("Updated"), (json!(2), json!(200_202), json!(1), json!("New"), at.clone()));
    let fixed = (json!(3), json!(200_203), json!(4), json!("Resolved"), at.clone());
    assert_eq!(change("Fixed"), fixed);
    assert_eq!(change("Moved"), (json!(99), json!(200_299), json!(99), json!("Moved"), at));
}

#[test]
fn a_score_is_one_finding_a_day_with_its_numbers_unmapped() {
    let device =
        |time: &str| event("defender.device_secure_score", json!({ "time": time, "score": 441.5 }));
    let morning = device("2026-11-23T00:04:53.3878006Z");
    let evening = device("2026-11-23T18:04:53Z");
    let azure = event(
        "azure.secure_scores",
        json!({
            "id": "/subscriptions/s/providers/Microsoft.Security/secureScores/ascScore",
            "name": "ascScore", "properties": { "displayName": "ASC score", "score": { "current": 23.5 } },
        }),
    );

    assert_eq!(morning["finding_info"]["uid"], evening["finding_info"]["uid"]);
    assert_ne!(
        morning["finding_info"]["uid"],
        device("2026-11-24T00:00:00Z")["finding_info"]["uid"]
    );
    assert_eq!(morning["compliance"]["status"], "Score");
    assert_eq!(morning["unmapped"], json!({ "score": 441.5 }));
    assert_eq!(morning["resources"][0]["uid"], "11111111-2222-3333-4444-555555555555");
    assert_eq!(azure["finding_info"]["uid"], "00112233445566778899aabbccddeeff_2026-11-22");
    assert_eq!(azure["unmapped"]["properties"]["score"]["current"], 23.5);
    assert_eq!(azure["resources"][0]["uid"], "/subscriptions/s");
}

#[test]
fn what_doesnt_apply_neither_passes_nor_fails() {
    let setting = |compliant: bool, applicable: bool| {
        let own = json!({ "deviceId": "d", "isCompliant": compliant, "isApplicable": applicable });
        let event = event("defender.device_configurations", own);
        (event["compliance"]["status_id"].clone(), event["status"].clone())
    };

    assert_eq!(setting(true, true), (json!(1), json!("Resolved")));
    assert_eq!(setting(false, true), (json!(3), json!("New")));
    assert_eq!(setting(false, false), (json!(99), json!("NotApplicable")));
}

#[test]
fn fields_are_found_however_export_files_spell_them() {
    let own = json!({ "CveId": "CVE-2026-20001", "OSPlatform": "Linux", "CvssScore": "7.5" });
    let event = event("defender.device_vulnerabilities", own);

    let cve = &event["vulnerabilities"][0]["cve"];
    assert_eq!(cve["uid"], "CVE-2026-20001");
    assert_eq!(cve["cvss"][0]["base_score"], 7.5);
    assert_eq!(event["unmapped"], json!({ "OSPlatform": "Linux" }));
}
