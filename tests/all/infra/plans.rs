//! What Flex Consumption forbids is not there, what Elastic Premium demands is.

use super::settings::settings;
use super::{deployment, of_type, sets, template, tools};
use serde_json::Value;

/// Settings that Flex Consumption refuses or ignores.
///
/// <https://learn.microsoft.com/azure/azure-functions/functions-app-settings>
const FORBIDDEN: &[&str] = &[
    "FUNCTIONS_WORKER_RUNTIME",
    "FUNCTIONS_WORKER_RUNTIME_VERSION",
    "FUNCTIONS_EXTENSION_VERSION",
    "WEBSITE_RUN_FROM_PACKAGE",
    "WEBSITE_CONTENTAZUREFILECONNECTIONSTRING",
    "WEBSITE_CONTENTSHARE",
    "SCM_DO_BUILD_DURING_DEPLOYMENT",
    "ENABLE_ORYX_BUILD",
    "WEBSITE_MAX_DYNAMIC_APPLICATION_SCALE_OUT",
    "FUNCTIONS_MAX_HTTP_CONCURRENCY",
    "FUNCTIONS_WORKER_PROCESS_COUNT",
    "WEBSITE_TIME_ZONE",
    "TZ",
    "WEBSITE_NODE_DEFAULT_VERSION",
];
/// Properties of a site or of its configuration that are not valid there.
const INVALID: &[&str] = &[
    "linuxFxVersion",
    "windowsFxVersion",
    "alwaysOn",
    "preWarmedInstanceCount",
    "functionAppScaleLimit",
    "containerSize",
    "isReserved",
    "isXenon",
    "use32BitWorkerProcess",
];

fn is_flex(site: &Value) -> bool {
    site["properties"]["functionAppConfig"].is_object()
}

#[test]
fn on_flex_nothing_is_set_that_it_forbids() {
    let Some(tools) = tools() else { return };
    let mut seen = 0;
    for set in sets() {
        let deployed = deployment(&tools, &set, &[]);
        let site = of_type(&deployed, "Microsoft.Web/sites")[0];
        if !is_flex(site) {
            continue;
        }
        seen += 1;
        let names = settings(site);
        let wrong: Vec<_> = FORBIDDEN.iter().filter(|name| names.contains_key(**name)).collect();
        assert!(wrong.is_empty(), "{set}: {wrong:?}");
        for property in INVALID {
            let there = &site["properties"];
            assert!(
                there[property].is_null() && there["siteConfig"][property].is_null(),
                "{set}: {property}"
            );
        }
        assert!(
            of_type(&deployed, "Microsoft.Web/sites/basicPublishingCredentialsPolicies").is_empty()
        );
    }
    assert!(seen >= 8, "{seen}");
}

#[test]
fn flex_runs_a_custom_handler_from_a_container_opened_by_the_identity() {
    let Some(tools) = tools() else { return };
    let deployed = deployment(&tools, "identity-given", &[]);
    let site = of_type(&deployed, "Microsoft.Web/sites")[0];
    let config = &site["properties"]["functionAppConfig"];

    assert_eq!(config["runtime"], serde_json::json!({ "name": "custom", "version": "1.0" }));
    assert_eq!(config["scaleAndConcurrency"]["instanceMemoryMB"], 2048);
    assert!(config["scaleAndConcurrency"]["maximumInstanceCount"].as_i64().unwrap() >= 40);
    let storage = &config["deployment"]["storage"];
    assert!(storage["value"].as_str().unwrap().ends_with("app-package"));
    let identity = &storage["authentication"]["userAssignedIdentityResourceId"];
    assert!(site["identity"]["userAssignedIdentities"].get(identity.as_str().unwrap()).is_some());
    let plan = of_type(&deployed, "Microsoft.Web/serverfarms")[0];
    assert_eq!(plan["sku"]["tier"], "FlexConsumption");
    assert_eq!(plan["properties"]["reserved"], true);
    let code = of_type(&deployed, "Microsoft.Web/sites/extensions");
    assert_eq!(code.len(), 1);
    assert_eq!(code[0]["properties"]["remoteBuild"], false);
}

#[test]
fn premium_has_what_it_demands_and_no_content_share() {
    let Some(tools) = tools() else { return };
    for set in ["premium", "government"] {
        let deployed = deployment(&tools, set, &[]);
        let site = of_type(&deployed, "Microsoft.Web/sites")[0];
        let settings = settings(site);

        assert!(!is_flex(site));
        assert_eq!(settings["FUNCTIONS_EXTENSION_VERSION"], "~4");
        assert_eq!(settings["FUNCTIONS_WORKER_RUNTIME"], "custom");
        assert!(settings["WEBSITE_RUN_FROM_PACKAGE"].starts_with("https://"));
        assert!(
            settings.keys().all(|name| !name.starts_with("WEBSITE_CONTENT")),
            "that takes a key"
        );
        let plan = of_type(&deployed, "Microsoft.Web/serverfarms")[0];
        assert_eq!(
            (&plan["sku"]["tier"], &plan["kind"]),
            (&"ElasticPremium".into(), &"elastic".into())
        );
        assert!(plan["properties"]["maximumElasticWorkerCount"].as_i64().unwrap() <= 20);
        let doors = of_type(&deployed, "Microsoft.Web/sites/basicPublishingCredentialsPolicies");
        assert!(doors.len() == 2 && doors.iter().all(|door| door["properties"]["allow"] == false));
        assert!(of_type(&deployed, "Microsoft.Web/sites/extensions").is_empty());
    }
}

#[test]
fn a_network_delegates_its_subnet_to_the_plan() {
    let Some(tools) = tools() else { return };
    let delegation = |set: &str| {
        let deployed = deployment(&tools, set, &[]);
        let network = of_type(&deployed, "Microsoft.Network/virtualNetworks")[0].clone();
        network["properties"]["subnets"][0]["properties"]["delegations"][0]["properties"]["serviceName"].clone()
    };

    assert_eq!(delegation("private-network"), "Microsoft.App/environments");
    assert_eq!(delegation("premium"), "Microsoft.Web/serverFarms");
}

/// Half of what a template may have.
///
/// <https://learn.microsoft.com/azure/azure-resource-manager/templates/best-practices#template-limits>
const MOST_BYTES: usize = 2_000_000;

#[test]
fn the_template_is_small_enough_for_the_portal_and_each_part_for_azure() {
    let text = serde_json::to_string_pretty(&template()).unwrap();
    assert!(text.len() < MOST_BYTES, "{} bytes", text.len());

    let template = template();
    for resource in template["resources"].as_array().unwrap() {
        let bytes = resource.to_string().len();
        assert!(bytes < 1_000_000, "{}: {bytes} bytes", resource["name"]);
    }
    // Resource Manager's own limits of an expression, of parameters and of outputs.
    let longest = super::texts(&template).into_iter().filter(|text| text.starts_with('['));
    assert!(longest.map(str::len).max().unwrap() < 24_576);
    assert!(template["parameters"].as_object().unwrap().len() <= 256);
    assert!(template["outputs"].as_object().unwrap().len() <= 64);
    // What Bicep loads at most: 131,072 characters of text, 1,048,576 of JSON.
    for (folder, most) in [("infra/modules", 131_072), ("infra/generated", 1_048_576)] {
        for file in std::fs::read_dir(super::root().join(folder)).unwrap() {
            let path = file.unwrap().path();
            let characters = std::fs::read_to_string(&path).unwrap().chars().count();
            assert!(characters < most, "{}: {characters} characters", path.display());
        }
    }
}
