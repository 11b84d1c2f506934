metadata description = 'Analytics rules of Microsoft Sentinel over the tables, which must be on in the workspace.'

@description('Required. Name of the workspace in this resource group.')
param workspaceName string

@description('Required. Whether the rules are switched on.')
param enabled bool

// Written from content/rules by `cargo run -p content`.
var rules = loadJsonContent('../../content/generated/rules.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

@batchSize(5)
resource rule 'Microsoft.SecurityInsights/alertRules@2025-09-01' = [
  for item in rules: {
    scope: workspace
    name: guid(workspace.id, item.id)
    kind: 'Scheduled'
    properties: union(item.properties, { enabled: enabled })
  }
]
