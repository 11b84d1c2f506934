metadata description = 'The user-assigned identity of one purpose: the one that is given, else a new one.'

@description('Required. Name of a new identity.')
param name string

@description('Required. Region of a new identity.')
param location string

@description('Optional. Resource id of the identity to take, in any resource group. Empty: a new one.')
param identityResourceId string = ''

@description('Optional. Tags of a new identity.')
param tags object = {}

// A place holder that parses keeps the paths below whole where nothing is given.
var id = empty(identityResourceId) ? '${resourceGroup().id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}' : identityResourceId
var path = split(id, '/')

resource made 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (empty(identityResourceId)) {
  name: name
  location: location
  tags: tags
}

resource given 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  scope: resourceGroup(path[2], path[4])
  name: path[8]
}

@description('Object id, which role assignments and grants name.')
output principalId string = empty(identityResourceId) ? made!.properties.principalId : given.properties.principalId

@description('Client id, which the program signs in with.')
output clientId string = empty(identityResourceId) ? made!.properties.clientId : given.properties.clientId
