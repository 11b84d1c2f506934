metadata description = 'Tables of the workspace, in the workspace\'s own resource group.'

@description('Required. Name of the workspace in this resource group.')
param workspaceName string

@description('Required. The tables, as the catalogue describes them: [{ name, columns }].')
param tables array

@description('Optional. Days that rows are kept for queries; -1 as the workspace.')
@minValue(-1)
@maxValue(730)
param retentionInDays int = -1

@description('Optional. Days that rows are kept in all; -1 as retentionInDays.')
@minValue(-1)
@maxValue(4383)
param totalRetentionInDays int = -1

@description('Optional. Names of tables of the plan Basic; the others have the plan Analytics.')
param basicTables array = []

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

// Writes to one workspace collide.
@batchSize(1)
resource table 'Microsoft.OperationalInsights/workspaces/tables@2025-07-01' = [
  for item in tables: {
    parent: workspace
    name: item.name
    properties: {
      plan: contains(basicTables, item.name) ? 'Basic' : 'Analytics'
      // A Basic table's own days are fixed.
      retentionInDays: contains(basicTables, item.name) ? null : retentionInDays
      totalRetentionInDays: totalRetentionInDays
      schema: {
        name: item.name
        columns: item.columns
      }
    }
  }
]
