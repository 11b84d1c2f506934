metadata description = 'Application Insights of the app, which takes telemetry by role only.'

@description('Required. Name.')
param name string

@description('Required. Region.')
param location string

@description('Required. Resource id of the workspace that keeps it.')
param workspaceResourceId string

@description('Optional. Tags.')
param tags object = {}

resource component 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: workspaceResourceId
    DisableLocalAuth: true
  }
}
