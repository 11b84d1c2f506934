//! The settings that the template gives the app: each is in the contract, the required ones are there, and
//! the program takes them.

use super::{deployment, json, of_type, sets, tools};
use posture::settings::{Platform, Settings, Tenants};
use serde_json::Value;
use std::collections::BTreeMap;

/// A site's settings by name, each once.
pub fn settings(site: &Value) -> BTreeMap<String, String> {
    let all =
        site["properties"]["siteConfig"]["appSettings"].as_array().expect("settings are known");
    let text = |pair: &Value, key: &str| pair[key].as_str().unwrap().to_owned();
    let settings: BTreeMap<_, _> =
        all.iter().map(|pair| (text(pair, "name"), text(pair, "value"))).collect();
    assert_eq!(settings.len(), all.len(), "a setting stands there twice");
    settings
}

fn of(tools: &std::path::Path, set: &str) -> BTreeMap<String, String> {
    settings(of_type(&deployment(tools, set, &[]), "Microsoft.Web/sites")[0])
}

/// The settings as they would be, with what only Azure knows made up.
fn filled(settings: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let fill = |(name, value): (&String, &String)| {
        let value = match name.as_str() {
            _ if !value.contains('«') => value.clone(),
            "POSTURE_STORAGE" => "https://account.blob.core.windows.net/".to_owned(),
            "POSTURE_QUEUE_URL" => "https://account.queue.core.windows.net/".to_owned(),
            "POSTURE_LOGS_RULES" => "https://a-b.westeurope-1.ingest.monitor.azure.com/dcr-0123456789abcdef0123456789abcdef".to_owned(),
            _ => made_up(value),
        };
        (name.clone(), value)
    };
    settings.iter().map(fill).collect()
}

/// A value with an id in the place of what only Azure knows.
fn made_up(value: &str) -> String {
    let mut value = value.to_owned();
    // The innermost first: a text of what isn't known stands around it.
    while let Some(start) = value.rfind('«') {
        let end = start + value[start..].find('»').expect("each has an end");
        let inner = &value[start + '«'.len_utf8()..end];
        let text = inner.strip_prefix("string('").and_then(|text| text.strip_suffix("')"));
        let known = text.unwrap_or("77777777-1111-1111-1111-111111111111").to_owned();
        value.replace_range(start..end + '»'.len_utf8(), &known);
    }
    value
}

