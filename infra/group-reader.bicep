metadata description = 'Lets the collecting identity read Defender for Cloud in a management group.'

targetScope = 'managementGroup'

@description('Required. Resource id of the collecting identity.')
param identityResourceId string

@description('Required. Object id of the collecting identity.')
param identityPrincipalId string

// Written from the catalogue by `posture describe`.
var permissions = loadJsonContent('generated/permissions.json')

resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in permissions.collect.azureRoles: {
    name: guid(managementGroup().id, toLower(identityResourceId), role.id)
    properties: {
      principalId: identityPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: tenantResourceId('Microsoft.Authorization/roleDefinitions', role.id)
    }
  }
]
