metadata description = 'Posture: the function app, its storage, its tables and rules in a Log Analytics workspace, and every role; no secret.'

targetScope = 'resourceGroup'

@description('Optional. Region of the app; it must offer the plan.')
param location string = resourceGroup().location

@description('Optional. Start of every name.')
@minLength(3)
@maxLength(10)
param prefix string = 'posture'

@description('Optional. Tags of every resource.')
param tags object = {}

@description('Optional. Resource id of the identity that step 1 has made and granted. Empty: the template makes one, and the timer stays off until a deployment names it.')
param identityResourceId string = ''

@description('Optional. Resource id of the workspace, in any resource group or subscription. Empty: a new one with Microsoft Sentinel switched on.')
param workspaceResourceId string = ''

@description('Optional. Days that a new workspace keeps rows for queries.')
@minValue(30)
@maxValue(730)
param workspaceRetentionInDays int = 90

@description('Optional. Days that our tables keep rows for queries; -1 as the workspace.')
@minValue(-1)
@maxValue(730)
param tableRetentionInDays int = -1

@description('Optional. Days that our tables keep rows in all; -1 as tableRetentionInDays.')
@minValue(-1)
@maxValue(4383)
param tableTotalRetentionInDays int = -1

@description('Optional. Names of our tables that have the plan Basic.')
param basicTables array = []

@description('Optional. Our own tables: create, or existing where infra/tables.sh upgrade has written them; a write drops every column that this release does not list.')
@allowed(['create', 'existing'])
param postureTables string = 'create'

@description('Optional. Tables of the two published solutions: off, create, or existing (migrated by step 1; only their flows are added).')
@allowed(['off', 'create', 'existing'])
param classicTables string = 'off'

@description('Optional. Whether the KQL functions are saved in the workspace.')
param saveFunctions bool = true

@description('Optional. Whether the page of the data connector is put into the workspace, which must have Microsoft Sentinel (a new one has it).')
param dataConnector bool = false

@description('Optional. Analytics rules: off, disabled (there, to be switched on one by one) or enabled. The workspace must have Microsoft Sentinel (a new one has it) and the KQL functions.')
@allowed(['off', 'disabled', 'enabled'])
param analyticsRules string = 'off'

@description('Optional. Whether hunting queries are saved in the workspace; they ask the KQL functions.')
param huntingQueries bool = false

@description('Optional. Whether the workbook is put into the workspace; it needs the functions.')
param workbook bool = true

@description('Optional. Subscriptions where the identity becomes Security Reader, and which alone are read. Empty: none is granted, and all that it may read are read.')
param subscriptionIds array = []

@description('Optional. Management group that alone is read. The role there is step 1\'s: group-reader.bicep.')
param managementGroup string = ''

@description('Optional. Cloud of the tenant.')
@allowed(['public', 'gcc', 'gcc-high', 'dod', 'china'])
param cloud string = 'public'

@description('Optional. Name of the tenant in answers and rows. Empty: its id.')
param tenantName string = ''

@description('Optional. For a provider: blob of the container that names the tenants, such as tenants.json. Empty: the deployment\'s own tenant.')
param tenantsFile string = ''

@description('Optional. How the tenants\' APIs are signed in to.')
@allowed(['managed-identity', 'federated-identity', 'client-certificate'])
param credential string = 'managed-identity'

@description('Optional. Client id of the multi-tenant registration, with federated-identity and client-certificate.')
param clientId string = ''

@description('Optional. Address of the key in Key Vault that signs, with client-certificate.')
param clientKey string = ''

@description('Optional. When the timer looks at what is due: NCRONTAB, UTC.')
param schedule string = '0 */5 * * * *'

@description('Optional. Further settings by name (local.settings.json.example); they win over the template\'s. No secret belongs here.')
param moreSettings object = {}

@description('Optional. HTTPS address of the package. Empty: the release that this template belongs to.')
param packageUri string = ''

