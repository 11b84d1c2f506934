metadata description = 'Hunting queries over the tables, saved in the workspace where Microsoft Sentinel shows them.'

@description('Required. Name of the workspace in this resource group.')
param workspaceName string

// Written from content/hunts by `cargo run -p content`.
var hunts = loadJsonContent('../../content/generated/hunts.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

@batchSize(5)
resource hunt 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-07-01' = [
  for item in hunts: {
    parent: workspace
    name: guid(workspace.id, item.id)
    // Without it a second deployment is refused.
    etag: '*'
    properties: item.properties
  }
]
