//! The page of the data connector: what it needs, how it is deployed, and whether rows come.
//!
//! <https://learn.microsoft.com/azure/sentinel/data-connector-ui-definitions-reference>

use crate::project::{self, Release};
use crate::{Query, parts};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `content/connector.yaml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    id: String,
    title: String,
    publisher: String,
    description: String,
    banner: String,
    samples: Vec<Sample>,
    customs: Vec<Custom>,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    description: String,
    query: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Custom {
    name: String,
    description: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    title: String,
    description: String,
}

/// Days without a completed job after which the page says that nothing is connected.
const QUIET_DAYS: u32 = 2;

/// The page as the resource `dataConnectorDefinitions` takes it.
///
/// # Errors
///
/// The part or written file that is wrong.
pub fn definition() -> Result<Value, String> {
    let mut page = page()?;
    let members = page.as_object_mut().ok_or("the page is no object")?;
    // The resource and the hub's file name the same list differently.
    let criteria = members.remove("connectivityCriterias").unwrap_or_default();
    members.insert("connectivityCriteria".to_owned(), criteria);
    Ok(page)
}

/// The page as the content hub's file has it.
///
/// # Errors
///
/// The part or written file that is wrong.
pub fn page() -> Result<Value, String> {
    let part: Part = parts::one("connector")?;
    let filled = filled(&project::release()?, &project::permissions()?);
    let tables = project::tables()?;
    let graph = tables.iter().map(|table| {
        json!({ "metricName": "Rows received", "legend": table.name, "baseQuery": table.name })
    });
    let types = tables
        .iter()
        .map(|table| json!({ "name": table.name, "lastDataReceivedQuery": newest(&table.name) }));
    let customs = part
        .customs
        .iter()
        .map(|custom| json!({ "name": custom.name, "description": filled(&custom.description) }));
    let steps = part.steps.iter().map(|step| {
        json!({ "title": step.title, "description": filled(&step.description), "instructions": [] })
    });
    Ok(json!({
        "id": part.id,
        "title": part.title,
        "publisher": part.publisher,
        "descriptionMarkdown": part.description,
        "additionalRequirementBanner": part.banner,
        "graphQueries": graph.collect::<Vec<_>>(),
        "sampleQueries": part.samples,
        "dataTypes": types.collect::<Vec<_>>(),
        "connectivityCriterias": [{ "type": "IsConnectedQuery", "value": [connected()] }],
        "availability": { "status": 1, "isPreview": false },
        "permissions": {
            "resourceProvider": [{
                "provider": "Microsoft.OperationalInsights/workspaces",
                "permissionsDisplayText": "read and write permissions on the workspace are required.",
                "providerDisplayName": "Workspace",
                "scope": "Workspace",
                "requiredPermissions": { "read": true, "write": true, "delete": true },
            }],
            "customs": customs.collect::<Vec<_>>(),
        },
        "instructionSteps": steps.collect::<Vec<_>>(),
    }))
}

/// Every query of the page.
///
/// # Errors
///
/// The part or written file that is wrong.
pub fn queries() -> Result<Vec<Query>, String> {
    let part: Part = parts::one("connector")?;
    let samples = part.samples.into_iter().map(|sample| (sample.description, sample.query));
    let tables = project::tables()?.into_iter().map(|table| {
        let query = newest(&table.name);
        (table.name, query)
    });
    let own = std::iter::once(("connected".to_owned(), connected()));
    let named = |(name, text)| Query { name: format!("connector/{name}"), text };
    Ok(samples.chain(tables).chain(own).map(named).collect())
}

/// The section of `docs/content.md`.
///
/// # Errors
///
/// The part or written file that is wrong.
pub fn section() -> Result<String, String> {
    let part: Part = parts::one("connector")?;
    let steps: Vec<_> = part.steps.iter().map(|step| format!("- {}\n", step.title)).collect();
    Ok(format!(
        "## Data connector\n\nThe page *{}* among Sentinel's data connectors polls nothing: it shows when each table \
         received rows last, says that it is connected while a job has completed within {QUIET_DAYS} days, and leads \
         through the deployment:\n\n{}",
        part.title,
        steps.concat()
    ))
}

fn newest(table: &str) -> String {
    format!("{table}\n| summarize Time = max(TimeGenerated)\n| where isnotempty(Time)")
}

fn connected() -> String {
    format!(
        "PostureRuns_CL\n| where Status == 'complete'\n| summarize LastLogReceived = max(Ended)\n\
         | project IsConnected = LastLogReceived > ago({QUIET_DAYS}d)"
    )
}

/// Puts addresses and permissions in the place of their names.
fn filled(release: &Release, permissions: &[String]) -> impl Fn(&str) -> String + use<> {
    let button = |portal: &str| {
        let file = |name: &str| encoded(&format!("{}/{}/infra/{name}", release.raw, release.tag));
        format!(
            "{portal}/#create/Microsoft.Template/uri/{}/createUIDefinitionUri/{}",
            file("azuredeploy.json"),
            file("createUiDefinition.json")
        )
    };
    let values = [
        ("{button}", button("https://portal.azure.com")),
        ("{governmentButton}", button("https://portal.azure.us")),
        ("{repository}", release.repository.clone()),
        ("{tag}", release.tag.clone()),
        ("{permissions}", permissions.join(", ")),
    ];
    move |text| values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

/// As the portal's address wants it: letters and digits stay, and four more.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_braces_is_left_on_the_page() {
        let page = page().unwrap().to_string();

        assert!(!page.contains("{button}") && !page.contains("{tag}") && !page.contains("{perm"));
        assert!(page.contains("SecurityEvents.Read.All"));
        assert!(page.contains("%2Finfra%2Fazuredeploy.json/createUIDefinitionUri/https%3A%2F%2F"));
    }

    #[test]
    fn the_resource_names_its_criteria_its_own_way() {
        let definition = definition().unwrap();

        assert_eq!(definition["connectivityCriteria"][0]["type"], "IsConnectedQuery");
        assert!(definition.get("connectivityCriterias").is_none());
    }
}
