mod file;

use super::*;
use crate::source::{ALL, Sends};
use jiff::SignedDuration;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

const PLATFORM: Platform = Platform { port: Some(7071), has_identity: true };

fn read(pairs: &[(&str, &str)]) -> Result<Settings, SettingError> {
    let mut all = BTreeMap::from([
        ("POSTURE_STORAGE", "file:///tmp/x"),
        ("POSTURE_TENANT_ID", "11111111-2222-3333-4444-55555555AAAA"),
    ]);
    all.extend(pairs.iter().copied());
    let lookup = |name: &str| all.get(name).map(|v| (*v).to_owned()).filter(|v| !v.is_empty());
    Settings::read(&PLATFORM, lookup)
}

fn one(pairs: &[(&str, &str)]) -> TenantSettings {
    match read(pairs).unwrap().tenants {
        Tenants::One(one) => *one,
        Tenants::File { .. } => panic!("one tenant was expected"),
    }
}

#[test]
fn the_example_file_has_every_setting_and_no_other() {
    let text = std::fs::read_to_string("local.settings.json.example").unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let values = file["Values"].as_object().unwrap();
    let asked = RefCell::new(BTreeSet::new());

    // The example's value decides which further settings are asked for, so all kinds are tried.
    for credential in ["managed-identity", "client-secret"] {
        Settings::read(&PLATFORM, |name| {
            asked.borrow_mut().insert(name.to_owned());
            match name {
                "POSTURE_CREDENTIAL" => Some(credential.to_owned()),
                "POSTURE_CLIENT_SECRET" => Some("invented".to_owned()),
                "POSTURE_CLIENT_ID" => Some("11111111-2222-3333-4444-555555555555".to_owned()),
                _ => values.get(name)?.as_str().map(str::to_owned).filter(|v| !v.is_empty()),
            }
        })
        .unwrap();
    }

    let ours = |name: &&String| name.starts_with("POSTURE_") || *name == "AZURE_CLIENT_ID";
    // The host alone reads these two, for function.json.
    let hosts = ["POSTURE_SCHEDULE", "POSTURE_QUEUE"].map(str::to_owned);
    let in_file: BTreeSet<_> = values.keys().filter(ours).cloned().collect();
    let mut asked = asked.into_inner();
    asked.extend(hosts);
    assert_eq!(in_file, asked);
}

