metadata description = 'One private endpoint, and its name within the network.'

@description('Required. Name.')
param name string

@description('Required. Region.')
param location string

@description('Required. Resource id of what it leads to.')
param targetResourceId string

@description('Required. Part of it that it leads to.')
@allowed(['blob', 'queue', 'table', 'vault', 'sites'])
param group string

@description('Required. Private DNS zone of that part, such as privatelink.vaultcore.azure.net.')
param zoneName string

@description('Required. Resource id of the network.')
param networkId string

@description('Required. Resource id of the subnet.')
param subnetId string

@description('Optional. Tags.')
param tags object = {}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = {
  name: zoneName
  location: 'global'
  tags: tags
}

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = {
  parent: zone
  name: last(split(networkId, '/'))
  location: 'global'
  tags: tags
  properties: {
    registrationEnabled: false
    virtualNetwork: { id: networkId }
  }
}

resource endpoint 'Microsoft.Network/privateEndpoints@2025-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    subnet: { id: subnetId }
    privateLinkServiceConnections: [
      { name: group, properties: { privateLinkServiceId: targetResourceId, groupIds: [group] } }
    ]
  }
}

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-05-01' = {
  parent: endpoint
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [{ name: group, properties: { privateDnsZoneId: zone.id } }]
  }
  dependsOn: [link]
}
