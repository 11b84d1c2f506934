metadata description = 'Playbooks: a workflow each, which calls the app as one identity, and the connections that they use; no secret.'

@description('Required. Names of the playbooks.')
param playbooks array

@description('Required. Start of the workflows\' and the connections\' names.')
param prefix string

@description('Required. End of the workflows\' and the connections\' names.')
param suffix string

@description('Required. Region.')
param location string

@description('Required. Resource id of the identity that the playbooks call as.')
param identityResourceId string

@description('Required. Address of the app.')
param address string

@description('Required. Audience of the registration that stands for the API.')
param audience string

@description('Required. Tenant that incidents and the report are about; empty: the incident\'s own, and every tenant.')
param tenantId string

@description('Required. Mail addresses of those who approve isolation and release, separated by semicolons.')
param approvers string

@description('Required. Mail addresses that the daily report goes to, separated by semicolons; empty: none.')
param recipients string

@description('Required. Id of the team that the daily report goes to; empty: none.')
param teamsGroupId string

@description('Required. Id of the channel that the daily report goes to; empty: none.')
param teamsChannelId string

@description('Required. Object id of Microsoft Sentinel\'s own identity, which starts playbooks; empty: its role is granted elsewhere.')
param sentinelPrincipalId string

@description('Optional. Tags.')
param tags object = {}

// Microsoft Sentinel Automation Contributor
var automation = 'f4c81013-99ee-4d62-a7ee-b3f1f648599a'
var onIncidents = { address: address, audience: audience, tenantId: tenantId }
var withApproval = union(onIncidents, { approvers: approvers })
var report = { recipients: recipients, teamsGroupId: teamsGroupId, teamsChannelId: teamsChannelId }
var all = [
  {
    name: 'EnrichIncident'
    connections: ['azuresentinel']
    parameters: onIncidents
    definition: loadJsonContent('../../content/playbooks/EnrichIncident/definition.json')
  }
  {
    name: 'IsolateDevice'
    connections: ['azuresentinel', 'office365']
    parameters: withApproval
    definition: loadJsonContent('../../content/playbooks/IsolateDevice/definition.json')
  }
  {
    name: 'ReleaseDevice'
    connections: ['azuresentinel', 'office365']
    parameters: withApproval
    definition: loadJsonContent('../../content/playbooks/ReleaseDevice/definition.json')
  }
  {
    name: 'ScanDevice'
    connections: ['azuresentinel']
    parameters: onIncidents
    definition: loadJsonContent('../../content/playbooks/ScanDevice/definition.json')
  }
  {
    name: 'DailyReport'
    connections: ['office365', 'teams']
    parameters: union(onIncidents, report)
    definition: loadJsonContent('../../content/playbooks/DailyReport/definition.json')
  }
  {
    name: 'AlertNotices'
    connections: ['office365', 'teams']
    parameters: { address: address, audience: audience }
    definition: loadJsonContent('../../content/playbooks/AlertNotices/definition.json')
  }
]
var chosen = filter(all, one => contains(playbooks, one.name))
var used = union([], flatten(map(chosen, one => one.connections)))
// The connection to Sentinel signs in as the workflow's identity; a person signs in to the others once.
var byIdentity = {
  connectionProperties: { authentication: { type: 'ManagedServiceIdentity', identity: identityResourceId } }
}
var references = toObject(used, api => api, api => union(
  {
    connectionId: resourceId('Microsoft.Web/connections', '${prefix}-${api}-${suffix}')
    connectionName: '${prefix}-${api}-${suffix}'
    id: subscriptionResourceId('Microsoft.Web/locations/managedApis', location, api)
  },
  api == 'azuresentinel' ? byIdentity : {}
))

resource connection 'Microsoft.Web/connections@2016-06-01' = [
  for api in used: {
    name: '${prefix}-${api}-${suffix}'
    location: location
    properties: union(
      {
        displayName: '${prefix} ${api}'
        api: { id: subscriptionResourceId('Microsoft.Web/locations/managedApis', location, api) }
      },
      api == 'azuresentinel' ? { parameterValueType: 'Alternative' } : {}
    )
    tags: tags
  }
]

resource workflow 'Microsoft.Logic/workflows@2019-05-01' = [
  for one in chosen: {
    name: '${prefix}-${one.name}-${suffix}'
    location: location
    identity: {
      type: 'UserAssigned'
      userAssignedIdentities: { '${identityResourceId}': {} }
    }
    properties: {
      state: 'Enabled'
      // An identity is named in the definition itself: it takes no parameter there.
      definition: json(replace(string(one.definition), '{identityResourceId}', identityResourceId))
      parameters: union(
        {
          '$connections': {
            value: toObject(one.connections, api => api, api => references[api])
          }
        },
        toObject(items(one.parameters), pair => pair.key, pair => { value: pair.value })
      )
    }
    tags: tags
    dependsOn: [connection]
  }
]

resource start 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (!empty(sentinelPrincipalId)) {
  name: guid(resourceGroup().id, sentinelPrincipalId, automation)
  properties: {
    principalId: sentinelPrincipalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', automation)
  }
}

@description('Names of the workflows.')
output names array = map(chosen, one => '${prefix}-${one.name}-${suffix}')