@description('Optional. Whether the package is deployed into the app.')
param deployCode bool = true

@description('Optional. Plan: flex, or premium (Elastic Premium) where Flex Consumption is not offered.')
@allowed(['flex', 'premium'])
param plan string = 'flex'

@description('Optional. Memory of an instance in MB, on flex.')
@allowed([512, 2048, 4096])
param instanceMemoryMB int = 2048

@description('Optional. Size of an instance, on premium.')
@allowed(['EP1', 'EP2', 'EP3'])
param premiumSize string = 'EP1'

@description('Optional. Instances at most: of each scale group on flex, of the plan on premium (20 at most). Not every region takes fewer than 40 on flex.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 40

@description('Optional. Redundancy of the storage account.')
@allowed(['Standard_LRS', 'Standard_ZRS', 'Standard_GRS', 'Standard_GZRS'])
param storageRedundancy string = 'Standard_LRS'

@description('Optional. Days that records, reports, findings and Parquet files are kept.')
@minValue(30)
@maxValue(36500)
param recordRetentionInDays int = 400

@description('Optional. Whether storage, vault and app are reached by private endpoints only, in a network that the template makes.')
param privateNetwork bool = false

@description('Optional. Address space of that network, /24 or larger.')
param addressPrefix string = '10.20.0.0/24'

@description('Optional. With privateNetwork: whether the collection endpoint takes rows from the internet; Disabled once it is in your private link scope.')
@allowed(['Enabled', 'Disabled', 'SecuredByPerimeter'])
param rowsFromInternet string = 'Enabled'

@description('Optional. Client id of the registration that stands for the API, for callers by identity. Empty: keys only.')
param apiClientId string = ''

@description('Optional. Identities that may call: <tenant id>/<object id>.')
param callers array = []

@description('Optional. Other tenants whose callers may sign in. Empty: this tenant\'s only.')
param callerTenants array = []

@description('Optional. Whether a Key Vault is made.')
param createKeyVault bool = false

@description('Optional. Resource id of a Key Vault that settings refer to; createKeyVault wins.')
param keyVaultResourceId string = ''

@description('Optional. Whether refresh tokens are kept in the vault, which takes the right to write there.')
param keepRefreshTokens bool = false

@description('Optional. Response actions that are possible: off, or some of isolate,release,scan,control-profile.')
param actions string = 'off'

@description('Optional. Resource id of the identity that carries actions out. Empty with actions: the template makes one.')
param actionIdentityResourceId string = ''

@description('Optional. Playbooks to deploy, of EnrichIncident, IsolateDevice, ReleaseDevice, ScanDevice, DailyReport and AlertNotices; they need apiClientId.')
param playbooks array = []

@description('Optional. Mail addresses of those who approve isolation and release, separated by semicolons.')
param playbookApprovers string = ''

@description('Optional. Mail addresses that the daily report goes to, separated by semicolons.')
param playbookRecipients string = ''

@description('Optional. Id of the team that the daily report goes to, a GUID.')
param playbookTeamsGroupId string = ''

@description('Optional. Id of the channel that the daily report goes to, such as 19:…@thread.tacv2.')
param playbookTeamsChannelId string = ''

@description('Optional. Tenant that incidents and the daily report are about. Empty: the incident\'s own, and every tenant.')
param playbookTenantId string = ''

@description('Optional. Object id of Microsoft Sentinel\'s own identity (Azure Security Insights), which then may start the playbooks. Empty: that role is granted by hand.')
param sentinelPrincipalId string = ''

@description('Optional. Mail address that is told when collecting fails.')
param alertEmail string = ''

@description('Optional. Resource ids of action groups that are told when collecting fails.')
param alertActionGroupResourceIds array = []

var release = loadJsonContent('release.json')
var token = uniqueString(resourceGroup().id, prefix)
var container = 'posture'
var queue = 'posture-jobs'
var packageContainer = 'app-package'
var flex = plan == 'flex'
var acts = actions != 'off' && !empty(actions)
// Without a registration nobody knows who calls.
var plays = !empty(playbooks) && !empty(apiClientId)
var playsActions = acts && !empty(intersection(playbooks, ['IsolateDevice', 'ReleaseDevice', 'ScanDevice']))
var package = deployCode ? (empty(packageUri) ? '${release.repository}/releases/download/${release.tag}/${release.package}' : packageUri) : ''
var names = {
  action: 'id-${prefix}-act-${token}'
  alert: '${prefix}-collection-${token}'
  app: 'func-${prefix}-${token}'
  endpoint: 'dce-${prefix}-${take(token, 6)}'
  identity: 'id-${prefix}-${token}'
  insights: 'appi-${prefix}-${token}'
  network: 'vnet-${prefix}-${token}'
  plan: 'plan-${prefix}-${token}'
  playbooks: 'id-${prefix}-play-${token}'
  // A rule can't change between the two kinds, so each has a name of its own.
  rules: '${privateNetwork ? 'dcx' : 'dcr'}-${prefix}-${take(token, 6)}'
  storage: take('st${toLower(replace(prefix, '-', ''))}${token}', 24)
  vault: take('kv-${prefix}-${token}', 24)
  workspace: 'log-${prefix}-${token}'
}
var identityId = empty(identityResourceId) ? resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', names.identity) : identityResourceId
var actionId = empty(actionIdentityResourceId) ? resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', names.action) : actionIdentityResourceId
var playbooksId = resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', names.playbooks)
var workspaceId = empty(workspaceResourceId) ? resourceId('Microsoft.OperationalInsights/workspaces', names.workspace) : workspaceResourceId
var vaultId = createKeyVault || empty(keyVaultResourceId) ? resourceId('Microsoft.KeyVault/vaults', names.vault) : keyVaultResourceId
var workspacePath = split(workspaceId, '/')
var vaultPath = split(vaultId, '/')
var usesVault = createKeyVault || !empty(keyVaultResourceId)

module identity 'modules/identity.bicep' = {
  name: 'posture-identity-${token}'
  params: { name: names.identity, location: location, identityResourceId: identityResourceId, tags: tags }
}

module actionIdentity 'modules/identity.bicep' = if (acts) {
  name: 'posture-action-identity-${token}'
  params: { name: names.action, location: location, identityResourceId: actionIdentityResourceId, tags: tags }
}

module playbookIdentity 'modules/identity.bicep' = if (plays) {
  name: 'posture-playbook-identity-${token}'
  params: { name: names.playbooks, location: location, tags: tags }
}

module logs 'modules/logs.bicep' = {
  name: 'posture-logs-${token}'
  params: {
    names: names
    token: token
    location: location
    workspaceResourceId: workspaceResourceId
    workspaceRetentionInDays: workspaceRetentionInDays
    tableRetentionInDays: tableRetentionInDays
    tableTotalRetentionInDays: tableTotalRetentionInDays
    basicTables: basicTables
    postureTables: postureTables
    classicTables: classicTables
    saveFunctions: saveFunctions
    dataConnector: dataConnector
    analyticsRules: analyticsRules
    huntingQueries: huntingQueries
    workbook: workbook
    privateNetwork: privateNetwork
    rowsFromInternet: rowsFromInternet
    identityResourceId: identityId
    identityPrincipalId: identity.outputs.principalId
    alertEmail: alertEmail
    alertActionGroupResourceIds: alertActionGroupResourceIds
    tags: tags
  }
}

module storage 'modules/storage.bicep' = {
  name: 'posture-storage-${token}'
  params: {
    name: names.storage
    location: location
    container: container
    queue: queue
    packageContainer: flex ? packageContainer : ''
    redundancy: storageRedundancy
    retentionInDays: recordRetentionInDays
    isPrivate: privateNetwork
    tags: tags
  }
}

module insights 'modules/insights.bicep' = {
  name: 'posture-insights-${token}'
  params: { name: names.insights, location: location, workspaceResourceId: workspaceId, tags: tags }
  dependsOn: [logs]
}

module roles 'modules/roles.bicep' = {
  name: 'posture-roles-${token}'
  params: {
    identityResourceId: identityId
    identityPrincipalId: identity.outputs.principalId
    storageName: names.storage
    insightsName: names.insights
  }
  dependsOn: [insights, storage]
}

module subscriptionReader 'modules/subscription-reader.bicep' = [
  for id in subscriptionIds: {
    name: 'posture-reader-${uniqueString(token, id)}'
    scope: subscription(id)
    params: { identityResourceId: identityId, identityPrincipalId: identity.outputs.principalId }
  }
]

module vault 'modules/key-vault.bicep' = if (createKeyVault) {
  name: 'posture-vault-${token}'
  params: { name: names.vault, location: location, isPrivate: privateNetwork, tags: tags }
}

module vaultRoles 'modules/key-vault-roles.bicep' = if (usesVault) {
  name: 'posture-vault-roles-${token}'
  scope: resourceGroup(vaultPath[2], vaultPath[4])
  params: {
    vaultName: vaultPath[8]
    identityResourceId: identityId
    identityPrincipalId: identity.outputs.principalId
    keepsRefreshTokens: keepRefreshTokens
    signs: credential == 'client-certificate'
  }
  dependsOn: [vault]
}

module network 'modules/network.bicep' = if (privateNetwork) {
  name: 'posture-network-${token}'
  params: {
    name: names.network
    location: location
    addressPrefix: addressPrefix
    delegation: flex ? 'Microsoft.App/environments' : 'Microsoft.Web/serverFarms'
    tags: tags
  }
}

module storageEndpoint 'modules/private-endpoint.bicep' = [
  for group in ['blob', 'queue', 'table']: if (privateNetwork) {
    name: 'posture-${group}-endpoint-${token}'
    params: {
      name: 'pe-${group}-${token}'
      location: location
      targetResourceId: resourceId('Microsoft.Storage/storageAccounts', names.storage)
      group: group
      zoneName: 'privatelink.${group}.${environment().suffixes.storage}'
      networkId: network!.outputs.networkId
      subnetId: network!.outputs.endpointSubnetId
      tags: tags
    }
    dependsOn: [storage]
  }
]

module vaultEndpoint 'modules/private-endpoint.bicep' = if (privateNetwork && createKeyVault) {
  name: 'posture-vault-endpoint-${token}'
  params: {
    name: 'pe-vault-${token}'
    location: location
    targetResourceId: vaultId
    group: 'vault'
    zoneName: replace(environment().suffixes.keyvaultDns, '.vault.', 'privatelink.vaultcore.')
    networkId: network!.outputs.networkId
    subnetId: network!.outputs.endpointSubnetId
    tags: tags
  }
  dependsOn: [vault]
}

module playbookRole 'modules/playbook-role.bicep' = if (plays) {
  name: 'posture-playbook-role-${token}'
  scope: resourceGroup(workspacePath[2], workspacePath[4])
  params: {
    workspaceName: workspacePath[8]
    identityResourceId: playbooksId
    identityPrincipalId: playbookIdentity!.outputs.principalId
  }
  dependsOn: [logs]
}

module host 'modules/host.bicep' = {
  name: 'posture-host-${token}'
  params: {
    names: names
    token: token
    location: location
    identityResourceIds: acts ? [identityId, actionId] : [identityId]
    identityClientId: identity.outputs.clientId
    actionClientId: acts ? actionIdentity!.outputs.clientId : ''
    collects: !empty(identityResourceId)
    blobAddress: storage.outputs.blobAddress
    queueAddress: storage.outputs.queueAddress
    tableAddress: storage.outputs.tableAddress
    container: container
    queue: queue
    packageContainer: packageContainer
    packageUri: package
    routes: logs.outputs.routes
    settings: {
      POSTURE_SCHEDULE: schedule
      POSTURE_CLOUD: cloud
      POSTURE_TENANT_ID: empty(tenantsFile) ? tenant().tenantId : ''
      POSTURE_TENANT_NAME: empty(tenantsFile) ? tenantName : ''
      POSTURE_TENANTS: tenantsFile
      POSTURE_CREDENTIAL: credential
      POSTURE_CLIENT_ID: clientId
      POSTURE_CLIENT_KEY: clientKey
      // The two exclude each other, and of many tenants the file says it.
      POSTURE_SUBSCRIPTIONS: empty(managementGroup) && empty(tenantsFile) ? join(subscriptionIds, ',') : ''
      POSTURE_MANAGEMENT_GROUP: empty(tenantsFile) ? managementGroup : ''
      // What is known of vulnerabilities outside lies in the internet, where a private network doesn't lead.
      POSTURE_CVE: privateNetwork ? 'off' : 'on'
      POSTURE_CLASSIC_TABLES: classicTables == 'off' ? 'off' : 'on'
      POSTURE_ACTIONS: acts ? actions : 'off'
      POSTURE_CALLERS: empty(tenantsFile) ? join(callers, ',') : ''
    }
    // Of many tenants the file says it.
    playbooksMay: !plays || !empty(tenantsFile) ? 'nothing' : playsActions ? 'act' : 'read'
    playbookCaller: plays ? '${tenant().tenantId}/${playbookIdentity!.outputs.principalId}' : ''
    moreSettings: moreSettings
    apiClientId: apiClientId
    callerTenants: callerTenants
    plan: plan
    instanceMemoryMB: instanceMemoryMB
    premiumSize: premiumSize
    maximumInstanceCount: maximumInstanceCount
    privateNetwork: privateNetwork
    networkId: privateNetwork ? network!.outputs.networkId : ''
    appSubnetId: privateNetwork ? network!.outputs.appSubnetId : ''
    endpointSubnetId: privateNetwork ? network!.outputs.endpointSubnetId : ''
    tags: tags
  }
  // Roles take minutes to count, so they are asked for long before the package is.
  dependsOn: [roles, storageEndpoint, vaultRoles]
}

module playbookWorkflows 'modules/playbooks.bicep' = if (plays) {
  name: 'posture-playbooks-${token}'
  params: {
    playbooks: playbooks
    prefix: prefix
    suffix: take(token, 6)
    location: location
    identityResourceId: playbooksId
    address: 'https://${host.outputs.hostName}'
    audience: 'api://${apiClientId}'
    tenantId: playbookTenantId
    approvers: playbookApprovers
    recipients: playbookRecipients
    teamsGroupId: playbookTeamsGroupId
    teamsChannelId: playbookTeamsChannelId
    sentinelPrincipalId: sentinelPrincipalId
    tags: tags
  }
  dependsOn: [playbookRole]
}

@description('Address of the app.')
output address string = 'https://${host.outputs.hostName}'

@description('Resource id of the app\'s identity: step 1\'s script grants to it, and identityResourceId of the next deployment names it.')
output identityResourceId string = identityId

@description('Object id of the app\'s identity.')
output identityPrincipalId string = identity.outputs.principalId

@description('Client id of the app\'s identity.')
output identityClientId string = identity.outputs.clientId

@description('Resource id of the identity of response actions; empty without.')
output actionIdentityResourceId string = acts ? actionId : ''

@description('Caller that the playbooks are: <tenant id>/<object id>, for callers and actions.callers of tenants.json; empty without.')
output playbookCaller string = plays ? '${tenant().tenantId}/${playbookIdentity!.outputs.principalId}' : ''

@description('Whether the timer collects: not before a deployment names the identity.')
output collects bool = !empty(identityResourceId)

@description('Resource id of the workspace.')
output workspaceResourceId string = workspaceId

@description('Name of the storage account.')
output storageName string = names.storage
