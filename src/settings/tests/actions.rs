//! What response actions may do, and who carries them out.

use super::super::*;
use super::{one, read};
use crate::action::{Deny, Policy};
use crate::cloud::Identity;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ID: &str = "11111111-2222-3333-4444-555555555555";
const OWN: &str = "99999999-2222-3333-4444-555555555555";
const ACTING: &str = "88888888-2222-3333-4444-555555555555";

#[test]
fn actions_are_off_unless_they_are_named() {
    let named = one(&[("POSTURE_ACTIONS", "scan, isolate"), ("POSTURE_ACTION_CAPS", "isolate=2")]);
    let nothing = one(&[]).actions;

    assert!(
        nothing.allowed.is_empty() && one(&[("POSTURE_ACTIONS", "off")]).actions.allowed.is_empty()
    );
    assert_eq!(nothing.deny, Deny::read(Deny::DEFAULT.split(',')).unwrap());
    let allowed: Vec<_> = named.actions.allowed.iter().map(|action| action.name()).collect();
    assert_eq!(allowed, ["isolate", "scan"]);
    assert_eq!(named.actions.caps.an_hour(Action::Isolate), 2);
    assert_eq!(one(&[("POSTURE_ACTION_DENY", "none")]).actions.deny, Deny::default());
}

#[test]
fn at_home_a_managed_identity_apart_acts() {
    let acting = |pairs: &[(&str, &str)]| one(pairs).acting;
    let client = |identity: Result<Identity, String>| {
        identity.map(|identity| identity.client_id().unwrap_or_default().to_owned())
    };

    let apart = acting(&[("AZURE_CLIENT_ID", OWN), ("POSTURE_ACTION_CLIENT_ID", ACTING)]);
    let of_system = acting(&[("POSTURE_ACTION_CLIENT_ID", ACTING)]);
    let same = acting(&[("AZURE_CLIENT_ID", OWN), ("POSTURE_ACTION_CLIENT_ID", OWN)]);
    let absent = acting(&[("AZURE_CLIENT_ID", OWN)]);
    let elsewhere = acting(&[
        ("POSTURE_CREDENTIAL", "client-secret"),
        ("POSTURE_CLIENT_ID", OWN),
        ("POSTURE_CLIENT_SECRET", "invented"),
        ("POSTURE_ACTION_CLIENT_ID", ACTING),
    ]);

    assert_eq!(client(apart), Ok(ACTING.to_owned()));
    assert_eq!(client(of_system), Ok(ACTING.to_owned()));
    assert!(same.unwrap_err().contains("is the one that collects"));
    assert!(absent.unwrap_err().contains("POSTURE_ACTION_CLIENT_ID"));
    assert!(elsewhere.unwrap_err().contains("actionCredential"));
    assert!(read(&[("POSTURE_ACTION_CLIENT_ID", ACTING)]).is_ok());
}

/// The one tenant of a file in a deployment with these settings.
fn of_file(pairs: &[(&str, &str)], fields: Value) -> Result<TenantSettings, Vec<String>> {
    let mut all =
        BTreeMap::from([("POSTURE_STORAGE", "file:///tmp/x"), ("POSTURE_TENANTS", "t.json")]);
    all.extend(pairs.iter().copied());
    let lookup = |name: &str| all.get(name).map(|value| (*value).to_owned());
    let Tenants::File { shared, .. } = Settings::read(&super::PLATFORM, lookup).unwrap().tenants
    else {
        panic!("a file was expected")
    };
    let mut tenant = json!({ "id": ID });
    tenant.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let file = json!({ "tenants": [tenant] }).to_string();
    Ok(shared.tenants(file.as_bytes())?.remove(0).1)
}

#[test]
fn a_tenant_of_the_file_allows_no_more_than_the_deployment_and_denies_no_less() {
    let deployment = [
        ("POSTURE_ACTIONS", "isolate,release"),
        ("POSTURE_ACTION_DENY", "tag:vip"),
        ("POSTURE_ACTION_CAPS", "isolate=2,release=3"),
    ];
    let actions =
        json!({ "allowed": ["isolate", "scan"], "deny": ["name:srv-*"], "caps": { "isolate": 9 } });
    let policy = |fields: Value| of_file(&deployment, fields).unwrap().actions;

    let Policy { allowed, deny, caps } = policy(json!({ "actions": actions }));
    let silent = policy(json!({}));

    assert_eq!(allowed.into_iter().collect::<Vec<_>>(), [Action::Isolate]);
    assert_eq!(deny, Deny::read(["tag:vip", "name:srv-*"]).unwrap());
    assert_eq!([Action::Isolate, Action::Release].map(|one| caps.an_hour(one)), [9, 3]);
    assert!(silent.allowed.is_empty(), "a tenant that says nothing allows nothing");
    let wrong = of_file(&deployment, json!({ "actions": { "deny": ["vip"] } })).unwrap_err();
    assert!(wrong[0].contains("field actions.deny[0]: \"vip\" is no rule"), "{wrong:?}");
    let wrong =
        of_file(&deployment, json!({ "actions": { "caps": { "scan": 9999 } } })).unwrap_err();
    assert!(wrong[0].contains("field actions.caps: scan is 9999"), "{wrong:?}");
}

#[test]
fn a_customers_actions_are_carried_out_by_a_second_registration() {
    let secret = json!({ "kind": "client-secret", "clientId": OWN,
        "clientSecret": "@vault:https://contoso.vault.azure.net/secrets/posture" });
    let with = |credential: Value, pairs: &[(&str, &str)]| {
        let fields = json!({ "credential": secret, "actionCredential": credential });
        of_file(pairs, fields).unwrap().acting
    };
    let second = |kind: &str| {
        json!({ "kind": kind, "clientId": ACTING,
        "clientSecret": (kind == "client-secret")
            .then_some("@vault:https://contoso.vault.azure.net/secrets/acts") })
    };
    let app = [("AZURE_CLIENT_ID", OWN)];
    let both = [("AZURE_CLIENT_ID", OWN), ("POSTURE_ACTION_CLIENT_ID", ID)];

    let apart = with(second("client-secret"), &[]).unwrap();
    assert_eq!(apart.client_id(), Some(ACTING));
    assert_eq!(apart.application().unwrap().tenant, ID);
    assert!(with(secret.clone(), &[]).unwrap_err().contains("is the one that collects"));
    assert!(with(json!({ "kind": "azure-cli" }), &[]).unwrap_err().contains("Azure CLI"));
    let federated = with(second("federated-identity"), &app);
    assert!(federated.unwrap_err().contains("POSTURE_ACTION_CLIENT_ID"), "never by the app's own");
    let federated = format!("{:?}", with(second("federated-identity"), &both).unwrap());
    assert!(federated.contains(ID) && federated.contains(ACTING) && !federated.contains(OWN));
    let managed = with(json!({ "kind": "managed-identity" }), &both).unwrap();
    assert_eq!(managed.client_id(), Some(ID));
    let without = of_file(&both, json!({ "credential": secret })).unwrap().acting;
    assert!(without.unwrap_err().contains("actionCredential"));
    let home = of_file(&both, json!({})).unwrap().acting;
    assert_eq!(home.unwrap().client_id(), Some(ID), "at home the settings' own");
}