#[test]
fn a_missing_or_wrong_setting_names_itself_its_problem_and_an_example() {
    for (name, value, problem) in [
        ("POSTURE_STORAGE", "", "is missing"),
        ("POSTURE_STORAGE", "ftp://x", "is no https blob endpoint"),
        ("POSTURE_STORAGE", "http://contoso.example", "is no https blob endpoint"),
        ("POSTURE_TENANT_ID", "", "is missing"),
        ("POSTURE_TENANT_ID", "contoso", "is no GUID"),
        ("POSTURE_TENANTS", "tenants.json", "beside POSTURE_TENANT_ID: choose one"),
        ("POSTURE_CALLERS", "11111111-2222-3333-4444-555555555555", "<tenant id>/<object id>"),
        ("POSTURE_CLOUD", "mars", "expected public"),
        ("POSTURE_CREDENTIAL", "password", "expected managed-identity"),
        ("POSTURE_GRAPH_URL", "http://graph.example", "is no https address"),
        ("POSTURE_ARM_URL", "management.example", "is no https address"),
        ("POSTURE_SUBSCRIPTIONS", "11111111-2222-3333-4444-555555555555,prod", "is no GUID"),
        ("POSTURE_MANAGEMENT_GROUP", "/providers/x", "no management group's name"),
        ("POSTURE_LOGS_RULES", "https://x.example/rule-1", "no immutable id"),
        ("POSTURE_SOURCES", "graph.scores", "unknown source"),
        ("POSTURE_SOURCES", "+graph.secure_scores,defender.devices", "mixes"),
        ("POSTURE_SEND", "defender.devices=some", "default, all or none"),
        ("POSTURE_CADENCE", "defender.devices=hourly", "ISO 8601"),
        ("POSTURE_CLAIM_SECONDS", "0", "expected 1 to 600"),
        ("POSTURE_RUN_SECONDS", "soon", "expected 10 to 3000"),
        ("POSTURE_CONTAINER", "Posture", "lower-case"),
    ] {
        let error = read(&[(name, value)]).unwrap_err();
        let text = error.to_string();
        assert_eq!(error.name, name);
        assert!(text.contains(problem) && text.contains(": for example "), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn a_secret_that_is_wrong_is_never_repeated() {
    let id = ("POSTURE_CLIENT_ID", "11111111-2222-3333-4444-555555555555");
    let kind = ("POSTURE_CREDENTIAL", "client-secret");

    let reference = read(&[kind, id, ("POSTURE_CLIENT_SECRET", "@vault:s3cret")]).unwrap_err();
    let signed = read(&[("POSTURE_STORAGE", "https://x.blob.example/?sig=s3cret")]).unwrap_err();
    let settings = read(&[kind, id, ("POSTURE_CLIENT_SECRET", "s3cret")]).unwrap();

    for text in [reference.to_string(), signed.to_string(), format!("{settings:?}")] {
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn sources_are_chosen_and_changed_by_name() {
    let fewer = one(&[("POSTURE_SOURCES", "-defender.devices")]);
    let changed = one(&[
        ("POSTURE_SOURCES", "Defender.Devices"),
        ("POSTURE_SEND", "defender.devices=none"),
        ("POSTURE_CADENCE", "defender.devices=PT4H"),
    ]);

    let more = one(&[("POSTURE_SOURCES", "+graph.risky_users")]);
    let all = one(&[("POSTURE_SOURCES", "all")]);
    let on = ALL.iter().filter(|source| source.default).count();

    assert!(on < ALL.len(), "some are off by default");
    assert_eq!((fewer.sources.len(), more.sources.len()), (on - 1, on + 1));
    assert_eq!((changed.sources.len(), all.sources.len()), (1, ALL.len()));
    assert_eq!(changed.sources[0].sends, Sends::Nothing);
    assert_eq!(changed.sources[0].every, SignedDuration::from_hours(4));
}

#[test]
fn rules_are_addresses_with_the_common_endpoint_or_their_own() {
    let settings = one(&[
        ("POSTURE_LOGS_URL", "https://a.ingest.example/"),
        ("POSTURE_LOGS_RULES", "dcr-01, https://b.ingest.example/dcr-02"),
    ]);
    let alone = read(&[("POSTURE_LOGS_RULES", "dcr-01")]).unwrap_err();

    let addresses: Vec<_> = settings.rules.iter().map(Url::as_str).collect();
    assert_eq!(
        addresses,
        [
            "https://a.ingest.example/dataCollectionRules/dcr-01",
            "https://b.ingest.example/dataCollectionRules/dcr-02",
        ]
    );
    assert_eq!(alone.name, "POSTURE_LOGS_URL");
}

#[test]
fn subscriptions_are_named_one_by_one_or_by_a_management_group() {
    let ids = "33333333-2222-3333-4444-55555555AAAA, 11111111-2222-3333-4444-555555555555,\
               33333333-2222-3333-4444-55555555aaaa";
    let named = one(&[("POSTURE_SUBSCRIPTIONS", ids)]).azure;
    let group = one(&[("POSTURE_MANAGEMENT_GROUP", "contoso-root")]).azure;
    let both = read(&[("POSTURE_MANAGEMENT_GROUP", "contoso"), ("POSTURE_SUBSCRIPTIONS", ids)]);

    let sorted = ["11111111-2222-3333-4444-555555555555", "33333333-2222-3333-4444-55555555aaaa"];
    assert_eq!(named.named(), sorted);
    assert!(named.takes("33333333-2222-3333-4444-55555555AAAA") && !named.takes("other"));
    assert_eq!((group.management_group(), group.named().len()), (Some("contoso-root"), 0));
    assert!(both.unwrap_err().to_string().contains("choose one"));
    assert!(one(&[]).azure.takes("any"));
}

#[test]
fn the_tenants_id_is_lower_case_and_names_it_where_no_name_is_given() {
    let settings = one(&[]);

    assert_eq!(settings.id, "11111111-2222-3333-4444-55555555aaaa");
    assert_eq!(settings.name, settings.id);
}
