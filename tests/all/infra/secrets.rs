//! No secret, anywhere: none made, none read, none given out.

use super::{deployment, objects, of_type, sets, template, texts, tools};
use serde_json::Value;

/// What would read, carry or give out a key.
const TRACES: &[&str] = &[
    "listkeys",
    "listaccountsas",
    "listservicesas",
    "listsecrets",
    "listcallbackurl",
    "accountkey=",
    "sharedaccesssignature",
    "sharedaccesskey",
    "sharedkey",
    "defaultendpointsprotocol",
    "sig=",
    "password",
    "client_secret",
    "clientsecret",
    "primarykey",
    "accesskey",
];

fn traces(value: &Value) -> Vec<String> {
    let keys = objects(value).into_iter().flat_map(|body| body.keys().map(String::as_str));
    let all = texts(value).into_iter().chain(keys);
    let found = all.filter(|text| {
        let text = text.to_lowercase().replace("allowsharedkeyaccess", "");
        TRACES.iter().any(|trace| text.contains(trace))
    });
    found.map(str::to_owned).collect()
}

#[test]
fn nothing_in_the_template_reads_or_carries_a_key() {
    let mut template = template();
    // Descriptions and queries are prose; a query of ours names a column for passwords.
    fn blank(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.remove("metadata");
                let generated: Vec<_> =
                    members.keys().filter(|key| key.starts_with("$fxv#")).cloned().collect();
                generated.iter().for_each(|key| drop(members.remove(key)));
                members.values_mut().for_each(blank);
            }
            Value::Array(items) => items.iter_mut().for_each(blank),
            _ => {}
        }
    }
    blank(&mut template);

    assert_eq!(traces(&template), Vec::<String>::new());
    let leak = serde_json::json!({ "value": "[listKeys(resourceId('x', 'y'), '2025-08-01').keys[0].value]" });
    assert_eq!(traces(&leak).len(), 1, "the check has turned silent");
}

#[test]
fn no_parameter_is_a_secret_and_no_output_carries_one() {
    let template = template();
    let kinds = objects(&template).into_iter().filter_map(|body| body.get("type")?.as_str());
    assert!(kinds.into_iter().all(|kind| !kind.to_lowercase().starts_with("secure")));

    let outputs =
        objects(&template).into_iter().filter_map(|body| body.get("outputs")?.as_object());
    let mut names = Vec::new();
    for (name, output) in outputs.flatten() {
        let text = output["value"].to_string().to_lowercase();
        for trace in ["connectionstring", "instrumentationkey", "list", "secret"] {
            assert!(!text.contains(trace), "{name} gives out {trace}");
        }
        names.push(name);
    }
    assert!(names.len() > 15, "{names:?}");
}

#[test]
fn storage_vault_insights_and_workspace_take_no_keys() {
    let Some(tools) = tools() else { return };
    for set in sets() {
        let deployed = deployment(&tools, &set, &[]);
        let every = |kind: &str, check: fn(&Value) -> bool| {
            let all = of_type(&deployed, kind);
            assert!(all.iter().all(|resource| check(&resource["properties"])), "{set}: {kind}");
            all.len()
        };
        let stores = every("Microsoft.Storage/storageAccounts", |of| {
            of["allowSharedKeyAccess"] == false
                && of["allowBlobPublicAccess"] == false
                && of["supportsHttpsTrafficOnly"] == true
                && of["minimumTlsVersion"] == "TLS1_2"
        });
        let insights = every("Microsoft.Insights/components", |of| of["DisableLocalAuth"] == true);
        every("Microsoft.KeyVault/vaults", |of| {
            of["enableRbacAuthorization"] == true && of["enablePurgeProtection"] == true
        });
        every("Microsoft.OperationalInsights/workspaces", |of| {
            of["features"]["disableLocalAuth"] == true
        });
        every("Microsoft.Storage/storageAccounts/blobServices/containers", |of| {
            of["publicAccess"] == "None"
        });
        assert_eq!((stores, insights), (1, 1), "{set}");
    }
}

#[test]
fn a_private_network_closes_storage_vault_and_app() {
    let Some(tools) = tools() else { return };
    let deployed = deployment(&tools, "private-network", &[]);
    let property = |kind: &str, path: &str| {
        let all = of_type(&deployed, kind);
        all[0].pointer(&format!("/properties/{path}")).cloned().unwrap_or_default()
    };

    for kind in ["Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults"] {
        assert_eq!(property(kind, "publicNetworkAccess"), "Disabled");
        assert_eq!(property(kind, "networkAcls/defaultAction"), "Deny");
    }
    assert_eq!(
        property("Microsoft.Web/sites", "siteConfig/ipSecurityRestrictionsDefaultAction"),
        "Deny"
    );
    assert_eq!(
        property("Microsoft.Web/sites", "siteConfig/scmIpSecurityRestrictionsDefaultAction"),
        "Deny"
    );
    let endpoints = of_type(&deployed, "Microsoft.Network/privateEndpoints");
    let groups: Vec<_> = endpoints
        .iter()
        .map(|endpoint| {
            let connection = &endpoint["properties"]["privateLinkServiceConnections"][0];
            connection["properties"]["groupIds"][0].as_str().unwrap().to_owned()
        })
        .collect();
    for group in ["blob", "queue", "table", "vault", "sites"] {
        assert!(groups.iter().any(|there| there == group), "{groups:?} lack {group}");
    }
}
