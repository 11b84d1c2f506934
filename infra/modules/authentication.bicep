metadata description = 'App Service authentication in front of the app; requests without a token pass to the routes that a key guards, and the handler turns callers away.'

@description('Required. Name of the app.')
param appName string

@description('Required. Client id of the registration that stands for the API.')
param clientId string

@description('Required. Whether callers of other tenants may sign in.')
param manyTenants bool

var login = environment().authentication.loginEndpoint
var issuer = manyTenants ? '${login}common/v2.0' : '${login}${tenant().tenantId}/v2.0'

resource app 'Microsoft.Web/sites@2025-03-01' existing = {
  name: appName
}

resource auth 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true, runtimeVersion: '~1' }
    globalValidation: {
      // function_http and function_action ask for their keys, function_caller for an identity of its list.
      requireAuthentication: false
      unauthenticatedClientAction: 'AllowAnonymous'
    }
    httpSettings: { requireHttps: true }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          openIdIssuer: issuer
        }
        validation: {
          allowedAudiences: [clientId, 'api://${clientId}']
        }
      }
    }
    login: { tokenStore: { enabled: false } }
  }
}
