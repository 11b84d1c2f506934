metadata description = 'Everything about rows: the workspace, its tables and functions, the rules that take rows, and the alert on them.'

@description('Required. Names: workspace, endpoint, rules, alert.')
param names object

@description('Required. Text that sets this deployment\'s modules apart from those of another in the same workspace.')
param token string

@description('Required. Region of a new workspace.')
param location string

@description('Required. Resource id of the workspace to take; empty: a new one.')
param workspaceResourceId string

@description('Required. Days that a new workspace keeps rows for queries.')
param workspaceRetentionInDays int

@description('Required. Days that our tables keep rows for queries; -1 as the workspace.')
param tableRetentionInDays int

@description('Required. Days that our tables keep rows in all; -1 as tableRetentionInDays.')
param tableTotalRetentionInDays int

@description('Required. Names of our tables that have the plan Basic.')
param basicTables array

@description('Required. Our own tables: create, or existing where they are written already.')
@allowed(['create', 'existing'])
param postureTables string

@description('Required. Tables of the two published solutions: off, create or existing.')
@allowed(['off', 'create', 'existing'])
param classicTables string

@description('Required. Whether the functions are saved in the workspace.')
param saveFunctions bool

@description('Required. Whether the workspace, which must have Microsoft Sentinel, gets the page of the data connector.')
param dataConnector bool

@description('Required. Analytics rules, which need Microsoft Sentinel and the functions in the workspace: off, disabled or enabled.')
@allowed(['off', 'disabled', 'enabled'])
param analyticsRules string

@description('Required. Whether hunting queries are saved in the workspace.')
param huntingQueries bool

@description('Required. Whether the workbook is put into the workspace.')
param workbook bool

@description('Required. Whether rows come through a collection endpoint that can be put into a private link scope.')
param privateNetwork bool

@description('Required. Whether that endpoint takes rows from the internet.')
param rowsFromInternet string

@description('Required. Resource id of the sending identity.')
param identityResourceId string

@description('Required. Object id of the sending identity.')
param identityPrincipalId string

@description('Required. Mail address that is told when collecting fails; empty: nobody.')
param alertEmail string

@description('Required. Resource ids of action groups that are told.')
param alertActionGroupResourceIds array

@description('Optional. Tags.')
param tags object = {}

// Written from the catalogue by `posture describe`; loaded once, because each load is a copy in the template.
var generated = loadJsonContent('../generated/tables.json')
var workspaceId = empty(workspaceResourceId) ? resourceId('Microsoft.OperationalInsights/workspaces', names.workspace) : workspaceResourceId
var workspacePath = split(workspaceId, '/')

module workspace 'workspace.bicep' = {
  name: 'posture-workspace-${token}'
  params: {
    name: names.workspace
    location: location
    workspaceResourceId: workspaceResourceId
    retentionInDays: workspaceRetentionInDays
    tags: tags
  }
}

module tables 'tables.bicep' = {
  name: 'posture-tables-${token}'
  scope: resourceGroup(workspacePath[2], workspacePath[4])
  params: {
    workspaceName: workspacePath[8]
    tables: concat(
      postureTables == 'create' ? generated.tables : [],
      classicTables == 'create' ? generated.classicTables : []
    )
    retentionInDays: tableRetentionInDays
    totalRetentionInDays: tableTotalRetentionInDays
    basicTables: basicTables
  }
  dependsOn: [workspace]
}

module functions 'functions.bicep' = if (saveFunctions) {
  name: 'posture-functions-${token}'
  scope: resourceGroup(workspacePath[2], workspacePath[4])
  params: { workspaceName: workspacePath[8] }
  dependsOn: [tables]
}

module connector 'connector.bicep' = if (dataConnector) {
  name: 'posture-connector-${token}'
  scope: resourceGroup(workspacePath[2], workspacePath[4])
  params: { workspaceName: workspacePath[8] }
  dependsOn: [tables]
}

module analytics 'analytics.bicep' = if (analyticsRules != 'off') {
  name: 'posture-analytics-${token}'
  scope: resourceGroup(workspacePath[2], workspacePath[4])
  params: { workspaceName: workspacePath[8], enabled: analyticsRules == 'enabled' }
  // The service refuses a rule whose query names a table or function that isn't there.
  dependsOn: [functions, tables]
}

module hunts 'hunts.bicep' = if (huntingQueries) {
  name: 'posture-hunts-${token}'
  scope: resourceGroup(workspacePath[2], workspacePath[4])
  params: { workspaceName: workspacePath[8] }
  // Not beside the functions: both are saved searches of one workspace.
  dependsOn: [functions, tables]
}

// Its tiles call the functions.
module sentinelWorkbook 'workbook.bicep' = if (workbook && saveFunctions) {
  name: 'posture-workbook-${token}'
  scope: resourceGroup(workspacePath[2], workspacePath[4])
  params: {
    workspaceName: workspacePath[8]
    location: workspace.outputs.location
    tags: tags
  }
  dependsOn: [functions]
}

module endpoint 'endpoint.bicep' = if (privateNetwork) {
  name: 'posture-endpoint-${token}'
  params: {
    name: names.endpoint
    location: workspace.outputs.location
    publicNetworkAccess: rowsFromInternet
    tags: tags
  }
}

module rules 'rules.bicep' = {
  name: 'posture-rules-${token}'
  params: {
    namePrefix: names.rules
    rules: generated.rules
    location: workspace.outputs.location
    workspaceResourceId: workspaceId
    identityResourceId: identityResourceId
    identityPrincipalId: identityPrincipalId
    classicFlows: classicTables != 'off'
    endpointResourceId: privateNetwork ? resourceId('Microsoft.Insights/dataCollectionEndpoints', names.endpoint) : ''
    endpointAddress: privateNetwork ? endpoint!.outputs.address : ''
    tags: tags
  }
  dependsOn: [tables]
}

module alert 'alert.bicep' = if (!empty(alertEmail) || !empty(alertActionGroupResourceIds)) {
  name: 'posture-alert-${token}'
  params: {
    name: names.alert
    location: workspace.outputs.location
    workspaceResourceId: workspaceId
    email: alertEmail
    actionGroupResourceIds: alertActionGroupResourceIds
    tags: tags
  }
  dependsOn: [tables]
}

@description('Where each rule takes its rows, in the order of the catalogue.')
output routes array = rules.outputs.routes
