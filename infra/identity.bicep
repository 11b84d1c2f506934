metadata description = 'Step 1 as a template: the identities of a deployment with their app roles, as infra/grant.sh makes them. By the Azure CLI only; the portal takes no Microsoft Graph extension.'

@description('Optional. Region of the identities.')
param location string = resourceGroup().location

@description('Optional. Name of the identity that collects.')
@minLength(3)
@maxLength(128)
param name string = 'posture-collect'

@description('Optional. Grant what live look-ups need too.')
param live bool = false

@description('Optional. Response actions for which an identity apart gets its roles: isolate, release, scan, control-profile.')
param actions array = []

@description('Optional. Name of the identity that carries out response actions.')
@minLength(3)
@maxLength(128)
param actName string = 'posture-act'

var permissions = loadJsonContent('generated/permissions.json')

// A look-up's role that collecting has too would be granted twice, which the directory refuses.
var collected = flatten(map(permissions.collect.apis, api => map(api.appRoles, role => '${api.appId} ${role.id}')))
var looked = map(permissions.live.apis, api => {
  appId: api.appId
  appRoles: filter(api.appRoles, role => contains(collected, '${api.appId} ${role.id}') == false)
})
// An API that nothing is asked of may not be in the tenant.
var acting = filter(
  map(permissions.act.apis, api => {
    appId: api.appId
    appRoles: filter(api.appRoles, role => length(intersection(role.actions, actions)) > 0)
  }),
  api => length(api.appRoles) > 0
)

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
}

resource actIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (length(actions) > 0) {
  name: actName
  location: location
}

module collectRoles 'steps/app-roles.bicep' = {
  name: 'posture-collect-roles'
  params: {
    principalId: identity.properties.principalId
    apis: permissions.collect.apis
  }
}

module liveRoles 'steps/app-roles.bicep' = if (live) {
  name: 'posture-live-roles'
  params: {
    principalId: identity.properties.principalId
    apis: looked
  }
}

module actRoles 'steps/app-roles.bicep' = if (length(actions) > 0) {
  name: 'posture-act-roles'
  params: {
    principalId: actIdentity!.properties.principalId
    apis: acting
  }
}

@description('Resource id of the identity that collects: what the button asks for.')
output identityResourceId string = identity.id

@description('Client id of the identity that collects.')
output identityClientId string = identity.properties.clientId

@description('Resource id of the identity that acts; empty where no action is on.')
output actIdentityResourceId string = length(actions) > 0 ? actIdentity.id : ''
