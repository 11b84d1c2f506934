metadata description = 'Page of the data connector in Microsoft Sentinel, which the workspace must have.'

@description('Required. Name of the workspace in this resource group.')
param workspaceName string

// Written from content/ by `cargo run -p content`.
var page = loadJsonContent('../../content/generated/connector.json')

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource connector 'Microsoft.SecurityInsights/dataConnectorDefinitions@2025-09-01' = {
  scope: workspace
  name: page.id
  kind: 'Customizable'
  properties: { connectorUiConfig: page }
}
