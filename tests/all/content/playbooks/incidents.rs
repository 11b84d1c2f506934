//! Incidents as Sentinel's trigger sends them, in the shape of either portal. Invented names.

use serde_json::{Value, json};

/// Which portal the workspace is in.
#[derive(Clone, Copy, Debug)]
pub enum Portal {
    /// Sentinel in the Azure portal: hosts by name only.
    Azure,
    /// Sentinel in the Defender portal: incidents are Defender's own, hosts have Defender's ids.
    Defender,
}

pub const PORTALS: [Portal; 2] = [Portal::Azure, Portal::Defender];

/// What the incident is about, for all that has to be the same in both.
const ID: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/rg-soc/providers/\
                  Microsoft.OperationalInsights/workspaces/law-soc/providers/Microsoft.SecurityInsights/\
                  Incidents/99999999-0000-4000-8000-000000000001";

/// An incident on these devices of a tenant.
pub fn incident(portal: Portal, tenant: &str, devices: &[Value]) -> Value {
    let mut properties = json!({
        "title": "Suspicious <script> on a host", "severity": "High", "status": "New",
        "incidentNumber": 4711, "labels": [], "relatedAnalyticRuleIds": [], "bookmarks": [],
        "owner": { "objectId": null, "email": null, "assignedTo": null, "userPrincipalName": null },
        "createdTimeUtc": "2026-11-26T08:00:00Z", "lastModifiedTimeUtc": "2026-11-26T08:00:05Z",
        "additionalData": { "alertsCount": 1, "bookmarksCount": 0, "commentsCount": 0,
            "alertProductNames": ["Microsoft Defender for Endpoint"], "tactics": ["Execution"] },
        "relatedEntities": devices.iter().map(|device| entity(portal, device)).collect::<Vec<_>>(),
    });
    let alert = json!({ "id": "", "type": "Microsoft.SecurityInsights/Entities",
        "kind": "SecurityAlert", "properties": { "alertDisplayName": "Invented", "severity": "High" } });
    let more = match portal {
        Portal::Azure => json!({ "providerName": "Azure Sentinel", "providerIncidentId": "4711",
            "incidentUrl": format!("https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident{ID}"),
            "alerts": [alert] }),
        Portal::Defender => json!({ "providerName": "Microsoft XDR", "providerIncidentId": "77",
            "incidentUrl": format!("https://security.microsoft.com/incidents/77?tid={tenant}"),
            "Alerts": [alert] }),
    };
    properties.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({
        "eventUniqueId": "88888888-0000-4000-8000-000000000001",
        "objectSchemaType": "Incident", "objectEventType": "Create",
        "workspaceInfo": { "SubscriptionId": "11111111-2222-3333-4444-555555555555",
            "ResourceGroupName": "rg-soc", "WorkspaceName": "law-soc" },
        "workspaceId": "77777777-0000-4000-8000-000000000001",
        "object": { "id": ID, "name": "99999999-0000-4000-8000-000000000001", "etag": "\"1\"",
            "type": "Microsoft.SecurityInsights/Incidents", "properties": properties },
    })
}

/// A host entity of a device as Defender has it.
fn entity(portal: Portal, device: &Value) -> Value {
    let name = device["computerDnsName"].as_str().unwrap();
    let (host, domain) = name.split_once('.').unwrap_or((name, ""));
    let mut properties = json!({ "hostName": host, "dnsDomain": domain, "osFamily": "Windows" });
    if let Portal::Defender = portal {
        properties["additionalData"] =
            json!({ "MdatpDeviceId": device["id"], "DeviceDnsName": name, "RiskScore": "High" });
    }
    json!({ "id": "/Entities/", "type": "Microsoft.SecurityInsights/Entities", "kind": "Host",
        "properties": properties })
}
