metadata description = 'The function app on Flex Consumption, and its package.'

@description('Required. Name of the app.')
param name string

@description('Required. Name of the plan.')
param planName string

@description('Required. Region.')
param location string

@description('Required. Resource ids of the app\'s identities; the first one is the app\'s own.')
param identityResourceIds array

@description('Required. Address of the container of the package.')
param packageContainerAddress string

@description('Optional. HTTPS address of the package. Empty: nothing is deployed into the app.')
param packageUri string = ''

@description('Required. Settings: [{ name, value }].')
param settings array

@description('Required. Name of the Application Insights component.')
param insightsName string

@description('Required. Memory of an instance in MB.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int

@description('Required. Instances of each scale group at most.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int

@description('Required. Whether the app is reached by private endpoints only.')
param isPrivate bool

@description('Optional. Resource id of the subnet that calls go out through.')
param subnetResourceId string = ''

@description('Optional. Tags.')
param tags object = {}

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

// It opens nothing: the component takes telemetry by role only.
var telemetry = [{ name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }]

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  // azd finds the app by this tag.
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: toObject(identityResourceIds, id => id, id => {})
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    keyVaultReferenceIdentity: identityResourceIds[0]
    virtualNetworkSubnetId: empty(subnetResourceId) ? null : subnetResourceId
    functionAppConfig: {
      runtime: { name: 'custom', version: '1.0' }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageContainerAddress
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityResourceIds[0]
          }
        }
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      // The package is pulled, so a closed door doesn't stop it.
      ipSecurityRestrictionsDefaultAction: isPrivate ? 'Deny' : 'Allow'
      scmIpSecurityRestrictionsDefaultAction: isPrivate ? 'Deny' : 'Allow'
      appSettings: concat(telemetry, settings)
    }
  }
}

resource code 'Microsoft.Web/sites/extensions@2025-03-01' = if (!empty(packageUri)) {
  parent: app
  name: 'onedeploy'
  // The type data know the name only; the service takes these two.
  #disable-next-line BCP187
  properties: {
    packageUri: packageUri
    remoteBuild: false
  }
}

@description('Host name of the app.')
output hostName string = app.properties.defaultHostName