fn read(settings: &BTreeMap<String, String>) -> Settings {
    let platform = Platform { port: Some(7071), has_identity: true, authenticates: false };
    let look = |name: &str| filled(settings).get(name).cloned().filter(|value| !value.is_empty());
    Settings::read(&platform, look).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_setting_of_ours_is_in_the_contract_and_the_program_takes_them_all() {
    let Some(tools) = tools() else { return };
    let contract = json("local.settings.json.example")["Values"].clone();

    for set in sets() {
        let settings = of(&tools, &set);
        for name in
            settings.keys().filter(|name| name.starts_with("POSTURE_") || name.starts_with("OTEL_"))
        {
            assert!(
                contract.get(name).is_some(),
                "{set}: {name} is no setting of local.settings.json.example"
            );
        }
        let required = [
            "POSTURE_STORAGE",
            "POSTURE_CONTAINER",
            "POSTURE_QUEUE",
            "POSTURE_QUEUE_URL",
            "POSTURE_SCHEDULE",
            "POSTURE_LOGS_RULES",
            "POSTURE_CLOUD",
            "AZURE_CLIENT_ID",
        ];
        for name in required {
            assert!(settings.contains_key(name), "{set}: {name} is missing");
        }
        assert!(
            settings.contains_key("POSTURE_TENANT_ID") != settings.contains_key("POSTURE_TENANTS"),
            "{set}"
        );
        read(&settings);
    }
}

#[test]
fn every_placeholder_and_connection_of_the_functions_is_set() {
    let Some(tools) = tools() else { return };
    let settings = of(&tools, "identity-given");
    let functions = crate::support::fake_host::Function::all();

    for binding in functions.iter().flat_map(|function| &function.bindings) {
        for text in super::texts(&Value::Object(binding.as_object().unwrap().clone())) {
            let Some(name) = text.strip_prefix('%').and_then(|text| text.strip_suffix('%')) else {
                continue;
            };
            assert!(settings.contains_key(name), "{name}");
        }
        let Some(connection) = binding["connection"].as_str() else { continue };
        assert!(settings.contains_key(&format!("{connection}__queueServiceUri")), "{connection}");
    }
}

/// <https://learn.microsoft.com/azure/azure-functions/functions-reference#connections>
#[test]
fn the_host_reaches_storage_and_insights_by_identity_only() {
    let Some(tools) = tools() else { return };
    for set in sets() {
        let settings = of(&tools, &set);
        for part in ["blobServiceUri", "queueServiceUri", "tableServiceUri", "clientId"] {
            assert!(
                settings.contains_key(&format!("AzureWebJobsStorage__{part}")),
                "{set}: {part}"
            );
        }
        assert_eq!(settings["AzureWebJobsStorage__credential"], "managedidentity", "{set}");
        assert!(!settings.contains_key("AzureWebJobsStorage"), "{set}");
        let telemetry = &settings["APPLICATIONINSIGHTS_AUTHENTICATION_STRING"];
        assert!(
            telemetry.contains("ClientId=") && telemetry.contains(";Authorization=AAD"),
            "{set}"
        );
        assert!(settings["APPLICATIONINSIGHTS_CONNECTION_STRING"].contains("reference("), "{set}");
    }
}

#[test]
fn the_timer_is_off_until_an_identity_is_named() {
    let Some(tools) = tools() else { return };
    let timer = "AzureWebJobs_function_timer_Disabled";

    assert_eq!(of(&tools, "identity-empty").get(timer).map(String::as_str), Some("true"));
    for set in sets().iter().filter(|set| *set != "identity-empty") {
        assert_eq!(of(&tools, set).get(timer), None, "{set}");
    }
    assert!(
        super::root().join("function_timer/function.json").exists(),
        "the setting names another function"
    );
}

#[test]
fn what_parameters_say_reaches_the_program() {
    let Some(tools) = tools() else { return };
    let provider = of(&tools, "provider");
    assert!(matches!(read(&provider).tenants, Tenants::File { .. }));
    assert_eq!(provider["POSTURE_CREDENTIAL"], "federated-identity");
    assert!(!provider.contains_key("POSTURE_CALLERS"), "each tenant of the file has its own");
    assert_eq!(provider["WEBSITE_AUTH_AAD_ALLOWED_TENANTS"].split(',').count(), 2);

    let given = of(&tools, "identity-given");
    assert_eq!(given["POSTURE_SUBSCRIPTIONS"].split(',').count(), 2);
    assert_eq!(given["POSTURE_TENANT_NAME"], "Contoso");
    assert_eq!(of(&tools, "workspace-elsewhere")["POSTURE_MANAGEMENT_GROUP"], "contoso-root");
    assert_eq!(of(&tools, "government")["POSTURE_CLOUD"], "gcc-high");
    let acting = of(&tools, "actions");
    assert_eq!(acting["POSTURE_ACTIONS"], "isolate,release");
    assert!(read(&acting).action_client_id.is_some());
    let playing = of(&tools, "playbooks");
    let callers =
        |name: &str| filled(&playing)[name].split(',').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(callers("POSTURE_CALLERS").len(), 2, "the playbooks beside those that are named");
    assert_eq!(callers("POSTURE_ACTION_CALLERS"), callers("POSTURE_CALLERS")[1..]);
    for (set, name) in [
        ("playbooks-provider", "POSTURE_CALLERS"),
        ("playbooks-provider", "POSTURE_ACTION_CALLERS"),
        ("actions", "POSTURE_ACTION_CALLERS"),
    ] {
        assert!(!of(&tools, set).contains_key(name), "{set}: {name}");
    }
    let more = of(&tools, "without-code");
    assert_eq!(more["POSTURE_SOURCES"], "-graph.alerts");
}

#[test]
fn beyond_ten_tenants_the_handlers_own_list_is_what_holds() {
    let Some(tools) = tools() else { return };
    let many: Vec<_> =
        (10..22).map(|n| format!("\"{n}555555-1111-1111-1111-111111111111\"")).collect();
    let parameter = format!("callerTenants=[{}]", many.join(","));
    let deployed = deployment(&tools, "provider", &["--param", &parameter]);

    let settings = settings(of_type(&deployed, "Microsoft.Web/sites")[0]);

    assert!(!settings.contains_key("WEBSITE_AUTH_AAD_ALLOWED_TENANTS"));
    let auth = of_type(&deployed, "Microsoft.Web/sites/config");
    let properties = &auth[0]["properties"];
    assert_eq!(properties["globalValidation"]["unauthenticatedClientAction"], "AllowAnonymous");
    let entra = &properties["identityProviders"]["azureActiveDirectory"];
    assert!(entra["registration"]["openIdIssuer"].as_str().unwrap().ends_with("/common/v2.0"));
    assert!(!entra["validation"]["allowedAudiences"].as_array().unwrap().is_empty());
}
