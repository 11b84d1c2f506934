use super::super::*;
use crate::source::{ALL, Sends, defaults};
use crate::tenant::Scope;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ID: &str = "11111111-2222-3333-4444-555555555555";
const APP: &str = "99999999-2222-3333-4444-555555555555";

fn shared(pairs: &[(&str, &str)]) -> Result<Shared, SettingError> {
    let all: BTreeMap<&str, &str> = [
        ("POSTURE_STORAGE", "file:///tmp/x"),
        ("POSTURE_TENANTS", "tenants.json"),
        ("POSTURE_LOGS_URL", "https://provider.ingest.example"),
        ("POSTURE_LOGS_RULES", "dcr-01"),
    ]
    .into_iter()
    .chain(pairs.iter().copied())
    .collect();
    let platform = Platform { port: Some(7071), has_identity: true, authenticates: false };
    match Settings::read(&platform, |name| all.get(name).map(|v| (*v).to_owned()))?.tenants {
        Tenants::File { shared, .. } => Ok(shared),
        Tenants::One(_) => panic!("a file was expected"),
    }
}

fn tenants(value: &Value) -> Result<Vec<(Definition, TenantSettings)>, Vec<String>> {
    shared(&[]).unwrap().tenants(value.to_string().as_bytes())
}

/// One tenant with these fields beside its id.
fn with(fields: Value) -> Value {
    let mut tenant = json!({ "id": ID, "name": "Contoso" });
    tenant.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({ "tenants": [tenant] })
}

fn one(fields: Value) -> TenantSettings {
    tenants(&with(fields)).unwrap().remove(0).1
}

#[test]
fn a_tenant_has_open_formats_of_its_own_or_the_deployments() {
    let shared = shared(&[("POSTURE_OCSF", "2003, 5001"), ("POSTURE_PARQUET", "on")]).unwrap();
    let formats = |fields: Value| {
        let tenants = shared.tenants(with(fields).to_string().as_bytes()).unwrap();
        let formats = tenants[0].1.formats.clone();
        (formats.ocsf.into_iter().map(u32::from).collect::<Vec<_>>(), formats.parquet)
    };

    assert_eq!(formats(json!({})), (vec![2003, 5001], true));
    assert_eq!(formats(json!({ "ocsf": [2004] })), (vec![2004], true));
    assert_eq!(formats(json!({ "ocsf": [], "parquet": false })), (vec![], false));
    let wrong = tenants(&with(json!({ "ocsf": [2001] }))).unwrap_err();
    assert!(wrong[0].contains("ocsf") && wrong[0].contains("2001"), "{wrong:?}");
}

#[test]
fn a_tenant_that_says_nothing_is_collected_as_the_deployment_says() {
    let deployment = [
        ("POSTURE_CLOUD", "gcc"),
        ("POSTURE_SOURCES", "graph.alerts,defender.devices"),
        ("POSTURE_CADENCE", "defender.devices=PT4H"),
        ("POSTURE_CREDENTIAL", "client-secret"),
        ("POSTURE_CLIENT_ID", APP),
        ("POSTURE_CLIENT_SECRET", "invented"),
    ];
    let shared = shared(&deployment).unwrap();
    let file = json!({ "tenants": [{ "id": ID.to_uppercase() }] }).to_string();

    let mut tenants = shared.tenants(file.as_bytes()).unwrap();

    let (_, tenant) = tenants.remove(0);
    assert_eq!((tenant.id.as_str(), tenant.name.as_str(), tenant.enabled), (ID, ID, true));
    assert_eq!((tenant.cloud.name, tenant.sources.len()), ("gcc", 2));
    assert_eq!(tenant.sources[1].every, jiff::SignedDuration::from_hours(4));
    let text = format!("{:?} {shared:?}", tenant.identity);
    assert!(text.contains(APP) && !text.contains("invented"), "{text}");
    assert_eq!(tenant.rules[0].host_str(), Some("provider.ingest.example"));
    assert_eq!((tenant.callers.len(), tenant.azure), (0, Scope::default()));
}

