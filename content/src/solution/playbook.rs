//! A playbook as a template of its own, which the content hub installs: the workflow, the connections that it
//! uses, and what the hub says of it.
//!
//! <https://github.com/Azure/Azure-Sentinel/wiki/Contribute-to-Sentinel-GitHub-Community-of-Queries>

use super::Part;
use crate::playbooks::Playbook;
use serde_json::{Map, Value, json};

const SCHEMA: &str =
    "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#";
/// What stands in a definition where the deployment puts the identity.
const IDENTITY: &str = "{identityResourceId}";

/// The template.
pub fn template(part: &Part, playbook: &Playbook) -> Value {
    let about = &playbook.about;
    let connections = about.connections.iter();
    let mut resources = vec![workflow(playbook)];
    resources.extend(connections.clone().map(|api| connection(api)));
    let names = connections.map(|api| {
        (variable(api), json!(format!("[concat('{api}-', parameters('PlaybookName'))]")))
    });
    json!({
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "metadata": {
            "title": about.title,
            "description": about.about,
            "prerequisites": about.needs,
            "postDeployment": ["Sign in, as a person, to each connection but the one to Microsoft Sentinel."],
            "lastUpdateTime": format!("{}T00:00:00.000Z", part.last_publish_date),
            "entities": entities(playbook),
            "tags": ["Posture"],
            "support": { "tier": part.support.tier },
            "author": { "name": part.support.name },
        },
        "parameters": parameters(playbook),
        "variables": names.collect::<Map<_, _>>(),
        "resources": resources,
    })
}

/// Kinds of entities that it is about.
fn entities(playbook: &Playbook) -> Vec<&'static str> {
    let acts = playbook.name.ends_with("Device");
    let looks_up = playbook.about.connections.iter().any(|api| api == "azuresentinel");
    match (acts, looks_up) {
        (true, _) => vec!["Host"],
        (false, true) => vec!["Host", "Account", "Ip"],
        (false, false) => Vec::new(),
    }
}

fn parameters(playbook: &Playbook) -> Map<String, Value> {
    let text = |about: &str| json!({ "type": "string", "metadata": { "description": about } });
    let mut all = Map::new();
    all.insert(
        "PlaybookName".to_owned(),
        json!({ "type": "string", "defaultValue": format!("Posture-{}", playbook.name) }),
    );
    all.insert(
        "IdentityResourceId".to_owned(),
        text("Resource id of the user-assigned identity that the app lets call"),
    );
    for (name, declared) in own_parameters(playbook) {
        let mut parameter = text(described(name));
        if let Some(default) = declared.get("defaultValue") {
            parameter["defaultValue"] = default.clone();
        }
        all.insert(name.clone(), parameter);
    }
    all
}

/// The definition's parameters but for its connections.
fn own_parameters(playbook: &Playbook) -> impl Iterator<Item = (&String, &Value)> {
    let all = playbook.definition["parameters"].as_object().into_iter().flatten();
    all.filter(|(name, _)| *name != "$connections")
}

/// What a parameter is, as `docs/playbooks.md` has it.
fn described(name: &str) -> &'static str {
    match name {
        "address" => "Address of the app, such as https://func-posture.azurewebsites.net",
        "audience" => "Application ID URI of the registration that stands for the API",
        "tenantId" => "Tenant that it is about; empty: the incident's own, or every one",
        "approvers" => "Mail addresses of those who approve, separated by semicolons",
        "recipients" => "Mail addresses that the report goes to, separated by semicolons",
        "teamsGroupId" => "Id of the team that the report goes to",
        "teamsChannelId" => "Id of the channel that the report goes to",
        _ => "See docs/playbooks.md",
    }
}

fn workflow(playbook: &Playbook) -> Value {
    let connections = playbook.about.connections.iter();
    let needed = connections.clone().map(|api| format!("[{}]", resource_id(api)));
    let mut values: Map<String, Value> = own_parameters(playbook)
        .map(|(name, _)| (name.clone(), json!({ "value": format!("[parameters('{name}')]") })))
        .collect();
    let used = connections.map(|api| (api.clone(), reference(api)));
    values.insert("$connections".to_owned(), json!({ "value": used.collect::<Map<_, _>>() }));
    json!({
        "type": "Microsoft.Logic/workflows",
        "apiVersion": "2019-05-01",
        "name": "[parameters('PlaybookName')]",
        "location": "[resourceGroup().location]",
        "tags": {
            "hidden-SentinelTemplateName": playbook.name,
            "hidden-SentinelTemplateVersion": "1.0",
        },
        "identity": {
            "type": "UserAssigned",
            "userAssignedIdentities": { "[parameters('IdentityResourceId')]": {} },
        },
        "dependsOn": needed.collect::<Vec<_>>(),
        "properties": {
            "state": "Enabled",
            "definition": with_identity(&playbook.definition),
            "parameters": values,
        },
    })
}

/// The definition with the template's parameter in the identity's place. A text that begins with a bracket
/// would be an expression of the template.
fn with_identity(definition: &Value) -> Value {
    match definition {
        Value::String(text) if text == IDENTITY => json!("[parameters('IdentityResourceId')]"),
        Value::String(text) if text.starts_with('[') => json!(format!("[{text}")),
        Value::Array(items) => items.iter().map(with_identity).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, value)| (name.clone(), with_identity(value))).collect(),
        ),
        other => other.clone(),
    }
}

fn connection(api: &str) -> Value {
    let mut connection = json!({
        "type": "Microsoft.Web/connections",
        "apiVersion": "2016-06-01",
        "name": format!("[variables('{}')]", variable(api)),
        "location": "[resourceGroup().location]",
        "properties": {
            "displayName": format!("[variables('{}')]", variable(api)),
            "api": { "id": format!("[{}]", managed_api(api)) },
        },
    });
    if api == "azuresentinel" {
        connection["properties"]["parameterValueType"] = "Alternative".into();
    }
    connection
}

fn reference(api: &str) -> Value {
    let mut reference = json!({
        "connectionId": format!("[{}]", resource_id(api)),
        "connectionName": format!("[variables('{}')]", variable(api)),
        "id": format!("[{}]", managed_api(api)),
    });
    if api == "azuresentinel" {
        let identity = "[parameters('IdentityResourceId')]";
        reference["connectionProperties"] = json!({
            "authentication": { "type": "ManagedServiceIdentity", "identity": identity },
        });
    }
    reference
}

fn variable(api: &str) -> String {
    format!("{api}ConnectionName")
}

fn resource_id(api: &str) -> String {
    format!("resourceId('Microsoft.Web/connections', variables('{}'))", variable(api))
}

fn managed_api(api: &str) -> String {
    format!(
        "subscriptionResourceId('Microsoft.Web/locations/managedApis', resourceGroup().location, '{api}')"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_is_put_in_and_a_bracket_is_no_expression() {
        let given = json!({ "a": [IDENTITY, "[x]", "@y"] });

        let expected = json!({ "a": ["[parameters('IdentityResourceId')]", "[[x]", "@y"] });
        assert_eq!(with_identity(&given), expected);
    }
}
