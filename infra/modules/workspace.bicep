metadata description = 'The Log Analytics workspace: the one that is given, else a new one with Microsoft Sentinel switched on.'

@description('Required. Name of a new workspace.')
param name string

@description('Required. Region of a new workspace.')
param location string

@description('Optional. Resource id of the workspace to take, in any resource group or subscription. Empty: a new one.')
param workspaceResourceId string = ''

@description('Optional. Days that a new workspace keeps rows for queries. 90 cost nothing where Microsoft Sentinel is on.')
@minValue(30)
@maxValue(730)
param retentionInDays int = 90

@description('Optional. Tags of a new workspace.')
param tags object = {}

var own = '${resourceGroup().id}/providers/Microsoft.OperationalInsights/workspaces/${name}'
// Naming the one that an earlier deployment has made changes nothing.
var isOwn = empty(workspaceResourceId) || workspaceResourceId =~ own
var path = split(isOwn ? own : workspaceResourceId, '/')

resource made 'Microsoft.OperationalInsights/workspaces@2025-07-01' = if (isOwn) {
  name: name
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionInDays
    features: {
      // Rows are read by role, never by the workspace's keys.
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
  }
}

resource sentinel 'Microsoft.SecurityInsights/onboardingStates@2025-09-01' = if (isOwn) {
  scope: made
  name: 'default'
  properties: {}
}

resource given 'Microsoft.OperationalInsights/workspaces@2025-07-01' existing = {
  scope: resourceGroup(path[2], path[4])
  name: path[8]
}

@description('Region of the workspace, which its collection rules share.')
output location string = isOwn ? made!.location : given.location
