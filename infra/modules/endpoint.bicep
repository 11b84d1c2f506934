metadata description = 'A data collection endpoint, for deployments whose rows come over a private link.'

@description('Required. Name of the endpoint.')
param name string

@description('Required. Region of the workspace.')
param location string

@description('Required. Whether rows are taken from the internet: Disabled once the endpoint is in your private link scope.')
@allowed(['Enabled', 'Disabled', 'SecuredByPerimeter'])
param publicNetworkAccess string

@description('Optional. Tags.')
param tags object = {}

resource endpoint 'Microsoft.Insights/dataCollectionEndpoints@2024-03-11' = {
  name: name
  location: location
  tags: tags
  properties: {
    networkAcls: { publicNetworkAccess: publicNetworkAccess }
  }
}

@description('Address that rows are sent to.')
output address string = endpoint.properties.logsIngestion.endpoint
