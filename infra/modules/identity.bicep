metadata description = 'The user-assigned identity of one purpose: the one that is given, else a new one.'

@description('Required. Name of a new identity.')
param name string

@description('Required. Region of a new identity.')
param location string

@description('Optional. Resource id of the identity to take, in any resource group. Empty: a new one.')
param identityResourceId string = ''

@description('Optional. Tags of a new identity.')
param tags object = {}

var own = '${resourceGroup().id}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}'
// Naming the one that an earlier deployment has made changes nothing.
var isOwn = empty(identityResourceId) || identityResourceId =~ own
var path = split(isOwn ? own : identityResourceId, '/')

resource made 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (isOwn) {
  name: name
  location: location
  tags: tags
}

resource given 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  scope: resourceGroup(path[2], path[4])
  name: path[8]
}

@description('Object id, which role assignments and grants name.')
output principalId string = isOwn ? made!.properties.principalId : given.properties.principalId

@description('Client id, which the program signs in with.')
output clientId string = isOwn ? made!.properties.clientId : given.properties.clientId