#[test]
fn a_tenant_has_its_own_sources_cloud_scope_workspace_and_callers() {
    let tenant = one(json!({
        "enabled": false, "cloud": "gcc-high", "sources": ["-graph.alerts"],
        "cadence": { "defender.devices": "PT6H" }, "send": { "defender.devices": "none" },
        "managementGroup": "contoso-root",
        "workspace": { "endpoint": "https://contoso.ingest.example", "rules": ["dcr-07", "dcr-08"] },
        "callers": [{ "tenant": ID, "object": APP.to_uppercase() }],
        "notices": [{ "severity": ["high"], "recipients": ["soc@contoso.example"], "channel": "mail" }],
        "ocsf": [2003], "parquet": true, "actions": { "allowed": ["isolate"], "caps": { "isolate": 5 } },
    }));
    let all = one(json!({ "sources": "all", "workspace": null }));

    assert_eq!((tenant.enabled, tenant.cloud.name), (false, "gcc-high"));
    assert_eq!(tenant.sources.len(), defaults().len() - 1);
    let devices = tenant.sources.iter().find(|source| source.name == "defender.devices").unwrap();
    assert_eq!((devices.sends, devices.every.as_hours()), (Sends::Nothing, 6));
    assert_eq!(tenant.azure.management_group(), Some("contoso-root"));
    assert_eq!(
        tenant.rules[1].as_str(),
        "https://contoso.ingest.example/dataCollectionRules/dcr-08"
    );
    assert_eq!(tenant.callers, [format!("{ID}/{APP}").parse().unwrap()]);
    let own = ALL.iter().filter(|source| !source.is_shared()).count();
    assert_eq!((all.sources.len(), all.rules.len()), (own, 0));
}

#[test]
fn what_is_wrong_names_the_tenant_the_field_and_the_fix() {
    for (fields, field, fix) in [
        (json!({ "nmae": "x" }), "field nmae", "unknown field `nmae`, expected one of"),
        (json!({ "cloud": "mars" }), "field cloud", "expected one of `public`"),
        (
            json!({ "sources": ["graph.scores"] }),
            "field sources",
            "unknown source \"graph.scores\"",
        ),
        (json!({ "sources": [] }), "field sources", "leaves no source"),
        (json!({ "cadence": { "defender.devices": "hourly" } }), "field cadence", "ISO 8601"),
        (
            json!({ "send": { "defender.devices": "some" } }),
            "send.defender.devices",
            "expected one",
        ),
        (json!({ "subscriptions": ["prod"] }), "field subscriptions", "is no GUID"),
        (json!({ "subscriptions": [ID], "managementGroup": "x" }), "managementGroup", "choose one"),
        (
            json!({ "workspace": { "endpoint": "ftp://x", "rules": ["dcr-1"] } }),
            "workspace.endpoint",
            "no https",
        ),
        (
            json!({ "workspace": { "endpoint": "https://x", "rules": ["1"] } }),
            "workspace.rules",
            "immutable id",
        ),
        (
            json!({ "callers": [{ "tenant": ID, "object": "me" }] }),
            "field callers[0]",
            "both GUIDs",
        ),
        (
            json!({ "credential": { "kind": "password" } }),
            "field credential.kind",
            "expected one of",
        ),
        (
            json!({ "credential": { "kind": "client-secret" } }),
            "credential.clientSecret",
            "is missing",
        ),
        (
            json!({ "notices": [{ "severity": ["high"], "recipients": ["me"], "channel": "mail" }] }),
            "field notices[0].recipients",
            "mail address",
        ),
        (json!({ "ocsf": [1] }), "field ocsf[0]", "expected 2002"),
        (json!({ "parquet": "on" }), "field parquet", "expected a boolean"),
    ] {
        let problems = tenants(&with(fields)).unwrap_err();
        let [problem] = problems.as_slice() else { panic!("{problems:?}") };
        let whose = format!("tenant \"Contoso\" ({ID}), ");
        assert!(problem.starts_with(&whose), "{problem}");
        assert!(problem.contains(field) && problem.contains(fix), "{field} {fix}: {problem}");
        assert!(!problem.contains('\n') && !problem.contains(" line "), "{problem}");
    }
}

