metadata description = 'Grants app roles to one identity. Needs the Microsoft Graph extension: command line only, never the button.'

extension microsoftGraphV1

@description('Required. Object id of the identity.')
param principalId string

@description('Required. APIs with their app roles, as a set of generated/permissions.json has them.')
param apis array

var roles = flatten(map(
  range(0, length(apis)),
  place => map(apis[place].appRoles, role => { api: place, id: role.id, name: role.name })
))

resource services 'Microsoft.Graph/servicePrincipals@v1.0' existing = [
  for api in apis: {
    appId: api.appId
  }
]

resource grants 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [
  for role in roles: {
    principalId: principalId
    resourceId: services[role.api].id
    appRoleId: role.id
  }
]

@description('Names of the granted roles.')
output granted array = map(roles, role => role.name)
