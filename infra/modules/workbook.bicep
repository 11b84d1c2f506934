metadata description = 'The workbook over the tables, in the workspace\'s Microsoft Sentinel.'

@description('Required. Name of the workspace in this resource group.')
param workspaceName string

@description('Required. Region of the workspace.')
param location string

@description('Optional. Tags.')
param tags object = {}

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(workspace.id, 'posture-workbook')
  location: location
  tags: union(tags, { 'hidden-title': 'Security posture' })
  kind: 'shared'
  properties: {
    displayName: 'Security posture'
    description: 'Scores, findings and the health of their collection, of all tenants.'
    category: 'sentinel'
    sourceId: workspace.id
    version: 'Notebook/1.0'
    // Written from content/workbook by `cargo run -p content`.
    serializedData: loadTextContent('../../content/generated/workbook.json')
  }
}