#[test]
fn every_broken_tenant_is_told_and_an_id_stands_once() {
    let other = "22222222-2222-3333-4444-555555555555";
    let file = json!({ "tenants": [
        { "id": ID, "cloud": "mars" }, { "name": "Fabrikam" }, { "id": other }, { "id": other }, 7,
    ] });

    let problems = tenants(&file).unwrap_err();

    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].starts_with(&format!("tenant {ID}, field cloud")), "{problems:?}");
    assert!(problems[1].starts_with("tenant \"Fabrikam\" (number 2), "), "{problems:?}");
    assert!(problems[1].contains("missing field `id`"), "{problems:?}");
    assert!(problems[2].contains("field id: stands there twice"), "{problems:?}");
    assert!(problems[3].starts_with("tenant number 5, "), "{problems:?}");
}

#[test]
fn what_is_no_list_of_tenants_says_where() {
    for (content, why) in [
        ("{\"tenants\": []}", "names no tenant"),
        ("[]", "line 1"),
        ("{\n\"tenant\": []}", "line 2, column 8: unknown field `tenant`"),
        ("{\"tenants\": [{]}", "line 1, column 15"),
        ("", "line 1, column 0"),
    ] {
        let problems = shared(&[]).unwrap().tenants(content.as_bytes()).unwrap_err();
        assert!(problems.len() == 1 && problems[0].contains(why), "{content}: {problems:?}");
    }
}

#[test]
fn no_secret_may_stand_in_the_file_and_none_is_repeated() {
    let credential = |field: &str, value: &str| {
        let mut credential = json!({ "kind": "client-secret", "clientId": APP });
        credential[field] = value.into();
        json!({ "credential": credential })
    };
    for fields in [
        json!({ "credential": "s3cret" }),
        credential("clientSecret", "s3cret"),
        credential("refreshToken", "s3cret"),
        credential("clientCertificatePassword", "s3cret"),
        credential("clientCertificate", "-----BEGIN PRIVATE KEY-----s3cret"),
        credential("clientCertificate", "MIIs3cret"),
        json!({ "actionCredential": { "kind": "client-secret", "clientSecret": "s3cret" } }),
    ] {
        let problems = tenants(&with(fields)).unwrap_err().join(" ");
        let fix = ["@vault:<secret-uri>", "invalid type: text, expected struct Credential"];
        assert!(fix.iter().any(|fix| problems.contains(fix)), "{problems}");
        assert!(!problems.contains("s3cret"), "{problems}");
    }
}

/// The provider's secret belongs to the provider's application.
#[test]
fn a_credential_of_the_tenants_own_takes_nothing_from_the_deployments() {
    let deployment = [
        ("POSTURE_CREDENTIAL", "client-secret"),
        ("POSTURE_CLIENT_ID", APP),
        ("POSTURE_CLIENT_SECRET", "invented"),
    ];
    let file = with(json!({ "credential": { "kind": "client-secret", "clientId": ID } }));

    let problems = shared(&deployment).unwrap().tenants(file.to_string().as_bytes());

    let problems = problems.unwrap_err().join(" ");
    assert!(problems.contains("field credential.clientSecret: is missing"), "{problems}");
}

#[test]
fn what_is_wrong_for_all_tenants_is_said_at_the_start() {
    let sources = shared(&[("POSTURE_SOURCES", "graph.scores")]).unwrap_err();
    let callers = shared(&[("POSTURE_CALLERS", &format!("{ID}/{APP}"))]).unwrap_err();

    assert_eq!((sources.name, callers.name), ("POSTURE_SOURCES", "POSTURE_CALLERS"));
    assert!(callers.to_string().contains("its own `callers`"), "{callers}");
}
