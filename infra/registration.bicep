metadata description = 'A provider\'s multi-tenant registration, as infra/grant.sh --provider makes it: what it asks customers for, and its credential. By the Azure CLI only. Deploy it again after a release with new sources; customers then consent again.'

extension microsoftGraphV1

@description('Optional. Name that stays: a second deployment updates the registration of that name.')
@minLength(3)
@maxLength(100)
param name string = 'posture'

@description('Optional. What the registration is for: collecting, or response actions, which have one apart.')
@allowed(['collect', 'act'])
param purpose string = 'collect'

@description('Optional. Ask for what live look-ups need too.')
param live bool = false

@description('Optional. With purpose act: the response actions, of isolate, release, scan, control-profile.')
param actions array = []

@description('Optional. Object id of the user-assigned identity whose token is the credential. Empty where a certificate is.')
param identityPrincipalId string = ''

@description('Optional. Public part of a certificate whose key stays in Key Vault, as base64 of its DER.')
param certificate string = ''

var permissions = loadJsonContent('generated/permissions.json')
var audiences = {
  AzureCloud: 'api://AzureADTokenExchange'
  AzureUSGovernment: 'api://AzureADTokenExchangeUSGov'
  AzureChinaCloud: 'api://AzureADTokenExchangeChina'
}
var login = environment().authentication.loginEndpoint
var issuer = '${endsWith(login, '/') ? login : '${login}/'}${tenant().tenantId}/v2.0'

var reading = map(permissions.collect.apis, api => {
  appId: api.appId
  appRoles: live
    ? union(
        map(api.appRoles, role => role.id),
        flatten(map(filter(permissions.live.apis, other => other.appId == api.appId), other => map(other.appRoles, role => role.id)))
      )
    : map(api.appRoles, role => role.id)
})
var acting = filter(
  map(permissions.act.apis, api => {
    appId: api.appId
    appRoles: map(filter(api.appRoles, role => length(intersection(role.actions, actions)) > 0), role => role.id)
  }),
  api => length(api.appRoles) > 0
)
var asked = purpose == 'act' ? acting : reading

// What this writes takes the place of what somebody has added by hand; the script keeps it.
resource registration 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: name
  displayName: name
  signInAudience: 'AzureADMultipleOrgs'
  api: { requestedAccessTokenVersion: 2 }
  requiredResourceAccess: map(asked, api => {
    resourceAppId: api.appId
    resourceAccess: map(api.appRoles, role => { id: role, type: 'Role' })
  })
  keyCredentials: empty(certificate)
    ? null
    : [{ type: 'AsymmetricX509Cert', usage: 'Verify', key: certificate, displayName: name }]
}

resource trust 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = if (length(identityPrincipalId) > 0) {
  name: '${name}/posture-${identityPrincipalId}'
  issuer: issuer
  subject: identityPrincipalId
  audiences: [audiences[environment().name]]
  dependsOn: [registration]
}

resource principal 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: registration.appId
}

@description('Client id of the registration: POSTURE_CLIENT_ID, and what customers consent to.')
output applicationClientId string = registration.appId

@description('Where an administrator of a customer consents; put the customer\'s tenant in.')
output consent string = '${login}<customer\'s tenant>/adminconsent?client_id=${registration.appId}'
