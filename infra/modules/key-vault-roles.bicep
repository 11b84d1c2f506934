metadata description = 'What an identity of the app may do in a Key Vault, in the vault\'s own resource group.'

@description('Required. Name of the vault in this resource group.')
param vaultName string

@description('Required. Resource id of the identity.')
param identityResourceId string

@description('Required. Object id of the identity.')
param identityPrincipalId string

@description('Required. Whether refresh tokens are kept there, which takes the right to write secrets.')
param keepsRefreshTokens bool

@description('Required. Whether a certificate\'s key stays there and signs.')
param signs bool

var reads = ['4633458b-17de-408a-b874-0445c86b69e6'] // Key Vault Secrets User
var writes = ['b86a8fe4-44ce-4948-aee5-eccb2c155cd7'] // Key Vault Secrets Officer
var signing = [
  '12338af0-0e69-4776-bea7-57ae8d297424' // Key Vault Crypto User
  'db79e9a7-68ee-4b58-9aeb-b90e7c24fcba' // Key Vault Certificate User
]

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: vaultName
}

resource grant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for role in concat(keepsRefreshTokens ? writes : reads, signs ? signing : []): {
    scope: vault
    name: guid(vault.id, toLower(identityResourceId), role)
    properties: {
      principalId: identityPrincipalId
      principalType: 'ServicePrincipal'
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
    }
  }
]
