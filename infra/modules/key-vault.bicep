metadata description = 'A Key Vault that is opened by role only.'

@description('Required. Name.')
@maxLength(24)
param name string

@description('Required. Region.')
param location string

@description('Required. Whether the vault takes requests from private endpoints only.')
param isPrivate bool

@description('Optional. Tags.')
param tags object = {}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'None'
      defaultAction: isPrivate ? 'Deny' : 'Allow'
    }
  }
}
