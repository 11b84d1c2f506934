metadata description = 'The function app on its plan, with its settings, authentication and private endpoint. No secret is among the settings.'

@description('Required. Names: app, insights, plan.')
param names object

@description('Required. Text that sets this deployment\'s modules apart.')
param token string

@description('Required. Region.')
param location string

@description('Required. Resource ids of the app\'s identities; the first one is the app\'s own.')
param identityResourceIds array

@description('Required. Client id of the app\'s own identity.')
param identityClientId string

@description('Required. Client id of the identity of response actions; empty without.')
param actionClientId string

@description('Required. Whether the timer collects.')
param collects bool

@description('Required. Address of the account\'s blobs, with a slash at its end.')
param blobAddress string

@description('Required. Address of the account\'s queues.')
param queueAddress string

@description('Required. Address of the account\'s tables.')
param tableAddress string

@description('Required. Container of the records.')
param container string

@description('Required. Queue of the jobs.')
param queue string

@description('Required. Container of the package, on flex.')
param packageContainer string

@description('Required. HTTPS address of the package; empty: none is deployed.')
param packageUri string

@description('Required. Where each collection rule takes its rows.')
param routes array

@description('Required. The program\'s settings by name; empty ones are left out.')
param settings object

@description('Required. What the playbooks may ask the app for.')
@allowed(['nothing', 'read', 'act'])
param playbooksMay string

@description('Required. Caller that the playbooks are; empty without.')
param playbookCaller string

@description('Required. Further settings by name; they win.')
param moreSettings object

@description('Required. Client id of the registration that stands for the API; empty: keys only.')
param apiClientId string

@description('Required. Other tenants whose callers may sign in.')
param callerTenants array

@description('Required. Plan: flex or premium.')
@allowed(['flex', 'premium'])
param plan string

@description('Required. Memory of an instance in MB, on flex.')
param instanceMemoryMB int

@description('Required. Size of an instance, on premium.')
param premiumSize string

@description('Required. Instances at most.')
param maximumInstanceCount int

@description('Required. Whether the app is reached by private endpoints only.')
param privateNetwork bool

@description('Required. Resource id of the network; empty without.')
param networkId string

@description('Required. Resource id of the subnet that calls go out through; empty without.')
param appSubnetId string

@description('Required. Resource id of the subnet of private endpoints; empty without.')
param endpointSubnetId string

@description('Optional. Tags.')
param tags object = {}

var flex = plan == 'flex'
// Addresses instead of the account's name: they hold in every cloud.
var host = {
  AzureWebJobsStorage__blobServiceUri: blobAddress
  AzureWebJobsStorage__queueServiceUri: queueAddress
  AzureWebJobsStorage__tableServiceUri: tableAddress
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  AZURE_CLIENT_ID: identityClientId
  POSTURE_STORAGE: blobAddress
  POSTURE_CONTAINER: container
  POSTURE_QUEUE: queue
  POSTURE_QUEUE_URL: queueAddress
  POSTURE_LOGS_RULES: join(routes, ',')
}
// A token that is taken before the grant is kept for hours: nothing takes one until the identity is named.
var paused = collects ? {} : { AzureWebJobs_function_timer_Disabled: 'true' }
var acting = length(identityResourceIds) > 1 ? { POSTURE_ACTION_CLIENT_ID: actionClientId } : {}
// What the platform compares sign-ins with takes ten tenants; beyond that the handler's own list alone holds.
var signIns = empty(callerTenants) ? [] : union([tenant().tenantId], callerTenants)
var tenants = empty(signIns) || length(signIns) > 10 ? {} : { WEBSITE_AUTH_AAD_ALLOWED_TENANTS: join(signIns, ',') }
var given = toObject(filter(items(settings), pair => !empty(pair.value)), pair => pair.key, pair => pair.value)
var readers = empty(settings.POSTURE_CALLERS) ? playbookCaller : '${settings.POSTURE_CALLERS},${playbookCaller}'
var reading = playbooksMay == 'nothing' ? {} : { POSTURE_CALLERS: readers }
var playing = playbooksMay == 'act' ? { POSTURE_ACTION_CALLERS: playbookCaller } : {}
var all = map(items(union(host, paused, acting, tenants, given, reading, playing, moreSettings)), pair => {
  name: pair.key
  value: string(pair.value)
})
var appZones = {
  AzureCloud: 'privatelink.azurewebsites.net'
  AzureUSGovernment: 'privatelink.azurewebsites.us'
  AzureChinaCloud: 'privatelink.chinacloudsites.cn'
}

module flexApp 'flex.bicep' = if (flex) {
  name: 'posture-app-${token}'
  params: {
    name: names.app
    planName: names.plan
    location: location
    identityResourceIds: identityResourceIds
    packageContainerAddress: '${blobAddress}${packageContainer}'
    packageUri: packageUri
    settings: all
    insightsName: names.insights
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    isPrivate: privateNetwork
    subnetResourceId: appSubnetId
    tags: tags
  }
}

module premiumApp 'premium.bicep' = if (!flex) {
  name: 'posture-premium-app-${token}'
  params: {
    name: names.app
    planName: names.plan
    location: location
    identityResourceIds: identityResourceIds
    packageUri: packageUri
    settings: all
    insightsName: names.insights
    size: premiumSize
    // What every region takes on Linux.
    maximumInstanceCount: min(maximumInstanceCount, 20)
    isPrivate: privateNetwork
    subnetResourceId: appSubnetId
    tags: tags
  }
}

module authentication 'authentication.bicep' = if (!empty(apiClientId)) {
  name: 'posture-authentication-${token}'
  params: { appName: names.app, clientId: apiClientId, manyTenants: !empty(callerTenants) }
  dependsOn: [flexApp, premiumApp]
}

module appEndpoint 'private-endpoint.bicep' = if (privateNetwork) {
  name: 'posture-app-endpoint-${token}'
  params: {
    name: 'pe-app-${token}'
    location: location
    targetResourceId: resourceId('Microsoft.Web/sites', names.app)
    group: 'sites'
    zoneName: appZones[environment().name]
    networkId: networkId
    subnetId: endpointSubnetId
    tags: tags
  }
  // The package is pulled before the door closes.
  dependsOn: [flexApp, premiumApp]
}

@description('Host name of the app.')
output hostName string = flex ? flexApp!.outputs.hostName : premiumApp!.outputs.hostName
