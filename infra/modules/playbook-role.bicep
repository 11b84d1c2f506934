metadata description = 'Lets the playbooks\' identity read and comment incidents of a workspace.'

@description('Required. Name of the workspace in this resource group.')
param workspaceName string

@description('Required. Resource id of the identity.')
param identityResourceId string

@description('Required. Object id of the identity.')
param identityPrincipalId string

// Microsoft Sentinel Responder
var responder = '3e150937-b8fe-4cfb-8069-0eaf05ecd056'

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  name: workspaceName
}

resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  scope: workspace
  name: guid(workspace.id, toLower(identityResourceId), responder)
  properties: {
    principalId: identityPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', responder)
  }
}
