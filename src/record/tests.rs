use super::*;
use crate::source::{
    ASSESSMENTS, DEVICE_CONFIGURATIONS, DEVICES, SECURE_SCORE_CONTROLS, Source, VULNERABILITIES,
};

fn envelope(source: &Source) -> Envelope {
    let began = "2026-11-22T10:15:03.25Z".parse().unwrap();
    let run = RunId::at("2026-11-22T10:15:00Z".parse().unwrap());
    Envelope::new("t-1", "Con\"toso", (source.name, source.identity()), &run, began)
}

fn line(source: &Source, raw: &str, parent: &[(&'static str, &str)]) -> String {
    let facts = Shape::of(source).look(raw, parent).unwrap();
    let mut out = Vec::new();
    envelope(source).write(raw, parent, &facts, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_record_keeps_its_bytes_behind_the_envelope() {
    let raw = r#"{ "id":"a", "score":1.10e2, "neu": [1,  2] }"#;

    let line = line(&DEVICES, raw, &[]);

    let head = r#"{"TimeGenerated":"2026-11-22T10:15:03.250000Z","CollectedTime":"2026-11-22T10:15:03.250000Z","AadTenantId":"t-1","TenantName":"Con\"toso","Source":"defender.devices","RunId":"20261122T101500Z","RecordId":""#;
    assert!(line.starts_with(head), "{line}");
    assert!(line.ends_with(r#", "id":"a", "score":1.10e2, "neu": [1,  2] }"#), "{line}");
}

#[test]
fn line_breaks_between_tokens_become_blanks_and_an_empty_record_stays_valid() {
    let broken = line(&DEVICES, "{\r\n  \"id\": \"a\\nb\"\n}", &[]);
    let empty = line(&DEVICES, "{ }", &[]);

    assert!(broken.ends_with(r#",    "id": "a\nb" }"#), "{broken}");
    assert!(serde_json::from_str::<serde_json::Value>(&empty).is_ok(), "{empty}");
}

#[test]
fn the_record_id_follows_the_key_whatever_its_letter_case_or_escapes() {
    let shape = Shape::of(&DEVICES);
    let key = |raw| shape.look(raw, &[]).unwrap().key().map(str::to_owned);

    assert_eq!(key(r#"{"id":"a1"}"#), key(r#"{"x":1,"ID":"\u0061\u0031"}"#));
    assert_eq!(key(r#"{"id":17}"#).as_deref(), Some("17"));
    assert_eq!(key(r#"{"id":null}"#), None);
    // Reckoned with: printf 't-1\ndefender.devices\na1' | sha256sum
    let id = envelope(&DEVICES).record_id("a1");
    assert_eq!(id.as_str(), "d9aa273c1b46bf72d1fdc6a7c2becc91");
}

#[test]
fn an_azure_id_is_one_key_in_any_letter_case_and_keeps_its_bytes() {
    let (one, other) = (
        r#"{"id":"/subscriptions/a/resourceGroups/RG-1"}"#,
        r#"{"id":"/subscriptions/A/resourcegroups/rg-1"}"#,
    );

    let key = |raw| Shape::of(&ASSESSMENTS).look(raw, &[]).unwrap().key().map(str::to_owned);

    assert_eq!(key(one), key(other));
    assert!(
        line(&ASSESSMENTS, one, &[]).ends_with(r#""id":"/subscriptions/a/resourceGroups/RG-1"}"#)
    );
}

#[test]
fn a_member_carries_its_parents_fields_and_is_known_by_both() {
    let parent = [("secureScoreId", r#""t_2026-11-22""#), ("createdDateTime", r#""2026-11-22""#)];

    let line = line(&SECURE_SCORE_CONTROLS, r#"{"controlName":"MFA"}"#, &parent);
    let facts = Shape::of(&SECURE_SCORE_CONTROLS).look(r#"{"controlName":"MFA"}"#, &parent);

    assert!(line.contains(
        r#","secureScoreId":"t_2026-11-22","createdDateTime":"2026-11-22","controlName":"MFA"}"#
    ));
    assert_eq!(facts.unwrap().key(), Some("t_2026-11-22\nMFA"));
}

#[test]
fn what_is_no_object_is_no_record() {
    let shape = Shape::of(&DEVICES);

    for raw in ["null", "7", "\"text\"", "[1,2]"] {
        assert!(shape.look(raw, &[]).is_none(), "{raw}");
    }
}

#[test]
fn only_vulnerabilities_with_exposed_machines_are_sent() {
    let shape = Shape::of(&VULNERABILITIES);
    let sent = |raw| shape.look(raw, &[]).unwrap().is_wanted();

    assert!(sent(r#"{"exposedMachines":4}"#));
    assert!(sent(r#"{"exposedMachines":"4"}"#));
    assert!(sent(r#"{"exposedMachines":4.5}"#));
    assert!(!sent(r#"{"exposedMachines":0}"#));
    assert!(!sent(r#"{"exposedMachines":null}"#));
}

/// What doesn't apply to a device is false in `isCompliant`, and fails all the same nothing.
#[test]
fn only_settings_that_apply_and_fail_are_sent() {
    let shape = Shape::of(&DEVICE_CONFIGURATIONS);
    let sent = |raw| shape.look(raw, &[]).unwrap().is_wanted();

    assert!(sent(r#"{"isApplicable":true,"isCompliant":false}"#));
    assert!(sent(r#"{"IsCompliant":"False","IsApplicable":"True"}"#));
    assert!(sent(r#"{"isCompliant":false}"#));
    assert!(!sent(r#"{"isCompliant":true,"isApplicable":true}"#));
    assert!(!sent(r#"{"isCompliant":false,"isApplicable":false}"#));
    assert!(!sent(r#"{"isApplicable":false,"isCompliant":false}"#));
    assert!(!sent(r#"{"isCompliant":null}"#));
}

#[test]
fn a_records_own_envelope_name_stays_in_the_ledger_and_not_on_the_wire() {
    let kept = line(&DEVICES, r#"{"id":"a","Source":"theirs","source":"low"}"#, &[]);

    let facts = Shape::of(&DEVICES).look(r#"{"id":"a","Source":"theirs"}"#, &[]).unwrap();
    let wire = without_clashes(&kept);

    assert!(facts.clashes);
    assert!(kept.contains(r#""Source":"theirs""#));
    assert!(wire.contains(r#""Source":"defender.devices""#) && !wire.contains("theirs"));
    assert!(wire.contains(r#""source":"low""#));
}

#[test]
fn a_kept_line_opens_into_its_id_and_its_own_fields() {
    let kept = line(&DEVICES, r#"{"id":"a1","x":1}"#, &[]);
    let (id, own) = envelope(&DEVICES).open(&kept).unwrap().clone();

    assert_eq!((id, &*own), ("d9aa273c1b46bf72d1fdc6a7c2becc91", r#"{"id":"a1","x":1}"#));
}

#[test]
fn undeclared_fields_are_counted_by_name_within_bounds() {
    let mut counts = FieldCounts::default();
    let facts = Shape::of(&DEVICES).look(r#"{"id":"a","neu":1,"osBuild":2}"#, &[]).unwrap();
    counts.add(&facts.undeclared);
    counts.add(&(0..200).map(|n| format!("f{n}")).collect::<Vec<_>>());

    assert_eq!(facts.undeclared, ["neu"]);
    assert_eq!(serde_json::to_value(&counts).unwrap().as_object().unwrap().len(), 101);
}

#[test]
fn a_value_is_cut_by_its_own_bytes_and_only_where_a_column_takes_it() {
    let look = |value: &str, field: &str| {
        let raw = format!(r#"{{"id":"a","{field}":{value}}}"#);
        Shape::of(&DEVICES).look(&raw, &[]).unwrap().cut
    };
    let text = |character: &str, times: usize| format!("\"{}\"", character.repeat(times));

    assert!(look(&text("x", 65_536), "osPlatform").is_empty());
    assert_eq!(look(&text("x", 65_537), "osPlatform"), ["osPlatform"]);
    assert_eq!(look(&text("é", 32_769), "osPlatform"), ["osPlatform"]);
    assert!(look(&text(r"\u0041", 65_536), "osPlatform").is_empty());
    assert!(look(&text("x", 65_537), "neu").is_empty());
}
