metadata description = 'The function app on Elastic Premium, for regions and clouds without Flex Consumption.'

@description('Required. Name of the app.')
param name string

@description('Required. Name of the plan.')
param planName string

@description('Required. Region.')
param location string

@description('Required. Resource ids of the app\'s identities; the first one is the app\'s own.')
param identityResourceIds array

@description('Optional. HTTPS address of the package. Empty: none is mounted.')
param packageUri string = ''

@description('Required. Settings: [{ name, value }].')
param settings array

@description('Required. Name of the Application Insights component.')
param insightsName string

@description('Required. Size of an instance.')
@allowed(['EP1', 'EP2', 'EP3'])
param size string

@description('Required. Instances at most.')
@minValue(1)
@maxValue(20)
param maximumInstanceCount int

@description('Required. Whether the app is reached by private endpoints only.')
param isPrivate bool

@description('Optional. Resource id of the subnet that calls go out through.')
param subnetResourceId string = ''

@description('Optional. Tags.')
param tags object = {}

// No content share: Azure Files takes a key, and the package is mounted from its address.
var own = [
  { name: 'FUNCTIONS_EXTENSION_VERSION', value: '~4' }
  { name: 'FUNCTIONS_WORKER_RUNTIME', value: 'custom' }
]
var package = [{ name: 'WEBSITE_RUN_FROM_PACKAGE', value: packageUri }]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insightsName
}

// It opens nothing: the component takes telemetry by role only.
var telemetry = [{ name: 'APPLICATIONINSIGHTS_CONNECTION_STRING', value: insights.properties.ConnectionString }]

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'elastic'
  sku: { name: size, tier: 'ElasticPremium' }
  properties: {
    reserved: true
    maximumElasticWorkerCount: maximumInstanceCount
  }
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
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      use32BitWorkerProcess: false
      functionsRuntimeScaleMonitoringEnabled: isPrivate
      ipSecurityRestrictionsDefaultAction: isPrivate ? 'Deny' : 'Allow'
      scmIpSecurityRestrictionsDefaultAction: isPrivate ? 'Deny' : 'Allow'
      appSettings: concat(own, empty(packageUri) ? [] : package, telemetry, settings)
    }
  }
}

// Nobody publishes with a password.
resource basic 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = [
  for door in ['ftp', 'scm']: {
    parent: app
    name: door
    properties: { allow: false }
  }
]

@description('Host name of the app.')
output hostName string = app.properties.defaultHostName
