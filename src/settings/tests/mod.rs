mod actions;
mod file;

use super::*;
use crate::cloud::{Material, Proof};
use crate::source::{ALL, Sends};
use jiff::SignedDuration;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

const PLATFORM: Platform = Platform { port: Some(7071), has_identity: true, authenticates: false };

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
    for credential in ["managed-identity", "client-secret", "client-certificate", "refresh-token"] {
        Settings::read(&PLATFORM, |name| {
            asked.borrow_mut().insert(name.to_owned());
            match name {
                "POSTURE_CREDENTIAL" => Some(credential.to_owned()),
                "POSTURE_CLIENT_SECRET"
                | "POSTURE_CLIENT_CERTIFICATE"
                | "POSTURE_REFRESH_TOKEN" => Some("invented".to_owned()),
                "POSTURE_CLIENT_ID" => Some("11111111-2222-3333-4444-555555555555".to_owned()),
                "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("https://otlp.contoso.example".to_owned()),
                _ => values.get(name)?.as_str().map(str::to_owned).filter(|v| !v.is_empty()),
            }
        })
        .unwrap();
    }

    let ours = |name: &&String| {
        name.starts_with("POSTURE_") || name.starts_with("OTEL_") || *name == "AZURE_CLIENT_ID"
    };
    // The host alone reads it, for function.json.
    let hosts = ["POSTURE_SCHEDULE"].map(str::to_owned);
    let in_file: BTreeSet<_> = values.keys().filter(ours).cloned().collect();
    let mut asked = asked.into_inner();
    asked.extend(hosts);
    assert_eq!(in_file, asked);
}

#[test]
fn the_queue_is_beside_the_blobs_unless_a_setting_says_where() {
    let account = |storage: &str, url: &str| {
        let read = read(&[("POSTURE_STORAGE", storage), ("POSTURE_QUEUE_URL", url)]).unwrap();
        read.queue.map(|queue| (queue.account.to_string(), queue.name))
    };
    let at = |account: &str| Some((account.to_owned(), "posture-jobs".to_owned()));

    let azure = account("https://contoso.blob.core.windows.net", "");
    let azurite = account("http://127.0.0.1:10000/devstoreaccount1", "");

    assert_eq!(azure, at("https://contoso.queue.core.windows.net/"));
    assert_eq!(azurite, at("http://127.0.0.1:10001/devstoreaccount1"));
    assert_eq!(account("http://127.0.0.1:20000/devstoreaccount1", ""), None);
    assert_eq!(account("file:///tmp/x", ""), None);
    let named = account("file:///tmp/x", "http://127.0.0.1:20001/devstoreaccount1");
    assert_eq!(named, at("http://127.0.0.1:20001/devstoreaccount1"));
}

