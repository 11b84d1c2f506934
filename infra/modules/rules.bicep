metadata description = 'Data collection rules, as the catalogue packs them, and the right to send to them.'

@description('Required. Start of the rules\' names; a number comes behind it. A rule of kind Direct has at most 30 characters.')
@maxLength(28)
param namePrefix string

@description('Required. The rules, as the catalogue packs them: [{ name, streams }].')
param rules array

@description('Required. Region of the workspace.')
param location string

@description('Required. Resource id of the workspace.')
param workspaceResourceId string

@description('Required. Resource id of the sending identity.')
param identityResourceId string

@description('Required. Object id of the sending identity.')
param identityPrincipalId string

@description('Required. Whether the tables of the two published solutions are filled too.')
param classicFlows bool

@description('Optional. Resource id of a data collection endpoint. Empty: each rule has an address of its own.')
param endpointResourceId string = ''

@description('Optional. Address of that endpoint.')
param endpointAddress string = ''

@description('Optional. Tags.')
param tags object = {}

// Monitoring Metrics Publisher
var publisher = '3913510d-42f4-4e42-8a64-420c390055eb'
var direct = empty(endpointResourceId)

resource rule 'Microsoft.Insights/dataCollectionRules@2024-03-11' = [
  for (item, i) in rules: {
    name: '${namePrefix}-${i + 1}'
    location: location
    tags: tags
    kind: direct ? 'Direct' : null
    properties: {
      description: 'Posture, ${item.name}'
      dataCollectionEndpointId: direct ? null : endpointResourceId
      // A stream for those tables alone has no flow without them, and a declaration needs one.
      streamDeclarations: toObject(
        filter(item.streams, declared => classicFlows || !empty(declared.flows)),
        declared => declared.stream,
        declared => { columns: declared.columns }
      )
      destinations: {
        logAnalytics: [{ name: 'workspace', workspaceResourceId: workspaceResourceId }]
      }
      dataFlows: flatten(map(
        item.streams,
        fed => map(concat(fed.flows, classicFlows ? fed.classicFlows : []), flow => {
          streams: [fed.stream]
          destinations: ['workspace']
          transformKql: flow.transformKql
          outputStream: flow.outputStream
        })
      ))
    }
  }
]

resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for (item, i) in rules: {
    scope: rule[i]
    name: guid(rule[i].id, toLower(identityResourceId), publisher)
    properties: {
      principalId: identityPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', publisher)
    }
  }
]

@description('Where each rule takes its rows, in the order of the catalogue: <endpoint>/<immutable id>.')
output routes array = [
  for (item, i) in rules: '${direct ? rule[i].properties.endpoints.logsIngestion : endpointAddress}/${rule[i].properties.immutableId}'
]
