metadata description = 'Functions over the tables, saved in the workspace.'

@description('Required. Name of the workspace in this resource group.')
param workspaceName string

// Written from the catalogue by `posture describe`.
var functions = loadJsonContent('../generated/functions.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

@batchSize(5)
resource function 'Microsoft.OperationalInsights/workspaces/savedSearches@2025-07-01' = [
  for item in functions: {
    parent: workspace
    name: item.name
    // Without it a second deployment is refused.
    etag: '*'
    properties: {
      category: 'Posture'
      displayName: item.name
      functionAlias: item.name
      functionParameters: item.parameters
      query: item.query
      version: 2
    }
  }
]
