//! A provider's registrations.

use super::{Azure, GRAPH, ids, text};
use serde_json::{Value, json};

const PROVIDER: [&str; 6] =
    ["--resource-group", "rg", "--location", "westeurope", "--provider", "posture"];

fn registration(azure: &Azure, name: &str) -> Value {
    let state = azure.state();
    let all = state["applications"].as_array().unwrap();
    all.iter().find(|one| one["uniqueName"] == name).unwrap_or(&Value::Null).clone()
}

/// The roles that a registration asks for.
fn asked(registration: &Value) -> Vec<String> {
    let apis = registration["requiredResourceAccess"].as_array().unwrap();
    let roles = apis.iter().flat_map(|api| api["resourceAccess"].as_array().unwrap());
    let mut ids: Vec<_> = roles.map(|role| text(&role["id"])).collect();
    ids.sort();
    ids
}

/// A provider's list of customers.
fn customers(azure: &Azure, tenants: Value) -> String {
    let file = azure.folder.path().join("tenants.json");
    std::fs::write(&file, json!({ "tenants": tenants }).to_string()).unwrap();
    file.display().to_string()
}

#[test]
fn a_registration_asks_for_what_collecting_needs_and_trusts_the_identity() {
    let azure = Azure::new();

    let printed = azure.run("grant.sh", &[&PROVIDER[..], &["--act", "scan"]].concat());

    let collecting = registration(&azure, "posture");
    assert_eq!(asked(&collecting), ids("collect", |_| true), "{}", printed.errors);
    assert_eq!(collecting["signInAudience"], "AzureADMultipleOrgs");
    let state = azure.state();
    assert_eq!(
        collecting["trusts"][0]["subject"],
        state["identities"]["posture-collect"]["principalId"]
    );
    let issuer =
        format!("https://login.microsoftonline.com/{}/v2.0", text(&state["account"]["tenantId"]));
    assert_eq!(collecting["trusts"][0]["issuer"], issuer);
    assert_eq!(collecting["trusts"][0]["audiences"], json!(["api://AzureADTokenExchange"]));
    assert!(state["assignments"].as_array().unwrap().is_empty(), "customers grant, not we");
    let acting = registration(&azure, "posture-act");
    assert_eq!(asked(&acting).len(), 1);
    assert_eq!(acting["trusts"][0]["subject"], state["identities"]["posture-act"]["principalId"]);
}

#[test]
fn a_second_run_changes_nothing_and_keeps_what_somebody_has_added() {
    let azure = Azure::new();
    azure.run("grant.sh", &PROVIDER);
    let own = json!({ "id": "their-own", "type": "Scope" });
    azure.change(|state| {
        let access = &mut state["applications"][0]["requiredResourceAccess"];
        let graph =
            access.as_array_mut().unwrap().iter_mut().find(|api| api["resourceAppId"] == GRAPH);
        let access = graph.unwrap()["resourceAccess"].as_array_mut().unwrap();
        access.remove(0);
        access.push(own.clone());
    });

    let added = azure.run("grant.sh", &PROVIDER);
    let writes = azure.writes().len();
    let again = azure.run("grant.sh", &PROVIDER);

    assert_eq!((writes, azure.writes().len()), (1, 0), "{}", added.errors);
    assert!(added.out.contains("each customer consents, again where it has before"));
    assert_eq!(again.code, 0, "{}", again.out);
    let access = registration(&azure, "posture")["requiredResourceAccess"].to_string();
    assert!(access.contains(&own.to_string()), "{access}");
}

#[test]
fn who_must_consent_is_named_by_link() {
    let azure = Azure::new();
    let file = customers(
        &azure,
        json!([
            { "id": "aaaa", "name": "Contoso", "actions": { "allowed": ["scan"] } },
            { "id": "bbbb", "name": "Fabrikam" },
            { "id": "cccc", "enabled": false },
            { "id": "dddd", "credential": { "kind": "client-secret", "clientId": "another" } },
        ]),
    );

    let printed =
        azure.run("grant.sh", &[&PROVIDER[..], &["--act", "scan", "--tenants", &file]].concat());

    let [collect, act] =
        ["posture", "posture-act"].map(|name| text(&registration(&azure, name)["appId"]));
    let missing: Vec<_> = printed.out.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    let line = |who: &str, tenant: &str, app: &str| {
        format!(
            "{who} consents, again where it has before: \
             https://login.microsoftonline.com/{tenant}/adminconsent?client_id={app}"
        )
    };
    let wanted = [
        line("Contoso", "aaaa", &collect),
        line("Fabrikam", "bbbb", &collect),
        line("Contoso", "aaaa", &act),
    ];
    assert_eq!((printed.code, missing), (1, wanted.iter().map(String::as_str).collect()));
}

#[test]
fn a_certificate_is_made_in_the_vault_and_only_its_public_part_goes_up() {
    let azure = Azure::new();

    let first = azure.run("grant.sh", &[&PROVIDER[..], &["--certificate", "vault-1"]].concat());
    let calls: Vec<_> = azure.calls().iter().map(|call| call.join(" ")).collect();
    azure.run("grant.sh", &[&PROVIDER[..], &["--certificate", "vault-1"]].concat());

    let registration = registration(&azure, "posture");
    assert_eq!(registration["certificates"].as_array().unwrap().len(), 1, "{}", first.errors);
    assert!(registration["trusts"].as_array().unwrap().is_empty());
    assert!(calls.iter().any(|call| call.contains("\"exportable\":false")));
    assert!(!calls.iter().any(|call| call.contains("keyvault secret")), "the key stays there");
    assert!(azure.writes().is_empty(), "{:?}", azure.writes());
}

#[test]
fn other_clouds_have_an_audience_of_their_own() {
    let azure = Azure::new();
    azure.change(|state| {
        state["cloud"] = "AzureUSGovernment".into();
        state["graph"] = "https://graph.microsoft.us".into();
        state["login"] = "https://login.microsoftonline.us".into();
    });

    azure.run("grant.sh", &PROVIDER);

    let trust = &registration(&azure, "posture")["trusts"][0];
    assert_eq!(trust["audiences"], json!(["api://AzureADTokenExchangeUSGov"]));
    assert!(text(&trust["issuer"]).starts_with("https://login.microsoftonline.us/"));
}

#[test]
fn whoever_may_not_register_is_told_who_may() {
    let azure = Azure::new();
    azure.change(|state| state["mayRegister"] = false.into());

    let printed = azure.run("grant.sh", &PROVIDER);

    assert_eq!((printed.code, printed.errors.lines().count()), (1, 1), "{}", printed.errors);
    assert!(printed.errors.contains("this is the turn of an Application Administrator"));
}