#[test]
fn a_missing_or_wrong_setting_names_itself_its_problem_and_an_example() {
    for (name, value, problem) in [
        ("POSTURE_STORAGE", "", "is missing"),
        ("POSTURE_STORAGE", "ftp://x", "is no https blob endpoint"),
        ("POSTURE_STORAGE", "http://contoso.example", "is no https blob endpoint"),
        ("POSTURE_QUEUE", "Posture_Jobs", "3 to 56 lower-case letters"),
        ("POSTURE_QUEUE_URL", "https://x.queue.core.windows.net?sig=1", "no https queue endpoint"),
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
        ("POSTURE_LIMITS", "on", "expected documented or off"),
        ("POSTURE_OCSF", "2003,2001", "has \"2001\", expected off or some of 2002"),
        ("POSTURE_PARQUET", "yes", "is yes, expected on or off"),
        ("POSTURE_CLASSIC_TABLES", "create", "is create, expected on or off"),
        ("POSTURE_CVE", "maybe", "is maybe, expected on or off"),
        ("POSTURE_ACTIONS", "isolate,reboot", "has \"reboot\", expected off or some of isolate"),
        ("POSTURE_ACTION_DENY", "tag:a,vip", "\"vip\" is no rule"),
        ("POSTURE_ACTION_CAPS", "isolate=many", "\"isolate=many\" is no cap"),
        ("POSTURE_ACTION_CLIENT_ID", "posture-act", "is no GUID"),
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
    let other = read(&[kind, id, ("POSTURE_CLIENT_SECRET", "@s3cret")]).unwrap_err();
    let signed = read(&[("POSTURE_STORAGE", "https://x.blob.example/?sig=s3cret")]).unwrap_err();
    let settings = read(&[kind, id, ("POSTURE_CLIENT_SECRET", "s3cret")]).unwrap();

    for text in
        [reference.to_string(), other.to_string(), signed.to_string(), format!("{settings:?}")]
    {
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
    let own = ALL.iter().filter(|source| !source.is_shared()).count();
    assert_eq!((changed.sources.len(), all.sources.len()), (1, own));
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

const APP: (&str, &str) = ("POSTURE_CLIENT_ID", "11111111-2222-3333-4444-555555555555");

fn proof(pairs: &[(&str, &str)]) -> Proof {
    let identity = one(&[pairs, &[APP]].concat()).identity;
    identity.application().unwrap().proof.clone()
}

#[test]
fn each_credential_takes_what_it_needs() {
    let certificate = ("POSTURE_CLIENT_CERTIFICATE", "file:///var/ssl/private/app.p12");
    let key = ("POSTURE_CLIENT_KEY", "https://contoso.vault.azure.net/keys/app");
    let kind = ("POSTURE_CREDENTIAL", "client-certificate");

    let in_file = proof(&[kind, certificate, ("POSTURE_CLIENT_CERTIFICATE_PASSWORD", "s3cret")]);
    let in_vault = proof(&[kind, key]);
    let with_both = proof(&[kind, key, certificate]);
    let federated = proof(&[
        ("POSTURE_CREDENTIAL", "federated-identity"),
        ("POSTURE_CLOUD", "gcc-high"),
        ("AZURE_CLIENT_ID", "some-identity"),
    ]);

    let file = |material: &Material| matches!(material, Material::File(_));
    let Proof::Certificate { certificate, password: Some(Material::Given(_)) } = in_file else {
        panic!("{in_file:?}")
    };
    assert!(file(&certificate));
    assert!(matches!(in_vault, Proof::VaultKey { certificate: None, .. }));
    assert!(matches!(with_both, Proof::VaultKey { certificate: Some(_), .. }));
    let Proof::Federated { identity, audience } = federated else { panic!("{federated:?}") };
    assert_eq!(identity.as_deref(), Some("some-identity"));
    assert_eq!(audience, "api://AzureADTokenExchangeUSGov");
}

#[test]
fn a_refresh_tokens_application_proves_itself_with_whatever_is_set() {
    let kind = ("POSTURE_CREDENTIAL", "refresh-token");
    let token = ("POSTURE_REFRESH_TOKEN", "@vault:https://contoso.vault.azure.net/secrets/user");

    let secret = proof(&[kind, token, ("POSTURE_CLIENT_SECRET", "s3cret")]);
    let certificate = proof(&[kind, token, ("POSTURE_CLIENT_CERTIFICATE", "invented")]);
    let neither = proof(&[kind, token]);
    let without = read(&[kind, APP]).unwrap_err();
    let version = "@vault:https://contoso.vault.azure.net/secrets/user/0123";
    let pinned = read(&[kind, APP, ("POSTURE_REFRESH_TOKEN", version)]).unwrap_err();

    assert!(matches!(secret, Proof::Secret(Material::Given(_))));
    assert!(matches!(certificate, Proof::Certificate { .. }));
    assert!(matches!(neither, Proof::Federated { .. }));
    assert_eq!((without.name, pinned.name), ("POSTURE_REFRESH_TOKEN", "POSTURE_REFRESH_TOKEN"));
    assert!(pinned.problem.contains("names a version"), "{pinned}");
}

#[test]
fn a_reference_leads_to_a_vault_of_the_cloud_or_to_the_overriding_base() {
    let kind = ("POSTURE_CREDENTIAL", "client-secret");
    let base = ("POSTURE_VAULT_URL", "http://127.0.0.1:9000");
    let secret = |text| ("POSTURE_CLIENT_SECRET", text);
    let foreign = "@vault:https://evil.example/secrets/app";
    let local = "@vault:http://127.0.0.1:9000/secrets/app";
    let of_the_cloud = "@vault: https://contoso.vault.azure.net/secrets/app/0123";

    for (cloud, text) in [("public", foreign), ("public", local), ("china", of_the_cloud)] {
        let error = read(&[kind, APP, ("POSTURE_CLOUD", cloud), secret(text)]).unwrap_err();
        assert_eq!(error.name, "POSTURE_CLIENT_SECRET");
        assert!(error.problem.contains("no Key Vault of this cloud"), "{error}");
    }
    assert!(read(&[kind, APP, base, secret(local)]).is_ok());
    let vault = proof(&[kind, secret(of_the_cloud)]);
    assert!(matches!(vault, Proof::Secret(Material::Vault(_))), "{vault:?}");
}

#[test]
fn defenders_host_may_be_named_by_its_region() {
    let routes = read(&[("POSTURE_DEFENDER_URL", "eu")]).unwrap().routes;
    let elsewhere = read(&[("POSTURE_DEFENDER_URL", "eu"), ("POSTURE_CLOUD", "dod")]).unwrap_err();

    assert_eq!(routes.len(), 1);
    assert_eq!(routes[0].base.as_str(), "https://eu.api.security.microsoft.com/");
    assert_eq!(elsewhere.name, "POSTURE_DEFENDER_URL");
}
